"""Packet sets in words: as a few rows, each a product of ranges (these services, from these addresses, to those).

A row is found from one packet of the set by widening one field after the other as far as all that the row then holds is
in the set; then it is taken off, and the next one is found. What the rows do not name (flags, marks, lengths) is either
free in a row, or said to narrow it further.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import Node, within_memory
from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import PORTED, STATE_NAMES, Space
from pyiptables.hooks import Family
from pyiptables.packet.addresses import to_text
from pyiptables.packet.icmp_types import ICMP_TYPES, ICMPV6_TYPES
from pyiptables.packet.names import SAVED_PROTOCOLS

MOST_RANGES = 24
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Row:
    """A product of ranges; an empty text says any. ``narrowed`` says that more than these decides."""

    service: str
    source: str
    destination: str
    in_interface: str
    out_interface: str
    states: str
    narrowed: bool

    def describe(self) -> str:
        """In words."""
        parts = [self.service or "anything"]
        for word, text in (
            ("from", self.source),
            ("to", self.destination),
            ("in by", self.in_interface),
            ("out by", self.out_interface),
        ):
            parts += [f"{word} {text}"] if text else []
        parts += [f"({self.states})"] if self.states else []
        return " ".join(parts) + (", under further conditions" if self.narrowed else "")


class Rows:
    """Writes the sets of one reach as rows. ``known`` are packets that alone can be: what is outside is of no interest.

    ``base`` are such packets where they are told with the interface by which they leave.
    """

    def __init__(self, reach: Reach, known: PacketSet | None = None, *, base: PacketSet | None = None) -> None:
        self.reach = reach
        self.space: Space = reach.space
        space = self.space
        possible = reach.flow.received() | reach.flow.sent()
        self.base: Node = possible & known.node if known is not None else possible
        if base is not None:
            self.base = base.node
        self.fields: tuple[Bits, ...] = (
            space.source, space.destination, space.word0, space.word1, space.iif, space.oif, space.state, space.protocol,
        )  # fmt: skip

    @cached_property
    def _others(self) -> Node:
        """All variables but those of the fields."""
        own = {number for bits in self.fields for number in bits.numbers}
        every = range(len(self.space.diagrams.variables))
        return self.space.diagrams.quantifier(number for number in every if number not in own)

    def describe(self, packets: PacketSet, most: int = 3) -> str:
        """A set in words: so many rows, joined by semicolons."""
        rows, rest = self.rows(packets, most)
        texts = [row.describe() for row in rows]
        return "; ".join([*texts, "and others"] if rest else texts) or "nothing"

    def rows(self, packets: PacketSet, most: int = 100) -> tuple[list[Row], bool]:
        """Up to so many rows of a set, and whether there is more in it."""
        with within_memory():
            node = packets.node & self.base
            seen = node.exists(self._others)
            impossible = ~self.base.exists(self._others)
            partial = (self.base & ~packets.node).exists(self._others)
            found: list[Row] = []
            while seen != self.space.false and len(found) < most:
                box = self._box(seen, seen | impossible)
                inside = self._product(box)
                found.append(self._row(box, seen, impossible, narrowed=inside & seen & partial != self.space.false))
                seen = seen & ~inside
            return found, seen != self.space.false

    # products

    def _box(self, seen: Node, allowed: Node) -> list[Node]:
        """A product that holds a packet of ``seen`` and nothing that is not allowed: a set for each field."""
        cube = seen.pick_cube() or []
        chosen = {number: bool(value) for number, value in enumerate(cube)}
        values = [bits.value(chosen) for bits in self.fields]
        sides = [bits.equals(value) for bits, value in zip(self.fields, values, strict=True)]
        forbidden = ~allowed
        for place, bits in enumerate(self.fields):
            rest = forbidden
            for other, side in enumerate(sides):
                if other != place:
                    rest = rest & side
            others = [number for other in self.fields if other is not bits for number in other.numbers]
            wide = ~rest.exists(self.space.diagrams.quantifier(others))
            if self._plain(bits, wide):
                sides[place] = wide
            else:
                sides[place] = bits.within(*self._widest(bits, wide, values[place]))
        return sides

    def _widest(self, bits: Bits, node: Node, value: int) -> tuple[int, int]:
        """The range around a value that is whole in a set of too many ranges to tell them all."""
        ends = [value, value]
        for side, limit in ((0, 0), (1, (1 << bits.width) - 1)):
            inside, outside = value, limit
            while inside != outside:  # the furthest value with nothing amiss on the way
                middle = (inside + outside + side) // 2
                low, high = min(value, middle), max(value, middle)
                if bits.within(low, high) & ~node == self.space.false:
                    inside = middle
                else:
                    outside = middle - 1 if side else middle + 1
            ends[side] = inside
        return ends[0], ends[1]

    def _plain(self, bits: Bits, node: Node) -> bool:
        """Whether a set of a field's values is few ranges."""
        return ranges(bits, node) is not None

    def _product(self, sides: Sequence[Node]) -> Node:
        found = self.space.true
        for side in sides:
            found = found & side
        return found

    # words

    def _row(self, box: Sequence[Node], seen: Node, impossible: Node, *, narrowed: bool) -> Row:
        both = [self._side(place, box, seen, impossible) for place in range(len(box))]
        sides, missing = [side for side, _ in both], [other for _, other in both]
        source, destination, word0, word1, iif, oif, state, protocol = sides
        family = self.space.family
        return Row(
            service=self._service(protocol, word0, word1),
            source="" if source is None else _addresses(source, missing[0], family),
            destination="" if destination is None else _addresses(destination, missing[1], family),
            in_interface="" if iif is None else self._names(iif, self.space.iif),
            out_interface="" if oif is None else self._names(oif, self.space.oif),
            states="" if state is None else self._states(state),
            narrowed=narrowed,
        )

    def _side(
        self, place: int, box: Sequence[Node], seen: Node, impossible: Node
    ) -> tuple[Ranges | None, Ranges | None]:
        """The values of a field in a product, and those that can be and are not there.

        Values that cannot be are in neither; None, and None, where all are there that can be.
        """
        bits = self.fields[place]
        others = [number for other in self.fields if other is not bits for number in other.numbers]
        quantifier = self.space.diagrams.quantifier(others)
        rest = self._product([side for other, side in enumerate(box) if other != place]) & ~impossible
        possible = rest.exists(quantifier)
        actual = box[place] & possible
        if actual == possible and (bits is not self.space.word1 or possible.valid()):
            return None, None
        return ranges(bits, actual) or ranges(bits, box[place]), ranges(bits, possible & ~actual)

    def _service(self, protocol: Ranges | None, word0: Ranges | None, word1: Ranges | None) -> str:
        numbers = [number for low, high in protocol for number in range(low, high + 1)] if protocol is not None else []
        icmp = 1 if self.space.family is Family.IPV4 else 58
        if numbers == [icmp] and word0 is not None:
            types = ICMP_TYPES if icmp == 1 else ICMPV6_TYPES
            return ", ".join(_icmp(one, types) for one in word0)
        texts = []
        if word1 is not None:
            texts.append("port " + _numbers(word1) if len(numbers) != 1 else _numbers(word1))
        name = self._protocols(numbers)
        service = (
            "/".join(filter(None, (name, *texts))) if len(numbers) == 1 else " ".join(filter(None, (name, *texts)))
        )
        if word0 is not None and numbers and all(number in PORTED for number in numbers):
            service = f"{service or 'anything'} source port {_numbers(word0)}"
        return service

    def _protocols(self, numbers: Sequence[int]) -> str:
        missing = [number for number in range(256) if number not in numbers] if len(numbers) > 128 else None
        if missing is not None:
            return "any but " + _listed([_protocol(number) for number in missing]) if missing else ""
        return _listed([_protocol(number) for number in numbers])

    def _names(self, found: Ranges, side: Bits) -> str:
        """The interfaces, or those that can be and are not there, whichever is shorter."""
        examples = self.space.interfaces.examples
        codes = [code for low, high in found for code in range(low, min(high + 1, len(examples)))]
        named = [code for code in codes if code]
        others = [number for number in range(len(self.space.diagrams.variables)) if number not in side.numbers]
        possible = self.base.exists(self.space.diagrams.quantifier(others))
        possible_codes = [code for low, high in ranges(side, possible) or () for code in range(low, high + 1)]
        missing = [code for code in possible_codes if code and code not in named]
        if named and len(missing) < min(len(named), 3):
            return "any but " + _listed([examples[code] for code in missing]) if missing else ""
        return _listed([examples[code] for code in named])

    def _states(self, found: Ranges) -> str:
        codes = [code for low, high in found for code in range(low, min(high + 1, len(STATE_NAMES)))]
        return _listed([STATE_NAMES[code] for code in codes])


