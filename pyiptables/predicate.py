"""Fields of a packet, and the small algebra over them.

A match says *what* it looks for as a predicate; the walk, the tracer, the compiler and the packet sets each read the
same tree. Fields are declared in :mod:`pyiptables.packet.fields`; a getter that answers None means that the packet does
not have the field, and a test of such a field fails whether inverted or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """One thing that can be read off a packet: its name, its width in bits (0: a text) and how to read and show it."""

    name: str
    bits: int
    get: Callable[[Any], Any]
    show: Callable[[Any], str] = str

    def within(self, *ranges: tuple[int, int], negate: bool = False) -> Predicate:
        """True when the field lies in one of the ranges, ends included."""
        return Within(self, ranges, negate)

    def equals(self, value: int, *, negate: bool = False) -> Predicate:
        """True when the field is that value."""
        return Within(self, ((value, value),), negate)

    def masked(self, mask: int, value: int, *, negate: bool = False) -> Predicate:
        """True when ``field & mask == value``."""
        return Masked(self, mask, value, negate)

    def any_bit(self, mask: int, *, negate: bool = False) -> Predicate:
        """True when ``field & mask`` is not 0."""
        return Masked(self, mask, 0, not negate)

    def named(self, name: str, *, prefix: bool = False, negate: bool = False) -> Predicate:
        """True when the text is that name, or with ``prefix`` begins with it."""
        return Named(self, name, prefix, negate)


class Predicate:
    """A condition on a packet."""

    __slots__ = ()

    def holds(self, skb: Any) -> bool:
        """Whether the packet fulfils it; may set ``skb.hotdrop`` as the kernel's matches do."""
        raise NotImplementedError

    def failing(self, skb: Any) -> Predicate | None:
        """The first part, in order of evaluation, that keeps the packet from matching; None when all hold."""
        return None if self.holds(skb) else self


@dataclass(frozen=True, slots=True)
class Always(Predicate):
    """True or false for every packet."""

    value: bool

    def holds(self, skb: Any) -> bool:
        """The constant."""
        return self.value


TRUE = Always(True)
FALSE = Always(False)


@dataclass(frozen=True, slots=True)
class Within(Predicate):
    """A number that lies in one of some ranges."""

    field: Field
    ranges: tuple[tuple[int, int], ...]
    negate: bool = False

    def holds(self, skb: Any) -> bool:
        """Whether the field is there and lies inside (outside, when negated)."""
        value = self.field.get(skb)
        if value is None:
            return False
        return any(low <= value <= high for low, high in self.ranges) != self.negate


@dataclass(frozen=True, slots=True)
class Masked(Predicate):
    """A number some of whose bits have given values."""

    field: Field
    mask: int
    value: int
    negate: bool = False

    def holds(self, skb: Any) -> bool:
        """Whether the field is there and its masked bits are (are not, when negated) the value."""
        value = self.field.get(skb)
        return value is not None and (value & self.mask == self.value) != self.negate


@dataclass(frozen=True, slots=True)
class Named(Predicate):
    """A text that is a name, or begins with it."""

    field: Field
    name: str
    prefix: bool = False
    negate: bool = False

    def holds(self, skb: Any) -> bool:
        """Whether the text is (is not, when negated) the name or begins with it."""
        value = self.field.get(skb)
        if value is None:
            return False
        found: bool = value.startswith(self.name) if self.prefix else value == self.name
        return found != self.negate


@dataclass(frozen=True, slots=True)
class Test(Predicate):
    """A pure test that is more than a field and a value (a search in the payload, say)."""

    name: str
    test: Callable[[Any], bool]
    show: Callable[[Any], str] | None = None

    def holds(self, skb: Any) -> bool:
        """What the test says."""
        return self.test(skb)


@dataclass(frozen=True, slots=True)
class Readable(Predicate):
    """A header that must be there; where it is not, the packet is dropped on the spot (x_tables' hotdrop)."""

    name: str
    present: Callable[[Any], bool]
    hotdrop: bool = True

    def holds(self, skb: Any) -> bool:
        """Whether the header is there; asks for the packet's drop where it is not."""
        if self.present(skb):
            return True
        if self.hotdrop:
            skb.hotdrop = True
        return False


@dataclass(frozen=True, slots=True)
class Unknown(Predicate):
    """Something that is not modelled: never matches in the walk, may match in packet sets."""

    reason: str

    def holds(self, skb: Any) -> bool:
        """False, noting on the packet why the answer is not known."""
        skb.unknown.append(self.reason)
        return False


@dataclass(frozen=True, slots=True)
class Labelled(Predicate):
    """A part with the words of the rule that ask for it, for explanations."""

    label: Callable[[], str]
    part: Predicate

    def holds(self, skb: Any) -> bool:
        """What the part says."""
        return self.part.holds(skb)


@dataclass(frozen=True, slots=True)
class AllOf(Predicate):
    """Every part, tested in order until one fails."""

    parts: tuple[Predicate, ...]

    def holds(self, skb: Any) -> bool:
        """Whether all parts hold."""
        return all(part.holds(skb) for part in self.parts)

    def failing(self, skb: Any) -> Predicate | None:
        """The first part that fails."""
        return next((found for part in self.parts if (found := part.failing(skb)) is not None), None)


@dataclass(frozen=True, slots=True)
class AnyOf(Predicate):
    """At least one part, tested in order until one holds."""

    parts: tuple[Predicate, ...]

    def holds(self, skb: Any) -> bool:
        """Whether any part holds."""
        return any(part.holds(skb) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not(Predicate):
    """The opposite of a part."""

    part: Predicate

    def holds(self, skb: Any) -> bool:
        """Whether the part fails."""
        return not self.part.holds(skb)


def all_of(*parts: Predicate | None) -> Predicate:
    """All parts together, None and TRUE left out."""
    found = tuple(part for part in parts if part is not None and part is not TRUE)
    if not found:
        return TRUE
    return found[0] if len(found) == 1 else AllOf(found)


def any_of(*parts: Predicate) -> Predicate:
    """At least one of the parts."""
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def leaves(predicate: Predicate) -> Iterator[Predicate]:
    """The parts that have no parts, in order."""
    match predicate:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part) | Labelled(_, part):
            yield from leaves(part)
        case _:
            yield predicate
