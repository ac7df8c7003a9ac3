"""Sets of packets as values: combined, compared, picked from, described."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyiptables.analysis.diagrams import AnalysisError, Node, within_memory
from pyiptables.analysis.pairs import Pair
from pyiptables.analysis.picking import pick
from pyiptables.analysis.space import Space
from pyiptables.analysis.values import described, in_words, with_values


@dataclass(frozen=True, slots=True, eq=False)
class PacketSet:
    """A set of packets of one space: ``& | - ~ == <=``; true when there is a packet in it.

    AnalysisError for sets of two spaces, or where the answer would take too much memory.
    """

    space: Space
    node: Node

    def _with(self, other: PacketSet) -> Node:
        if other.space is not self.space:
            raise AnalysisError("sets of packets of two spaces have nothing in common")
        return other.node

    def __and__(self, other: PacketSet) -> PacketSet:
        with within_memory():
            return PacketSet(self.space, self.node & self._with(other))

    def __or__(self, other: PacketSet) -> PacketSet:
        with within_memory():
            return PacketSet(self.space, self.node | self._with(other))

    def __sub__(self, other: PacketSet) -> PacketSet:
        with within_memory():
            return PacketSet(self.space, self.node & ~self._with(other))

    def __invert__(self) -> PacketSet:
        """All other packets that can be."""
        with within_memory():
            return PacketSet(self.space, self.space.valid & ~self.node)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PacketSet):
            return NotImplemented
        return self.space is other.space and self.node == other.node

    def __hash__(self) -> int:
        return hash(self.node)

    def __le__(self, other: PacketSet) -> bool:
        with within_memory():
            return self.node & ~self._with(other) == self.space.false

    def __bool__(self) -> bool:
        return self.node != self.space.false

    def pick(self) -> dict[str, object]:
        """The fields of one packet of the set, as ordinary as it has any, by name; empty for an empty set."""
        if not self:
            return {}
        with within_memory():
            return described(self.space, pick(self.space, self.node))

    def describe(self) -> str:
        """One packet of the set in words: ``NEW eth0: 198.51.100.7:40000 > 192.0.2.1:443 tcp S``; ``nothing``."""
        return in_words(self.pick()) if self else "nothing"

    def holds(self, values: Mapping[str, object]) -> bool:
        """Whether a packet with these values (names as :meth:`pick` gives them) is in the set.

        What is not said may be anything: false only where the values exclude it.
        """
        with within_memory():
            return self.node & with_values(self.space, values) != self.space.false


@dataclass(frozen=True, slots=True)
class Bounds:
    """A set that is known from both sides: every packet of ``must`` is in it, no packet outside ``may`` is."""

    may: PacketSet
    must: PacketSet

    @property
    def exact(self) -> bool:
        """Whether both are the same."""
        return self.may == self.must

    def __bool__(self) -> bool:
        """Whether anything can be in it."""
        return bool(self.may)


def bounds_of(space: Space, pair: Pair) -> Bounds:
    """The pair as values."""
    may = PacketSet(space, pair.may)
    return Bounds(may, may if pair.exact else PacketSet(space, pair.must))
