"""Tables made ready to walk: each rule's conditions as predicates, its target, its state and its running counters.

Rules are made ready when a packet first comes to them, so that a ruleset of which little is used costs little.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyiptables.extensions.base import Match
from pyiptables.hooks import TABLES, Family, Hook
from pyiptables.netfilter.dispatch import Dispatch
from pyiptables.predicate import Labelled, Predicate, all_of
from pyiptables.ruleset.conditions import conditions
from pyiptables.ruleset.model import Chain, Counters, Rule, Table

REPEATABLE_MATCHES = frozenset(
    {
        *("addrtype", "comment", "connmark", "conntrack", "icmp", "iprange", "mac", "mark", "multiport", "pkttype"),
        *("state", "tcp", "udp"),
    }
)
"""Matches that say the same of every packet of a flow that has the same TCP flags, status and marks."""


@dataclass(frozen=True, slots=True)
class Step(Predicate):
    """A match that keeps state, with the state of this one rule: testing it changes the state."""

    match: Match
    state: Any
    services: Any

    def holds(self, skb: Any) -> bool:
        """What the match's own step says."""
        return self.match.step(skb, self.state, self.services)


@dataclass(frozen=True, slots=True)
class Asked(Predicate):
    """A match whose answer hangs on more than what a flow's packets have in common; asking it is counted."""

    part: Predicate
    services: Any

    def holds(self, skb: Any) -> bool:
        """What the match says."""
        self.services.asked += 1
        return self.part.holds(skb)


class PreparedRule:
    """A rule with its tests in the order the kernel makes them, and counters that run."""

    __slots__ = ("bytes", "conditions", "jump_to", "number", "packets", "spec", "state")

    def __init__(self, number: int, rule: Rule, table: PreparedTable) -> None:
        self.number = number
        self.spec = rule.spec
        self.packets, self.bytes = rule.counters.packets, rule.counters.bytes
        self.conditions = tuple(self._conditions(table))
        target, jump = rule.spec.target, rule.spec.jump
        self.jump_to: PreparedChain | None = table.chains.get(jump) if jump is not None else None
        self.state = target.open(table.services) if target is not None else None

    def _conditions(self, table: PreparedTable) -> Iterator[Predicate]:
        services = table.services
        yield from conditions(self.spec, table.family)
        if not self.spec.matches:
            return
        facts = self.spec.facts(table.family, table.name)
        for match in self.spec.matches:
            pure = match.predicate(facts)
            label = partial(_match_words, match, facts)
            step = Step(match, match.open(services), services) if match.stateful else None
            asked = all_of(pure, step) if step else pure
            yield Labelled(label, asked if match.name in REPEATABLE_MATCHES else Asked(asked, services))

    def matches(self, skb: Any) -> bool:
        """Whether all conditions hold, tested in order until one fails."""
        return all(condition.holds(skb) for condition in self.conditions)


def _match_words(match: Match, facts: Any) -> str:
    return f"-m {match.name}{match.save(facts)}"


class PreparedChain:
    """A chain ready to walk; ``policy`` is None for a user-defined one. Places count from 0, rule numbers from 1."""

    __slots__ = ("bytes", "dispatch", "made", "name", "packets", "policy", "source", "table")

    def __init__(self, chain: Chain, table: PreparedTable) -> None:
        self.name = chain.name
        self.policy = chain.policy
        self.packets, self.bytes = chain.counters.packets, chain.counters.bytes
        self.source = chain
        self.table = table
        self.made: list[PreparedRule | None] | None = None
        self.dispatch: Dispatch | None = None

    def __len__(self) -> int:
        return len(self.source.rules)

    def __getitem__(self, place: int) -> PreparedRule:
        made = self.made
        if made is None:
            made = self.made = [None] * len(self.source.rules)
            self.dispatch = Dispatch.of(self.source.rules)
        rule = made[place]
        if rule is None:
            rule = made[place] = PreparedRule(place + 1, self.source.rules[place], self.table)
        return rule

    def candidate(self, place: int, skb: Any) -> int:
        """The first place from ``place`` on whose rule may match; rules that are passed over cannot, and have no say."""
        dispatch = self.dispatch
        return place if dispatch is None else dispatch.candidate(place, skb)

    def snapshot(self) -> Chain:
        """The chain with the counters as they are now."""
        rules = self.source.rules
        if self.made is not None:
            rules = tuple(
                rule if now is None else Rule(rule.spec, Counters(now.packets, now.bytes), rule.line)
                for rule, now in zip(rules, self.made, strict=True)
            )
        return Chain(self.name, rules, self.policy, Counters(self.packets, self.bytes))


class PreparedTable:
    """A table ready to walk."""

    __slots__ = ("base", "chains", "family", "name", "services")

    def __init__(self, table: Table, family: Family, services: Any) -> None:
        self.name = table.name
        self.family = family
        self.services = services
        self.chains = {name: PreparedChain(chain, self) for name, chain in table.chains.items()}
        self.base: dict[Hook, PreparedChain] = {hook: self.chains[hook.name] for hook in TABLES[table.name]}

    def snapshot(self) -> Table:
        """The table as it was given, with the counters as they are now."""
        return Table(self.name, {name: chain.snapshot() for name, chain in self.chains.items()})
