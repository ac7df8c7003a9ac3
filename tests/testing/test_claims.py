"""Statements about all packets: proved, refuted by a packet whose trace shows it, or unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from tables import HOSTS, blocks

from pyiptables.testing.formats.full import failure_lines
from pyiptables.testing.reading import read_suite
from pyiptables.testing.results import Result
from pyiptables.testing.running import run

POLICIES = "".join(f":{chain} ACCEPT [0:0]\n" for chain in ("INPUT", "FORWARD", "OUTPUT"))


def ruleset_text(rules: str) -> str:
    """Rules as a file: those of filter, and behind ``*nat`` (or another) those of nat."""
    tables: dict[str, list[str]] = {"filter": [POLICIES]}
    name = "filter"
    for line in rules.splitlines():
        if line.startswith("*"):
            tables[name := line[1:]] = []
        else:
            tables[name].append(f"{line} [0:0]\n" if line.startswith(":") and "[" not in line else f"{line}\n")
    return "".join(f"*{table}\n{''.join(lines)}COMMIT\n" for table, lines in tables.items())


def run_claim(text: str, folder: Path) -> Result:
    rules, _, claim = text.partition("[[")
    (folder / "rules.v4").write_text(ruleset_text(rules))
    (folder / "claim.pyipt.toml").write_text(f'rules = "rules.v4"\n[[{claim}')
    (result,) = run(read_suite(folder / "claim.pyipt.toml"))
    return result


@pytest.mark.parametrize(
    ("ending", "text"), [pytest.param(head, text, id=f"line {line}") for line, head, text in blocks("claims.txt")]
)
def test_claim(ending: str, text: str, tmp_path: Path) -> None:
    result = run_claim(text, tmp_path)
    said = "\n".join(line for failure in result.failures for line in failure_lines(failure, 200))
    status, *parts = ending.split(" | ")
    assert result.status.value == status, said
    assert [part for part in parts if part not in said] == [], said


@pytest.mark.parametrize("host", ["home-router"])
def test_bundled_policy_passes(host: str) -> None:
    results = list(run(read_suite(HOSTS / host / "policy.pyipt.toml")))
    assert [result.summary() for result in results if not result.status.good] == []
    assert len(results) == 15
