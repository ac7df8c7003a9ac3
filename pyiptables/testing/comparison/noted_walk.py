"""All packets' ways through a ruleset, with what is done to them noted on them.

The notes stand in variables of their own: for each aspect the number of a value of :mod:`.operations`.
Rulesets that are compared share :class:`Notes`, so that equal numbers are equal values. Ends say how: ``REJECT tcp-reset``,
``QUEUE --queue-num 3``. What is not modelled is read by :mod:`.unmodelled`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import AnalysisError, Node, within_memory, without
from pyiptables.analysis.effects import Change, Effects, Quantify, Usage
from pyiptables.analysis.flow import Flow, HookResult
from pyiptables.analysis.interfaces import Names
from pyiptables.analysis.pairs import Pair
from pyiptables.analysis.picking import narrowed, pick
from pyiptables.analysis.reach import Reach
from pyiptables.analysis.reading import Reader
from pyiptables.analysis.scan import changed_sets, interface_tests, tracks, usage
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import ESTABLISHED, NEW, RELATED, Space
from pyiptables.analysis.walk import TableWalk
from pyiptables.extensions.base import RuleFacts, Target
from pyiptables.hooks import TABLES, Family, Hook
from pyiptables.ipset.sets import Sets
from pyiptables.ruleset.model import Ruleset, Table
from pyiptables.testing.comparison.operations import HOP, NOTHING, WIDTHS, Aspect, Operation, operations, target_text
from pyiptables.testing.comparison.unmodelled import WordedReader
from pyiptables.testing.facts import interface_names
from pyiptables.testing.packets import space_of
from pyiptables.testing.source import Source

ENDING = {"REJECT": "REJECT", "NFQUEUE": "QUEUE", "SYNPROXY": "STOLEN"}
"""Targets whose end is told by their words."""
NATURAL = {
    "REJECT --reject-with icmp-port-unreachable": "REJECT",
    "REJECT --reject-with icmp6-port-unreachable": "REJECT",
    "QUEUE --queue-num 0": "QUEUE",
}
"""Ends that need no more words."""
ONCE = frozenset({Aspect.DESTINATION, Aspect.SOURCE})
"""Aspects that only one rule has a say in."""


def how_it_ends(target: Target, facts: RuleFacts) -> str:
    """How a target ends a packet's way, as ends are told here; its name for a target that ends none in words of its own."""
    if target.name not in ENDING:
        return target.name
    how = ENDING[target.name] + target_text(target, facts).removeprefix(target.name)
    return NATURAL.get(how, how)


class Notes:
    """The values of aspects that packets were found with, by number; 0 is a packet to which nothing was done."""

    def __init__(self, aspects: Iterable[Aspect], interfaces: int) -> None:
        """``interfaces`` are how many a space tells apart."""
        self.aspects = tuple(aspects)
        self._ways = max(1, (interfaces - 1).bit_length())
        self.width = sum(WIDTHS[aspect] for aspect in self.aspects) + self._ways
        self.values: dict[Aspect, list[Any]] = {aspect: [NOTHING[aspect]] for aspect in self.aspects}
        self._numbers: dict[Aspect, dict[Any, int]] = {aspect: {NOTHING[aspect]: 0} for aspect in self.aspects}
        self.bits: dict[Aspect, Bits] = {}
        self.done: Bits
        """All that is noted of what was done."""
        self.out: Bits
        """By which interface a packet from outside leaves; routing says it, not the packet as it arrives."""

    def place(self, space: Space) -> None:
        """Take the variables of a space that was made with room for them."""
        left = self.width
        self.out = space.noted.part("out", 0, self._ways)
        self.done = space.noted.part("done", self._ways, self.width - self._ways)
        for aspect in self.aspects:
            left -= WIDTHS[aspect]
            self.bits[aspect] = space.noted.part(aspect.value, left, WIDTHS[aspect])

    def number(self, aspect: Aspect, value: Any) -> int:
        """The number of a value; AnalysisError where there are too many."""
        found = self._numbers[aspect].get(value)
        if found is None:
            found = self._numbers[aspect][value] = len(self.values[aspect])
            if found >> WIDTHS[aspect]:
                raise AnalysisError(f"rules do too many different things to packets ({aspect.value.strip()})")
            self.values[aspect].append(value)
        return found


