"""The rules of a chain that decide, with the packets that each selects: what the comparisons of rules begin with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pyiptables.analysis.sets import Bounds
from pyiptables.hooks import Family
from pyiptables.lint.alike import constant
from pyiptables.lint.proofs import provable
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.ruleset.conditions import apart

MOST_COMPARED = 64
"""Rules of one chain, next to one another, that are compared; beyond it nothing is said."""
_DECISIONS = ("ACCEPT", "DROP", "REJECT")


@dataclass
class Selecting:
    """The rules of one chain; what a rule selects is asked for once."""

    subject: Subject
    rules: list[PlacedRule]
    policy: str | None
    _selected: dict[int, Bounds] = field(default_factory=dict)

    def selects(self, rule: PlacedRule) -> Bounds:
        """The packets that a rule's conditions select."""
        found = self._selected.get(rule.number)
        if found is None:
            reach = self.subject.reach(rule.family)
            found = self._selected[rule.number] = reach.matches(rule.table, rule.chain, rule.number)
        return found


def chains_of_filter(subject: Subject, family: Family) -> Iterator[Selecting]:
    """The chains of the table filter that are nobody else's, of a family of which all was read."""
    table = subject.ruleset(family).tables.get("filter")
    for chain in table.chains.values() if table is not None else ():
        if not subject.settings.is_foreign(chain.name):
            rules = [
                PlacedRule(family, "filter", chain.name, number, rule) for number, rule in enumerate(chain.rules, 1)
            ]
            yield Selecting(subject, rules, chain.policy)


def selections(subject: Subject) -> Iterator[Selecting]:
    """Those chains of all families whose packet sets can be trusted."""
    for family in provable(subject):
        yield from chains_of_filter(subject, family)


def decides(rule: PlacedRule) -> bool:
    """Whether a rule accepts, drops or refuses, by conditions that ask the same of a packet each time."""
    return rule.spec.target_name in _DECISIONS and constant(rule.spec, rule.table)


def opposite(one: PlacedRule, other: PlacedRule) -> bool:
    """Whether one accepts what the other does not."""
    return (one.spec.target_name == "ACCEPT") is not (other.spec.target_name == "ACCEPT")


def opposed(subject: Subject) -> Iterator[tuple[PlacedRule, Iterator[tuple[PlacedRule, Bounds, Bounds]]]]:
    """Each rule with those before it, the nearest first, that decide the opposite, and what both select (it, then the rule)."""
    for chain in selections(subject):
        for rule in chain.rules:
            if decides(rule) and not rule.unconditional:
                yield rule, _opposed(chain, rule)


def _opposed(chain: Selecting, rule: PlacedRule) -> Iterator[tuple[PlacedRule, Bounds, Bounds]]:
    for earlier in reversed(chain.rules[max(0, rule.number - 1 - MOST_COMPARED) : rule.number - 1]):
        if decides(earlier) and opposite(earlier, rule) and not apart(earlier.spec, rule.spec):
            yield earlier, chain.selects(earlier), chain.selects(rule)
