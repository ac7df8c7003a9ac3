"""Recordings of the kernel, replayed by the command: each packet's log lines and frames, counters and connections."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded import arguments, family_of, kernel_outcome, start_of, traced_outcome

from pyiptables.cli.trace import main
from pyiptables.hooks import Family

RECORDINGS = sorted(path for path in (Path(__file__).parent / "recordings").iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: path.name)
def test_recording(folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    family = Family.IPV6 if family_of(folder) == 6 else Family.IPV4
    status = main(arguments(folder, tmp_path), family)
    assert status == 0
    kernel, traced = kernel_outcome(folder), traced_outcome(tmp_path, capfd.readouterr().out, start_of(folder))
    for number in sorted(kernel.log.keys() | traced.log.keys()):
        assert traced.log.get(number, []) == kernel.log.get(number, []), f"log lines of packet {number}"
    for number in sorted(kernel.frames.keys() | traced.frames.keys()):
        assert traced.frames.get(number, []) == kernel.frames.get(number, []), f"frames of packet {number}"
    assert traced.rules == kernel.rules
    assert traced.connections == kernel.connections
    assert traced.sets == kernel.sets
