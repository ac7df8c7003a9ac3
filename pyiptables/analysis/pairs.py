"""Sets that are known from both sides: what may be in, and what must be."""

from __future__ import annotations

from typing import NamedTuple

from pyiptables.analysis.diagrams import Node


class Pair(NamedTuple):
    """``may`` holds every packet that can be in, ``must`` only such as are; where all is known both are one node."""

    may: Node
    must: Node

    @property
    def exact(self) -> bool:
        """Whether nothing is left open."""
        return self.may is self.must

    def both(self, other: Pair) -> Pair:
        """What is in both."""
        may = self.may & other.may
        return Pair(may, may if self.exact and other.exact else self.must & other.must)

    def either(self, other: Pair) -> Pair:
        """What is in one or the other."""
        may = self.may | other.may
        return Pair(may, may if self.exact and other.exact else self.must | other.must)

    def but(self, other: Pair) -> Pair:
        """What is in this and not in the other."""
        may = self.may & ~other.must
        return Pair(may, may if self.exact and other.exact else self.must & ~other.may)

    def opposite(self) -> Pair:
        """What is not in."""
        may = ~self.must
        return Pair(may, may if self.exact else ~self.may)


def exactly(node: Node) -> Pair:
    """A set that is known."""
    return Pair(node, node)


def united(pairs: list[Pair]) -> Pair:
    """What is in any of some sets, of which there is one at least: in twos, and those in twos again."""
    while len(pairs) > 1:
        twos = [first.either(second) for first, second in zip(pairs[::2], pairs[1::2], strict=False)]
        pairs = [*twos, pairs[-1]] if len(pairs) % 2 else twos
    return pairs[0]
