"""Cases through an engine: what holds, what does not, and what a file that cannot be run is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from tables import HOSTS, blocks, rows

from pyiptables.errors import Error
from pyiptables.testing.reading import read_suite
from pyiptables.testing.results import Status
from pyiptables.testing.running import run


@pytest.mark.parametrize(
    ("host", "packets", "expected", "outcome"),
    [pytest.param(*columns, id=f"line {number}") for number, columns in rows("expectations.txt")],
)
def test_expectation(host: str, packets: str, expected: str, outcome: str, tmp_path: Path) -> None:
    listed = ", ".join(f"'''{packet.strip()}'''" for packet in packets.split(" ;; "))
    lines = [f'snapshot = "{HOSTS / host}"', "[[case]]", f"conversation = [{listed}]", *expected.split("; ")]
    path = tmp_path / "case.pyipt.toml"
    path.write_text("\n".join(lines) + "\n")
    try:
        (result,) = run(read_suite(path))
    except Error as error:
        assert outcome != "ok" and outcome in error.text, str(error)
        return
    said = [f"{one.key}: {one.expected} -> {one.actual}" for failure in result.failures for one in failure.differences]
    if outcome == "ok":
        assert (result.status, said, result.summary()) == (Status.PASSED, [], "")
    else:
        assert result.status is Status.FAILED
        assert outcome in (said or [result.summary()])[0]


@pytest.mark.parametrize(
    ("message", "text"), [pytest.param(head, text, id=f"line {line}") for line, head, text in blocks("errors.txt")]
)
def test_error(message: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.pyipt.toml"
    path.write_text(text.replace("HOST", str(HOSTS / "home-router")))
    with pytest.raises(Error) as raised:
        list(run(read_suite(path)))
    error = raised.value
    expected, _, hint = message.replace("HOST", str(HOSTS / "home-router")).partition(" | ")
    assert str(error).replace(str(tmp_path), "FOLDER").startswith("FOLDER/broken.pyipt.toml:")
    place, _, words = expected.partition(": ")
    if place.replace(":", "").isdecimal():
        found = ":".join(str(at) for at in (error.line, error.column) if at is not None)
        assert (found, error.text.replace(str(tmp_path), "FOLDER")[: len(words)]) == (place, words)
    else:
        assert (error.line, error.text) == (None, expected)
    assert (error.hint or "").startswith(hint)
