"""Rules that others cover together are found, with a witness that is confirmed; where the cover leaks, nothing is."""

from __future__ import annotations

import os
from random import Random

import pytest
from brute_force import meets
from planted_covers import Covered, covered
from test_planted import confirm

from pyiptables.hooks import Family
from pyiptables.lint.finding import Finding, Place, Severity
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source
from pyiptables.lint.subject import Subject

SEEDS = range(int(os.environ.get("PYIPT_PLANTED", "90")))
"""How many rulesets are made of each kind; thousands were, by hand."""
GROUP = 10
BLOCKS = [SEEDS[at : at + GROUP] for at in SEEDS[::GROUP]]
SHOTS = 120


def errors(made: Covered) -> tuple[list[Finding], Subject, str, list[int]]:
    """The findings of the error class, the subject, the text and the marked lines."""
    text, marked = made.text()
    family = Family.IPV6 if made.six else Family.IPV4
    subject = read_subject([read_source(f"rules.v{family.version}", family, text)], Settings())
    return [each for each in run(subject).findings if each.severity is Severity.ERROR], subject, text, marked


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block[0]}-{block[-1]}")
def test_cover_is_found(block):
    for seed in block:
        found, subject, text, marked = errors(covered(Random(seed)))
        lines = {each.place.line for each in found}
        assert lines and lines <= set(marked), f"seed {seed}: {sorted(lines)} of {marked}\n{text}"
        assert {each.code for each in found} <= {"R301", "R308"}, f"seed {seed}"
        confirm(found, subject)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: f"{block[0]}-{block[-1]}")
def test_nothing_is_found_that_packets_meet(block):
    for seed in block:
        found, subject, text, _ = errors(covered(Random(seed), leak=True))
        for each in found:
            assert each.family is not None
            packet = meets(subject.ruleset(each.family), text, each.place, Random(seed), shots=SHOTS)
            assert packet is None, f"seed {seed}: {packet} meets line {each.place.line}\n{text}"


def test_a_limit_covers_nothing():
    """Parts that all hang on a limit, a list or a clock leave every victim alive."""
    leaking = [made for made in (covered(Random(seed), leak=True) for seed in SEEDS) if made.open]
    assert len(leaking) > len(SEEDS) / 4
    for made in leaking:
        found, _, text, _ = errors(made)
        assert not found, text


def test_packets_meet_what_lives():
    """The packets that are thrown are good for something: of rules that live they meet many."""
    met = 0
    for seed in range(40):
        made = covered(Random(seed), leak=True)
        text, marked = made.text()
        family = Family.IPV6 if made.six else Family.IPV4
        ruleset = read_subject([read_source("rules", family, text)], Settings()).ruleset(family)
        for table, chain, number, rule in ruleset.rules():
            if rule.line == marked[0]:
                place = Place("rules", rule.line, table=table.name, chain=chain.name, number=number)
                met += meets(ruleset, text, place, Random(seed), shots=SHOTS) is not None
    assert met >= 8


def test_most_have_a_witness():
    """Where a witness can be written there is one; how many findings have none is told with -rP."""
    found = [each for seed in SEEDS for each in errors(covered(Random(seed)))[0]]
    without = [each for each in found if each.proof.witness is None]
    print(f"{len(without)} of {len(found)} findings have no witness")
    assert len(without) <= 0.6 * len(found)
