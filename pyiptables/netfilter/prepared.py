"""Tables made ready to walk: each rule's conditions as predicates, its target, its state and its running counters.

Rules are made ready when a packet first comes to them, so that a ruleset of which little is used costs little.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import or_
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts
from pyiptables.hooks import TABLES, Family, Hook
from pyiptables.netfilter.dispatch import Dispatch
from pyiptables.netfilter.looks import looks_of
from pyiptables.predicate import TRUE, AllOf, Labelled, Predicate, all_of
from pyiptables.ruleset.conditions import conditions
from pyiptables.ruleset.model import Chain, Counters, Rule, Table

PLAIN = frozenset({"tcp", "udp", "conntrack", "mark"})
"""Matches whose predicate hangs on nothing but their values, the family and the rule's protocol."""


@dataclass(frozen=True, slots=True)
class Step(Predicate):
    """A match that keeps state, with the state of this one rule: testing it changes the state."""

    match: Match
    state: Any
    services: Any

    def holds(self, skb: Any) -> bool:
        """What the match's own step says."""
        return self.match.step(skb, self.state, self.services)


class PreparedRule:
    """A rule with its tests in the order the kernel makes them, and counters that run."""

    __slots__ = ("_own", "asked", "bytes", "jump_to", "number", "packets", "spec", "state", "table", "tests", "watched")

    def __init__(self, number: int, rule: Rule, table: PreparedTable) -> None:
        self.number = number
        self.spec = rule.spec
        self.table = table
        self.packets, self.bytes = rule.counters.packets, rule.counters.bytes
        self._own = tuple(conditions(rule.spec, table.family))
        self.asked = tuple(self._asked(table)) if rule.spec.matches else ()
        """What each match asks, in the order in which they stand."""
        self.tests = [test.holds for test in bare((*self._own, *self.asked))]
        self.watched: tuple[tuple[Predicate, int], ...] | None = None
        target, jump = rule.spec.target, rule.spec.jump
        self.jump_to: PreparedChain | None = table.chains.get(jump) if jump is not None else None
        self.state = target.open(table.services) if target is not None else None

    def _asked(self, table: PreparedTable) -> Iterator[Predicate]:
        services = table.services
        facts = self.spec.facts(table.family, table.name)
        for match in self.spec.matches:
            pure = table.asked_by(match, facts)
            yield all_of(pure, Step(match, match.open(services), services)) if match.stateful else pure

    @property
    def conditions(self) -> tuple[Predicate, ...]:
        """The rule's own conditions, then one for each match, each labelled with its words."""
        facts = self.spec.facts(self.table.family, self.table.name)
        labels = (partial(_match_words, match, facts) for match in self.spec.matches)
        return (*self._own, *map(Labelled, labels, self.asked))

    def matches(self, skb: Any) -> bool:
        """Whether all conditions hold, tested in order until one fails."""
        for holds in self.tests:  # noqa: SIM110 - all() with a generator takes twice as long
            if not holds(skb):
                return False
        return True

    def matches_watched(self, skb: Any, services: Any) -> bool:
        """The same; notes what the conditions that were tested look at (``services.looked``)."""
        for part, looks in self.watched if self.watched is not None else self._watch():
            services.looked |= looks
            if not part.holds(skb):
                return False
        return True

    def _watch(self) -> tuple[tuple[Predicate, int], ...]:
        self.watched = tuple((part, looks_of(part)) for part in bare((*self._own, *self.asked)))
        return self.watched

    @property
    def looks(self) -> int:
        """All that its conditions look at (bits of :class:`~pyiptables.netfilter.looks.Look`)."""
        return reduce(or_, (looks for _, looks in self._watch()), 0)


def bare(given: Sequence[Predicate]) -> list[Predicate]:
    """What conditions test, in order, without the words for it."""
    found = []
    for labelled in given:
        condition = labelled.part if isinstance(labelled, Labelled) else labelled
        if isinstance(condition, (AllOf, Labelled)):
            found += bare(condition.parts if isinstance(condition, AllOf) else (condition,))
        elif condition is not TRUE:
            found.append(condition)
    return found


def _match_words(match: Match, facts: Any) -> str:
    return f"-m {match.name}{match.save(facts)}"


class PreparedChain:
    """A chain ready to walk; ``policy`` is None for a user-defined one. Places count from 0, rule numbers from 1."""

    __slots__ = ("bytes", "dispatch", "length", "made", "name", "packets", "policy", "source", "table")

    def __init__(self, chain: Chain, table: PreparedTable) -> None:
        self.name = chain.name
        self.policy = chain.policy
        self.packets, self.bytes = chain.counters.packets, chain.counters.bytes
        self.source = chain
        self.length = len(chain.rules)
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
        if dispatch is None:
            return place
        self.table.services.looked |= dispatch.looks
        return dispatch.candidate(place, skb)

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

    __slots__ = ("_plain", "base", "chains", "family", "name", "services")

    def __init__(self, table: Table, family: Family, services: Any) -> None:
        self.name = table.name
        self.family = family
        self.services = services
        self._plain: dict[tuple[int, int], tuple[Match, Predicate]] = {}
        self.chains = {name: PreparedChain(chain, self) for name, chain in table.chains.items()}
        self.base: dict[Hook, PreparedChain] = {hook: self.chains[hook.name] for hook in TABLES[table.name]}

    def asked_by(self, match: Match, facts: RuleFacts) -> Predicate:
        """The predicate of a match; rules that share a plain match share it."""
        if match.name == "comment":
            return TRUE
        if match.name not in PLAIN:
            return match.predicate(facts)
        key = id(match), facts.protocol
        found = self._plain.get(key)
        if found is None:
            found = self._plain[key] = match, match.predicate(facts)  # with the match, so that no other gets its id
        return found[1]

    def snapshot(self) -> Table:
        """The table as it was given, with the counters as they are now."""
        return Table(self.name, {name: chain.snapshot() for name, chain in self.chains.items()})
