"""The bundled hosts: replaying their captures gives the counters and log lines that the real kernel had."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyiptables.cli.trace import main
from pyiptables.hooks import Family

HOSTS = Path(__file__).parents[2] / "rulesets"


def without_comments(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("host", ["home-router", "web-server", "kubernetes-node"])
def test_host(host: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = HOSTS / host
    after = tmp_path / "rules"
    status = main(
        ["--snapshot", str(folder), "--format", "kernel", "--save-rules", str(after), str(folder / "capture.pcapng")],
        Family.IPV4,
    )
    assert status == 0
    assert without_comments(after) == without_comments(folder / "expected.rules.v4")
    logged = [re.sub(r"^\[[^]]*\] ", "", line) for line in capfd.readouterr().out.splitlines()]
    assert logged == (folder / "expected.kernel.log").read_text().splitlines()