class NotingEffects(Effects):
    """Does what targets do, and notes it."""

    def __init__(self, space: Space, used: Usage, notes: Notes) -> None:
        super().__init__(space, used)
        self.notes = notes

    def noting(self, aspect: Aspect, operation: Operation, *, connections: bool = False) -> Change:
        """The set with what is done to its packets noted on them; of ``connections`` to those only that have one."""
        notes, bits = self.notes, self.notes.bits[aspect]
        if aspect in ONCE:
            kept = bits.equals(notes.number(aspect, operation(None)))
            return lambda node, _: without(node, bits.quantifier) & kept
        entry = self.space.states(NEW, ESTABLISHED, RELATED)

        def change(node: Node, _: Quantify) -> Node:
            found = self.space.false
            for number, value in enumerate([*notes.values[aspect]]):
                some = node & bits.equals(number)
                if some == self.space.false:
                    continue
                then = notes.number(aspect, operation(value))
                found = found | (some if then == number else without(some, bits.quantifier) & bits.equals(then))
            return found

        return (lambda node, by: change(node & entry, by) | (node & ~entry)) if connections else change


class NotingWalk(TableWalk):
    """Walks a table, and notes what its targets do."""

    effects: NotingEffects

    def __init__(self, table: Table, reader: Reader, effects: NotingEffects) -> None:
        self._facts = RuleFacts(reader.space.family, table.name)
        self._done: dict[int, tuple[dict[Aspect, Operation], Target]] = {}
        self._noting: dict[tuple[int, Aspect], Change] = {}
        self._notes = effects.notes
        super().__init__(table, reader, effects)

    def done_by(self, target: Target) -> dict[Aspect, Operation]:
        """What a target does that is to be noted."""
        found = self._done.get(id(target))
        if found is None:
            given = operations(target, self._facts)
            found = self._done[id(target)] = ({one: given[one] for one in given if one in self._notes.aspects}, target)
        return found[0]

    def _changes(self, target: Target) -> bool:
        changes = super()._changes(target)
        if self.done_by(target):
            self.changes.add("notes")
            return True
        return changes

    def _noted(self, target: Target, took: Pair, hook: Hook) -> Pair:
        for aspect, operation in self.done_by(target).items():
            if target.name == "NETMAP" and (aspect is Aspect.DESTINATION) != (hook in (Hook.PREROUTING, Hook.OUTPUT)):
                continue
            change = self._noting.get((id(target), aspect))
            if change is None:
                change = self._noting[id(target), aspect] = self.effects.noting(
                    aspect, operation, connections=target.name == "CONNMARK"
                )
            took = self.effects.on(took, change)
        return took

    def _target(self, walk: Any, target: Any, match: Pair, took: Pair, hook: Hook) -> None:
        took = self._noted(target, took, hook)
        if target.name not in ENDING:
            super()._target(walk, target, match, took, hook)
            return
        plain, how = ENDING[target.name], how_it_ends(target, self._facts)
        ends = {**walk.ends}
        walk.ends.clear()
        super()._target(walk, target, match, took, hook)
        for verdict, pairs in walk.ends.items():
            ends.setdefault(how if verdict == plain else verdict, []).extend(pairs)
        walk.ends.clear()
        walk.ends.update(ends)

    def _goes_on(self, walk: Any, target: Any, match: Pair, took: Pair) -> None:
        change = self.effects.changing(target)
        if change is not None:
            took = self.effects.on(took, change)
        if change is not None or self.done_by(target):
            walk.left = walk.left.but(match).either(took)


