"""A field of a packet as variables of a diagram: one for each bit, the highest on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyiptables.analysis.diagrams import Diagrams, Node


class Bits:
    """A number of ``len(numbers)`` bits; ``numbers`` are its variables, the highest bit first."""

    __slots__ = ("_bytes", "_diagrams", "_ranges", "_values", "name", "numbers", "quantifier", "width")

    def __init__(self, name: str, numbers: Sequence[int], diagrams: Diagrams) -> None:
        self.name = name
        self.numbers = tuple(numbers)
        self.width = len(self.numbers)
        self._diagrams = diagrams
        self._ranges: dict[tuple[int, int], Node] = {}
        self._bytes: dict[tuple[int, int, int], Node] = {}
        self._values: dict[int, Node] = {}
        self.quantifier = diagrams.quantifier(self.numbers)

    def part(self, name: str, shift: int, width: int) -> Bits:
        """``width`` of its bits, the lowest of them being bit ``shift``."""
        end = self.width - shift
        return Bits(name, self.numbers[end - width : end], self._diagrams)

    def equals(self, value: int) -> Node:
        """The packets that have the value; none where it needs more bits than there are."""
        if value < 0 or value >> self.width:
            return self._diagrams.false
        found = self._values.get(value)
        if found is None:
            found = self.masked((1 << self.width) - 1, value)
            if self.width <= 16:
                self._values[value] = found
        return found

    def masked(self, mask: int, value: int) -> Node:
        """The packets whose bits under the mask are those of the value; none where it has others."""
        if value & ~mask or value < 0 or value >> self.width:
            return self._diagrams.false
        found = self._diagrams.true
        for start in range((self.width - 1) // 8 * 8, -1, -8):
            shift = max(0, self.width - start - 8)
            size = min(8, self.width - start)
            bits = mask >> shift & (1 << size) - 1
            if bits:
                found = self._byte(start, bits, value >> shift & (1 << size) - 1) & found
        return found

    def _byte(self, start: int, mask: int, value: int) -> Node:
        key = (start, mask, value)
        found = self._bytes.get(key)
        if found is None:
            numbers = self.numbers[start : start + 8]
            size = len(numbers)
            literals = {
                number: bool(value >> size - 1 - place & 1)
                for place, number in enumerate(numbers)
                if mask >> size - 1 - place & 1
            }
            found = self._bytes[key] = self._diagrams.cube(literals)
        return found

    def within(self, low: int, high: int) -> Node:
        """The packets whose value lies between both, ends included."""
        low, high = max(low, 0), min(high, (1 << self.width) - 1)
        if low > high:
            return self._diagrams.false
        if low == high:
            return self.equals(low)
        found = self._ranges.get((low, high))
        if found is None:
            found = self._ranges[low, high] = self._at_least(low) & self._at_most(high)
        return found

    def _at_least(self, low: int) -> Node:
        found = self._diagrams.true
        for place, number in enumerate(reversed(self.numbers)):
            variable = self._diagrams.variables[number]
            found = variable & found if low >> place & 1 else variable | found
        return found

    def _at_most(self, high: int) -> Node:
        found = self._diagrams.true
        for place, number in enumerate(reversed(self.numbers)):
            variable = self._diagrams.variables[number]
            found = ~variable | found if high >> place & 1 else ~variable & found
        return found

    def same_as(self, other: Bits, mask: int = -1) -> Node:
        """The packets where both have the same bits under the mask."""
        found = self._diagrams.true
        variables = self._diagrams.variables
        for place, (mine, its) in enumerate(zip(reversed(self.numbers), reversed(other.numbers), strict=True)):
            if mask >> place & 1:
                found = ~(variables[mine] ^ variables[its]) & found
        return found

    def value(self, assignment: Mapping[int, bool]) -> int:
        """The number that an assignment of variables gives it, a variable that is missing being 0."""
        found = 0
        for number in self.numbers:
            found = found << 1 | assignment.get(number, False)
        return found
