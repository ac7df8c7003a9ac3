"""Packets that show a change: traced through both rulesets they fare otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from pyiptables.analysis.diagrams import without
from pyiptables.analysis.sets import PacketSet
from pyiptables.extensions.base import RuleFacts
from pyiptables.hooks import Hook
from pyiptables.testing.comparison.noted_walk import Notes, by_way_out, how_it_ends
from pyiptables.testing.comparison.operations import NOTHING, Aspect, operations
from pyiptables.testing.comparison.side import Fate, Side
from pyiptables.testing.firewall import Firewall
from pyiptables.testing.outcome import Outcome, Step
from pyiptables.testing.sets import lines_of, passed, standing
from pyiptables.testing.source import Source

CONNECTED = frozenset({"NEW", "ESTABLISHED", "RELATED"})
"""States of packets that have a connection."""
Shows = Callable[[Outcome, Outcome], bool]
"""Whether the outcomes at both sides differ as they should."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A packet of a set in one line, where one can be written, and whether its traces show the change."""

    line: str | None
    confirmed: bool


class Showing:
    """Finds packets that show changes between two sides."""

    def __init__(self, old: Side, new: Side, notes: Notes) -> None:
        self.old, self.new, self.notes = old, new, notes
        self.family = old.space.family

    def fates(self, parts: Iterable[PacketSet], fate: Fate, other: Fate) -> Shown:
        """A packet that has one fate at the old side and another at the new."""

        def shows(old: Outcome, new: Outcome) -> bool:
            return self._has(old, fate) and self._has(new, other)

        return self._shown(parts, tuple(dict.fromkeys((fate[0], other[0]))), shows)

    def treated(self, parts: Iterable[PacketSet], aspect: Aspect, hooks: tuple[Hook, ...]) -> Shown:
        """A packet to which the two sides do different things."""

        def shows(old: Outcome, new: Outcome) -> bool:
            return bool(self._done(old, aspect) != self._done(new, aspect))

        return self._shown(parts, hooks, shows)

    def _shown(self, parts: Iterable[PacketSet], hooks: tuple[Hook, ...], shows: Shows) -> Shown:
        first = None
        for part, oif in (way for some in parts for way in self._ways(some, hooks)):
            for line in lines_of(self.old.reach, part, self.old.facts, hooks[0], oif=oif):
                first = first or str(line)
                if any(self._both(pair, line, shows) for pair in self._standing(line, hooks)):
                    return Shown(str(line), True)
        return Shown(first, False)

    def _ways(self, packets: PacketSet, hooks: tuple[Hook, ...]) -> Iterator[tuple[PacketSet, str]]:
        """A set apart by the interface by which packets leave, where no host says that; then as it is."""
        if self.old.source.real_host() is None and not {Hook.FORWARD, Hook.POSTROUTING}.isdisjoint(hooks):
            yield from by_way_out(self.notes, packets)
        whole = PacketSet(packets.space, without(packets.node, self.notes.out.quantifier))
        if whole:
            yield whole, ""

    def _standing(self, line: str, hooks: tuple[Hook, ...]) -> Iterator[tuple[Source, Source]]:
        """Both firewalls on their hosts, or on hosts that are assumed alike."""
        yield self.old.source, self.new.source
        for hook in hooks:
            yield from zip(standing(self.old.source, line, hook), standing(self.new.source, line, hook), strict=False)

    def _both(self, pair: tuple[Source, Source], line: str, shows: Shows) -> bool:
        old, new = (Firewall(source, misses=False).send(line).outcome for source in pair)
        return shows(old, new)

    def _has(self, outcome: Outcome, fate: Fate) -> bool:
        """Whether a packet had that fate."""
        hook, verdict = fate
        if verdict == "ACCEPT":
            return passed(outcome, hook)
        if outcome.hook != hook.name:
            return False
        if verdict.startswith("QUEUE"):  # nobody listens to it in a trace
            return any(self._how(step) == verdict for step in outcome.matched)
        how = self._how(outcome.decider)
        return outcome.verdict == verdict.partition(" ")[0] and (how == verdict or " " not in verdict)

    def _how(self, step: Step | None) -> str:
        """How a rule ends a packet's way; empty for a policy."""
        if step is None or step.spec is None:
            return ""
        target = step.spec.target
        if target is None:
            return step.spec.jump or ""
        return how_it_ends(target, RuleFacts(self.family, step.table))

    def _done(self, outcome: Outcome, aspect: Aspect) -> Any:
        """What the rules that a packet matched did to it."""
        value = NOTHING[aspect]
        alone = not CONNECTED.intersection(outcome.ctstate)
        for step in outcome.matched:
            target = step.spec.target if step.spec is not None else None
            if target is not None and not (alone and target.name == "CONNMARK"):
                operation = operations(target, RuleFacts(self.family, step.table)).get(aspect)
                value = operation(value) if operation is not None else value
        return value
