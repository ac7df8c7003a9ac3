"""Each check against its table of cases: what it finds, where, in which words, what it leaves alone, and what it mends."""

from __future__ import annotations

import tomllib

import pytest
from lint_cases import Case, all_cases

from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.lint.check import all_checks
from pyiptables.lint.finding import Severity
from pyiptables.lint.fixes import chosen, edited
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source
from pyiptables.syntax.sets import KnownSets

CASES = all_cases()


def findings(case: Case, text: str):
    """What the case's own check finds in a text."""
    given = dict(word.split("=", 1) for word in case.words if "=" in word)
    select = ("ALL",) if case.code[0] == "X" else (case.code,)
    floor = Severity.WARNING if "warned" in case.words else Severity.INFO
    settings = Settings(select=select, floor=floor, noflush="noflush" in case.words)
    if "kernel" in given:
        major, minor = given["kernel"].split(".")
        settings = Settings(select=(case.code,), kernel=(int(major), int(minor)))
    if "required" in given:
        settings = Settings(select=(case.code,), required=tuple(given["required"].replace("~", " ").split("|")))
    if "listening" in given:
        settings = Settings(select=(case.code,), listening=(given["listening"],))
    if "must" in given:
        settings = Settings(select=(case.code,), must_reach=(given["must"],))
    family = Family.IPV6 if "v6" in case.words else Family.IPV4
    sets = (
        KnownSets((f"{line.replace('~', ' ')}\n" for line in given["sets"].split("|")), "sets")
        if "sets" in given
        else None
    )
    host = None
    if "host" in given:
        host = Host.from_values(tomllib.loads(given["host"].replace("~", " ").replace("|", "\n")), "host", "host")
    source = read_source("rules", family, text)
    assert (source.kind == "script") is ("script" in case.words)
    found = run(read_subject([source], settings, host=host, given=sets)).findings
    return source, [each for each in found if each.code == case.code]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.code}-{case.name}")
def test_case(case):
    source, found = findings(case, case.text)
    assert [f"{each.place.line}: {each.code} {each.message}" for each in found] == case.expected
    for each in found:
        assert each.place.text == source.line(each.place.line)
        assert each.place.column >= 1
    if case.fixed is not None:
        lines, count = source.lines, 1
        while count:
            edits, count = chosen(found, "rules", unsafe="unsafe" in case.words)
            lines = edited(lines, edits)
            found = findings(case, "".join(lines))[1]
        assert "".join(lines) == case.fixed
    elif not case.expected:
        assert not found


def test_every_check_has_cases():
    covered = {case.code for case in CASES if case.expected}
    assert {check.code for check in all_checks()} - covered == set()


def test_every_check_has_clean_neighbours():
    clean = {case.code for case in CASES if not case.expected}
    assert {check.code for check in all_checks()} - clean == set()
