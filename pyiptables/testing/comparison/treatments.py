"""What two rulesets do to packets that fare alike: marks, addresses, header fields, tracking, logs.

Two relations of packets and notes are compared; what is in one alone changes, and only there are values looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pyiptables.analysis.diagrams import Node, within_memory, without
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import NEW, RELATED
from pyiptables.hooks import Hook
from pyiptables.testing.comparison.noted_walk import ONCE, Notes
from pyiptables.testing.comparison.operations import Aspect
from pyiptables.testing.comparison.side import Side
from pyiptables.testing.comparison.words import apart

MOST_VALUES = 60
"""Values of one aspect that are told apart among what changes; then there are others."""


@dataclass(slots=True)
class Treated:
    """Packets to which two rulesets do different things; ``before`` and ``after`` are numbers of values."""

    aspect: Aspect
    before: int
    after: int
    was: bool
    """Whether the first was only possible."""
    becomes: bool
    packets: PacketSet
    hooks: dict[Hook, None] = field(default_factory=dict)
    """Where it shows."""


class Treatments:
    """Compares what is noted on packets at two sides."""

    def __init__(self, old: Side, new: Side, notes: Notes) -> None:
        self.old, self.new, self.notes = old, new, notes
        self.space = old.space
        self.cut: set[Aspect] = set()
        """Aspects of which not all changes were told apart."""

    def changes(self) -> Iterator[Treated]:
        """What is done differently to packets that come to one end on both sides."""
        with within_memory():
            for aspect in self.notes.aspects:
                found: dict[tuple[int, int, bool, bool], Treated] = {}
                for hook, one in self._of(aspect):
                    key = (one.before, one.after, one.was, one.becomes)
                    known = found.setdefault(key, replace(one, hooks={}))
                    known.packets = known.packets | one.packets
                    known.hooks[hook] = None
                yield from found.values()

    def _of(self, aspect: Aspect) -> Iterator[tuple[Hook, Treated]]:
        value = self.notes.bits[aspect].quantifier
        for hook, verdict in dict.fromkeys((*self.old.ends(), *self.new.ends())):
            if aspect is not Aspect.LOG and verdict != "ACCEPT":
                continue
            before, after = (side.told(hook, verdict, aspect).node for side in (self.old, self.new))
            if before == after:
                continue
            both = without(before, value) & without(after, value)
            if aspect in ONCE:  # of connections; what belongs to one that is there goes its way
                both = both & self.space.state.equals(NEW)
            for one in self._pairs(aspect, before & both, after & both):
                for shown, part in self._shown(aspect, hook, one.packets):
                    yield shown, replace(one, packets=part)

    def _pairs(self, aspect: Aspect, before: Node, after: Node) -> Iterator[Treated]:
        """The changes between two relations: what was lost by what was gained, then what was, or becomes, possible."""
        lost, gained, both = before & ~after, after & ~before, before & after
        expected = self.space.state.equals(
            RELATED
        )  # which come to the nat table when they begin a connection, else not
        for first, some in self._values(aspect, lost):
            rest = some
            for second, part in self._values(aspect, gained, some):
                rest = rest & ~part
                yield from self._change(aspect, first, second, part)
            for second, part in self._values(aspect, both, rest & ~expected):
                yield from self._change(aspect, first, second, part, was=True)
        gone = without(lost, self.notes.bits[aspect].quantifier)
        for second, some in self._values(aspect, gained):
            for first, part in self._values(aspect, both, some & ~gone & ~expected):
                yield from self._change(aspect, first, second, part, becomes=True)

    def _change(
        self, aspect: Aspect, first: int, second: int, part: Node, *, was: bool = False, becomes: bool = False
    ) -> Iterator[Treated]:
        values = self.notes.values[aspect]
        part = part & apart(self.space, aspect, values[first], values[second])
        if part != self.space.false:
            yield Treated(aspect, first, second, was, becomes, PacketSet(self.space, part))

    def _values(self, aspect: Aspect, relation: Node, within: Node | None = None) -> Iterator[tuple[int, Node]]:
        """The values in a relation, each with its packets."""
        bits = self.notes.bits[aspect]
        left = relation if within is None else relation & within
        for _ in range(MOST_VALUES):
            if left == self.space.false:
                return
            cube = left.pick_cube() or []
            number = bits.value({at: value for at, value in enumerate(cube) if value is not None})
            yield number, without(left & bits.equals(number), bits.quantifier)
            left = left & ~bits.equals(number)
        if left != self.space.false:
            self.cut.add(aspect)

    def _shown(self, aspect: Aspect, hook: Hook, part: PacketSet) -> Iterator[tuple[Hook, PacketSet]]:
        """The hooks at which it happens: a destination is translated where the packet enters."""
        if aspect is not Aspect.DESTINATION:
            yield hook, part
            return
        sent = PacketSet(self.space, self.space.iif.equals(0))
        for shown, some in ((Hook.OUTPUT, part & sent), (Hook.PREROUTING, part - sent)):
            if some:
                yield shown, some
