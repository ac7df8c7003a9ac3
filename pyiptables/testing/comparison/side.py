"""One of two rulesets that are compared: how packets end there, and which rules are responsible."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import Space
from pyiptables.extensions.base import RuleFacts
from pyiptables.hooks import TABLES, Hook
from pyiptables.ruleset.model import Chain, RuleSpec, Table
from pyiptables.testing.comparison.noted_walk import NotingFlow, how_it_ends
from pyiptables.testing.comparison.operations import Aspect, operations
from pyiptables.testing.facts import Facts
from pyiptables.testing.outcome import Step
from pyiptables.testing.packets import Kinds
from pyiptables.testing.source import Source

Fate = tuple[Hook, str]
"""A hook, and how packets leave its tables: ``ACCEPT``, ``DROP``, ``REJECT --reject-with tcp-reset``, ``QUEUE``."""
Responsible = tuple[Step, PacketSet]
"""A rule, and the packets, as they arrive, to which it may do what is asked about."""
LASTING = (Hook.INPUT, Hook.POSTROUTING)
"""The hooks behind which a packet has left the rules."""
PASSING = (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT)
"""The hooks at which passing is a fate of its own."""


class Side:
    """One ruleset on its host."""

    def __init__(self, source: Source, reach: Reach, flow: NotingFlow) -> None:
        self.source = source
        self.reach = reach
        self.flow = flow
        self.space: Space = reach.space
        self.facts = Facts(self.space, source.real_host())
        self.arriving = self.facts.arriving()
        self._lists: dict[tuple[object, ...], tuple[list[Responsible], Iterator[Responsible]]] = {}
        self._hooks: dict[tuple[str, str], tuple[Hook, ...]] = {}

    # how packets end

    def fates(self) -> dict[Fate, PacketSet]:
        """The packets, as they arrive, that may have each fate."""
        found = {}
        for hook, result in self.flow.hooks.items():
            for verdict in result.ends:
                if verdict != "ACCEPT" or hook in PASSING:
                    at_hook = self._at(hook, verdict)
                    if verdict == "ACCEPT":  # what the program behind a queue lets pass has been told of
                        at_hook = at_hook - self._queued(hook)
                    found[hook, verdict] = (self.reach.origin(at_hook, hook) & self.arriving) if at_hook else at_hook
        return found

    def _queued(self, hook: Hook) -> PacketSet:
        found = PacketSet(self.space, self.space.false)
        for verdict in self.flow.hooks[hook].ends:
            if verdict.startswith("QUEUE"):
                found = found | self.reach.verdict_at(hook, verdict).must
        return found

    def told(self, hook: Hook, verdict: str, aspect: Aspect) -> PacketSet:
        """The packets, as they arrive, that may end so, with what was noted of one aspect."""
        at_hook = self._at(hook, verdict)
        if not at_hook:
            return at_hook
        return PacketSet(self.space, self.flow.told(at_hook.node, hook, aspect)) & self.arriving

    def ends(self) -> Iterator[Fate]:
        """The ends behind which a packet has left the rules."""
        for hook, result in self.flow.hooks.items():
            yield from ((hook, verdict) for verdict in result.ends if verdict != "ACCEPT" or hook in LASTING)

    def _at(self, hook: Hook, verdict: str) -> PacketSet:
        return self.reach.verdict_at(hook, verdict).may & self.facts.at(hook)

    # who is responsible

    def deciding(self, fate: Fate) -> Iterator[Responsible]:
        """The rules that give a fate; each is found once, when it is asked for."""
        yield from self._kept(("fate", fate), lambda: self._deciding(fate))

    def doing(self, aspect: Aspect, value: object) -> Iterator[Responsible]:
        """The rules that do something of an aspect; of a translation, those that make this one."""
        once = aspect in (Aspect.DESTINATION, Aspect.SOURCE, Aspect.TRACKING)
        yield from self._kept((aspect, value if once else None), lambda: self._doing(aspect, value if once else None))

    def policy(self, fate: Fate) -> Step | None:
        """The policy that gives a fate; None where there is none."""
        hook, verdict = fate
        for name in ("filter", "mangle", "raw", "security", "nat"):
            table = self.reach.ruleset.tables.get(name)
            chain = table.chains.get(hook.name) if table is not None else None
            if chain is not None and chain.policy == verdict:
                return Step(name, chain.name, 0, None, verdict)
        return None

    def _kept(self, key: tuple[object, ...], find: Callable[[], Iterator[Responsible]]) -> Iterator[Responsible]:
        if key not in self._lists:
            self._lists[key] = ([], find())
        known, more = self._lists[key]
        place = 0
        while True:
            if place == len(known):
                found = next(more, None)
                if found is None:
                    return
                known.append(found)
            yield known[place]
            place += 1

    def _deciding(self, fate: Fate) -> Iterator[Responsible]:
        hook, verdict = fate
        for table, chain, number, spec in self._rules():
            if hook not in TABLES[table.name] or (verdict == "ACCEPT" and table.name != "filter"):
                continue
            target = spec.target
            if (spec.jump if target is None else how_it_ends(target, self._facts(table))) == verdict:
                yield from self._taken(table, chain, number, spec, hook)

    def _doing(self, aspect: Aspect, value: object) -> Iterator[Responsible]:
        for table, chain, number, spec in self._rules():
            done = operations(spec.target, self._facts(table)).get(aspect) if spec.target is not None else None
            if done is None or (value is not None and done(None) != value):
                continue
            for hook in sorted(TABLES[table.name]):
                yield from self._taken(table, chain, number, spec, hook)

    def _rules(self) -> Iterator[tuple[Table, Chain, int, RuleSpec]]:
        for table, chain, number, rule in self.reach.ruleset.rules():
            if table.name in TABLES:
                yield table, chain, number, rule.spec

    def _facts(self, table: Table) -> RuleFacts:
        return RuleFacts(self.space.family, table.name)

    def _taken(self, table: Table, chain: Chain, number: int, spec: RuleSpec, hook: Hook) -> Iterator[Responsible]:
        if hook not in self._hooks_of(table.name, chain.name):
            return
        place = self.facts.at(hook) & Kinds(self.space).at(hook)
        taken = self.reach.takes(table.name, chain.name, number).may & place
        if taken:
            yield Step(table.name, chain.name, number, spec), self.reach.origin(taken, hook)

    def _hooks_of(self, table: str, chain: str) -> tuple[Hook, ...]:
        found = self._hooks.get((table, chain))
        if found is None:
            found = self._hooks[table, chain] = self.reach.hooks_of(table, chain)
        return found
