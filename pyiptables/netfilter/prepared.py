"""Tables made ready to walk: each rule's conditions as predicates, its target, its state and its running counters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts
from pyiptables.hooks import TABLES, Family, Hook
from pyiptables.predicate import Labelled, Predicate, all_of
from pyiptables.ruleset.conditions import conditions
from pyiptables.ruleset.model import Chain, Counters, Rule, Table


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

    __slots__ = ("bytes", "conditions", "jump_to", "number", "packets", "spec", "state")

    def __init__(self, number: int, rule: Rule, family: Family, facts: RuleFacts, services: Any) -> None:
        self.number = number
        self.spec = rule.spec
        self.packets, self.bytes = rule.counters.packets, rule.counters.bytes
        self.conditions = tuple(self._conditions(family, facts, services))
        self.jump_to: PreparedChain | None = None
        self.state = rule.spec.target.open(services) if rule.spec.target is not None else None

    def _conditions(self, family: Family, facts: RuleFacts, services: Any) -> Iterator[Predicate]:
        yield from conditions(self.spec, family)
        for match in self.spec.matches:
            pure = match.predicate(facts)
            words = f"-m {match.name}{match.save(facts)}"
            step = Step(match, match.open(services), services) if match.stateful else None
            yield Labelled(partial(str, words), all_of(pure, step) if step else pure)

    def matches(self, skb: Any) -> bool:
        """Whether all conditions hold, tested in order until one fails."""
        return all(condition.holds(skb) for condition in self.conditions)


class PreparedChain:
    """A chain ready to walk; ``policy`` is None for a user-defined one."""

    __slots__ = ("bytes", "name", "packets", "policy", "rules")

    def __init__(self, chain: Chain, rules: list[PreparedRule]) -> None:
        self.name = chain.name
        self.policy = chain.policy
        self.packets, self.bytes = chain.counters.packets, chain.counters.bytes
        self.rules = rules


class PreparedTable:
    """A table ready to walk."""

    __slots__ = ("base", "chains", "name", "source")

    def __init__(self, table: Table, family: Family, services: Any) -> None:
        self.name = table.name
        self.source = table
        self.chains: dict[str, PreparedChain] = {}
        for chain in table.chains.values():
            rules = [
                PreparedRule(number, rule, family, rule.spec.facts(family, table.name), services)
                for number, rule in enumerate(chain.rules, 1)
            ]
            self.chains[chain.name] = PreparedChain(chain, rules)
        for prepared in self.chains.values():
            for rule in prepared.rules:
                if rule.spec.jump is not None:
                    rule.jump_to = self.chains.get(rule.spec.jump)
        self.base: dict[Hook, PreparedChain] = {hook: self.chains[hook.name] for hook in TABLES[table.name]}

    def snapshot(self) -> Table:
        """The table as it was given, with the counters as they are now."""
        made = {}
        for name, chain in self.source.chains.items():
            prepared = self.chains[name]
            rules = tuple(
                Rule(rule.spec, Counters(now.packets, now.bytes), rule.line)
                for rule, now in zip(chain.rules, prepared.rules, strict=True)
            )
            made[name] = Chain(name, rules, chain.policy, Counters(prepared.packets, prepared.bytes))
        return Table(self.name, made)