def ranges(bits: Bits, node: Node) -> Ranges | None:
    """The values of a field for which a set over it alone holds, as ranges; None where they are too many."""
    found: list[tuple[int, int]] = []
    for low, high in _leaves(bits, node, 0, 0):
        if found and found[-1][1] + 1 == low:
            found[-1] = (found[-1][0], high)
        else:
            found.append((low, high))
        if len(found) > MOST_RANGES:
            return None
    return tuple(found)


def _leaves(bits: Bits, node: Node, depth: int, low: int) -> Iterator[tuple[int, int]]:
    if not node.satisfiable():
        return
    size = 1 << (bits.width - depth)
    if node.valid():
        yield low, low + size - 1
        return
    parts = node.cofactors() if node.node_var() == bits.numbers[depth] else None
    yes, no = parts if parts is not None else (node, node)
    yield from _leaves(bits, no, depth + 1, low)
    yield from _leaves(bits, yes, depth + 1, low + size // 2)


def _all(found: Ranges, width: int) -> bool:
    return found == ((0, (1 << width) - 1),)


def _inverse(found: Ranges, width: int) -> Ranges:
    out, at = [], 0
    for low, high in found:
        if low > at:
            out.append((at, low - 1))
        at = high + 1
    return (*out, (at, (1 << width) - 1)) if at < 1 << width else tuple(out)


def _numbers(found: Ranges) -> str:
    other = _inverse(found, 16)
    if len(other) < len(found):
        return "any but " + _numbers(other)
    return _listed([str(low) if low == high else f"{low}:{high}" for low, high in found])


def _addresses(found: Ranges, missing: Ranges | None, family: Family) -> str:
    """Prefixes and ranges, or those that are not there, whichever is shorter."""
    text = _listed([_span(low, high, family) for low, high in found])
    other = "any but " + _listed([_span(low, high, family) for low, high in missing]) if missing else text
    return min(text, other, key=len)


def _span(low: int, high: int, family: Family) -> str:
    size = high - low + 1
    if low == high:
        return to_text(low, family)
    if not size & size - 1 and not low & size - 1:
        return f"{to_text(low, family)}/{family.bits - size.bit_length() + 1}"
    return f"{to_text(low, family)}-{to_text(high, family)}"


def _protocol(number: int) -> str:
    return {1: "icmp", 58: "icmp6"}.get(number) or SAVED_PROTOCOLS.get(number) or str(number)


def _icmp(one: tuple[int, int], types: dict[str, tuple[int, int, int]]) -> str:
    """A range of types and codes: a name where it has one."""
    name = "icmp" if types is ICMP_TYPES else "icmp6"
    low, high = one
    for text, (kind, first, last) in types.items():
        if kind < 256 and (kind << 8 | first, kind << 8 | last) == (low, high):
            return f"{name}/{text}"
    if low >> 8 == high >> 8:
        return f"{name}/{low >> 8}" + ("" if (low & 255, high & 255) == (0, 255) else f"/{low & 255}:{high & 255}")
    return f"{name} types {low >> 8} to {high >> 8}"


def _listed(texts: Sequence[str]) -> str:
    most = 12
    return ", ".join(texts if len(texts) <= most else [*texts[: most - 2], f"{len(texts) - most + 2} more"])
