"""Which things that rules do to packets can differ between two rulesets at all, found before any set is made.

Tables that say the same do the same to packets that come the same. So where the tables that differ change nothing that a
later rule could see, what the others do need not be followed: packets that come to them on both sides fare alike there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import RuleFacts
from pyiptables.hooks import Family
from pyiptables.ruleset.model import Ruleset, Table
from pyiptables.testing.comparison.operations import Aspect, operations
from pyiptables.testing.source import Source

UNSEEN = frozenset({Aspect.LOG})
"""What no rule can see."""


def aspects_between(old: Source, new: Source, family: Family) -> tuple[Aspect, ...]:
    """The aspects in which two firewalls can differ, in the order of their declaration."""
    rulesets = (old.ruleset(family), new.ruleset(family))
    used: dict[str, set[Aspect]] = {}
    for ruleset in rulesets:
        for table, done in _done(ruleset):
            used.setdefault(table, set()).update(done)
    everything = set().union(*used.values()) if used else set()
    other = {name for one in rulesets for name in one.tables if _said(rulesets[0], name) != _said(rulesets[1], name)}
    alike = old.sets(0) is None and new.sets(0) is None and old.real_host() is None and new.real_host() is None
    if alike:
        changed = set().union(*(used.get(name, set()) for name in other))
        everything = everything if changed - UNSEEN else changed
    return tuple(aspect for aspect in Aspect if aspect in everything)


def _done(ruleset: Ruleset) -> Iterator[tuple[str, set[Aspect]]]:
    for table in ruleset.tables.values():
        facts = RuleFacts(ruleset.family, table.name)
        targets = {id(rule.spec.target): rule.spec.target for chain in table.chains.values() for rule in chain.rules}
        for target in targets.values():
            if target is not None:
                yield table.name, set(operations(target, facts))


def _said(ruleset: Ruleset, name: str) -> Any:
    """What a table says, counters apart; chains that say nothing are left out."""
    table: Table | None = ruleset.tables.get(name)
    if table is None:
        return None
    return {
        chain.name: (chain.policy, [rule.spec for rule in chain.rules])
        for chain in table.chains.values()
        if chain.rules or chain.policy not in (None, "ACCEPT")
    }