class NotingFlow(Flow):
    """Sends all packets through a ruleset, and notes on them what is done to them."""

    effects: NotingEffects

    def __init__(self, ruleset: Ruleset, reader: Reader, effects: NotingEffects, *, tracking: bool) -> None:
        super().__init__(ruleset, reader, effects, tracking=tracking)
        self.walks = {
            name: NotingWalk(table, reader, effects) for name, table in ruleset.tables.items() if name in TABLES
        }
        self._told = effects.notes.done.equals(0)
        self._only = effects.space.true

    def follow(self, packets: Node) -> None:
        """Send some packets, as they arrive, through the ruleset."""
        self._only = packets
        with within_memory():
            self.run()
        self._only = self.space.true

    def _entry(self) -> Node:
        return super()._entry() & self._told & self._only

    def _forwarded(self, pair: Pair) -> Pair:
        found = super()._forwarded(pair)
        if Aspect.HOPS in self.effects.notes.aspects:
            found = self.effects.on(found, self.effects.noting(Aspect.HOPS, HOP))
        return found

    def _after(self, result: HookResult, ends: dict[str, Pair]) -> Pair:
        now = super()._after(result, ends)
        for verdict, pair in ends.items():
            if verdict.startswith("QUEUE "):
                now = now.either(Pair(pair.may, self.space.false))
        return now

    def origin(self, node: Node, hook: Hook) -> Node:
        """How packets came, and by which interface they leave; what else was noted on them is forgotten."""
        return super().origin(without(self._leaving(node, hook), self.effects.notes.done.quantifier), hook)

    def _leaving(self, node: Node, hook: Hook) -> Node:
        space = self.space
        if hook not in (Hook.FORWARD, Hook.POSTROUTING):
            return node
        out = self.effects.notes.out
        return node & (space.iif.equals(0) | space.oif.same_as(out))

    def told(self, node: Node, hook: Hook, aspect: Aspect) -> Node:
        """How packets came, and what was noted of one aspect."""
        own = set(self.effects.notes.bits[aspect].numbers)
        others = self.space.diagrams.quantifier(
            number for number in self.effects.notes.done.numbers if number not in own
        )
        kept, self._told = self._told, self.space.true
        try:
            return super().origin(without(self._leaving(node, hook), others), hook)
        finally:
            self._told = kept


def noting_reach(ruleset: Ruleset, space: Space, notes: Notes, sets: Sets | None, other: Ruleset) -> Reach:
    """The ways through a ruleset, with notes; its flow is still to follow packets. ``other`` is what it is compared with."""
    with within_memory():
        # Where one side tracks connections both are told of as tracked, else their packets could not be compared.
        tracking = tracks(ruleset) or tracks(other)
        reader = WordedReader(space, fragments=not tracking, sets=sets, changing=changed_sets(ruleset))
        flow = NotingFlow(ruleset, reader, NotingEffects(space, usage((ruleset, other)), notes), tracking=tracking)
        for name, table in ruleset.tables.items():
            for chain in table.chains.values() if name in TABLES else ():
                reader.take_turns(name, chain, flow.stage(name))
    whole = cache(lambda: Reach.of(ruleset, sets=sets, space=space, looked_at=(other,), tracking=tracking))
    return Reach(ruleset, flow, whole)


def leaving_reach(source: Source, family: Family) -> tuple[Reach, Notes]:
    """All packets' ways through the rules of a family, told with the interface by which those from outside leave."""
    ruleset, sets = source.ruleset(family), source.sets(0)
    names = [*interface_names(source.real_host()), *interface_tests(ruleset)]
    notes = Notes((), len(Names(dict.fromkeys(names)).examples))
    space = space_of([ruleset], (), names, noted=notes.width)
    notes.place(space)
    with within_memory():
        tracking = tracks(ruleset)
        reader = Reader(space, fragments=not tracking, sets=sets, changing=changed_sets(ruleset))
        flow = NotingFlow(ruleset, reader, NotingEffects(space, usage((ruleset,)), notes), tracking=tracking)
        flow.run()
        return Reach(ruleset, flow), notes


def leaving(notes: Notes, packets: PacketSet) -> PacketSet:
    """Packets as they arrive, with the interface by which they leave in its place."""
    space, out = packets.space, notes.out
    come = packets.node & space.has(space.iif)
    found = without(come, space.oif.quantifier) & space.oif.same_as(out) & space.has(space.oif)
    return PacketSet(space, without((packets.node & ~space.has(space.iif)) | found, out.quantifier))


def by_way_out(notes: Notes, packets: PacketSet, most: int = 3) -> Iterator[tuple[PacketSet, str]]:
    """Packets that come from outside, apart by the interface by which they leave: by another than they came first."""
    space, out = packets.space, notes.out
    left = packets.node & space.has(space.iif) & out.within(1, len(space.interfaces.examples) - 1)
    for _ in range(most):
        if left == space.false:
            return
        number = out.value(pick(space, narrowed([~space.iif.same_as(out)], left)))
        some = left & out.equals(number)
        yield PacketSet(space, without(some, out.quantifier)), space.interfaces.examples[number]
        left = left & ~some


__all__ = [
    "ONCE",
    "Notes",
    "NotingFlow",
    "WordedReader",
    "by_way_out",
    "how_it_ends",
    "leaving",
    "leaving_reach",
    "noting_reach",
]
