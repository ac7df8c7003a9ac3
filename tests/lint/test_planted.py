"""Faults planted in generated rulesets are found at their line, by their code, and nothing is found without them."""

from __future__ import annotations

from random import Random

import pytest
from planted import FAULTS, MARK, clean
from planted_lines import LINES
from test_witnesses import decided

from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source

SEEDS = range(8)
SPELT = [(code, line) for code, lines in LINES.items() for line in lines]
SETTINGS = Settings(must_reach=("tcp/22",))


def found_in(text: str) -> tuple[list[Finding], object]:
    """What lint finds unasked in a text, and the subject."""
    subject = read_subject([read_source("rules", None, text)], SETTINGS)
    return list(run(subject).findings), subject


def confirm(findings, subject):
    """Each witness comes to a rule that its finding names."""
    for finding in findings:
        if finding.proof.witness is not None:
            met = decided(subject.ruleset(finding.family), finding.proof.witness)
            named = (finding.place, *finding.proof.covering)
            assert met & {(place.table, place.chain, place.number) for place in named}, finding


@pytest.mark.parametrize("seed", range(40))
def test_nothing_is_found_in_a_clean_one(seed):
    found, _ = found_in(clean(Random(seed)).text()[0])
    assert not [(each.code, each.place.line, each.message) for each in found]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_found(name, seed):
    code, planter = FAULTS[name]
    made = clean(Random(seed))
    planter(made)
    text, marked = made.text()
    found, subject = found_in(text)
    assert marked
    assert [each.place.line for each in found if each.code == code] == marked, text
    assert all(each.severity >= Severity.WARNING for each in found)
    confirm(found, subject)


@pytest.mark.parametrize(("code", "line"), SPELT)
def test_wrong_line_is_found(code, line):
    made = clean(Random(line))
    made.put(made.input, f"-A INPUT {line}{MARK}")
    text, marked = made.text()
    found, subject = found_in(text)
    assert [(each.code, each.place.line) for each in found] == [(code, *marked)], text
    confirm(found, subject)


def test_shadowed_ones_have_a_witness():
    for name in (name for name in FAULTS if name.startswith("shadowed") and name != "shadowed_when_forwarded"):
        for seed in SEEDS:
            made = clean(Random(seed))
            FAULTS[name][1](made)
            found, _ = found_in(made.text()[0])
            assert [each for each in found if each.code == "R301" and each.proof.witness], name
