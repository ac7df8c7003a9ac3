"""Whole numbers and ranges of them.

Source of the behaviour: strtoul(3) with base 0, and libxtables' guided option parser.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts

_USUAL_DIGITS = 20
_MOST_DIGITS = 100
"""Digits from which on a number is too large; leading zeros are not that many."""
_BASES = (0, 0, 16, 2, 8, 10)
_DECIMAL = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-9]+)")
_NUMBER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0([0-7]*)|([1-9][0-9]*))")


def strtoul(text: str, most: int = 2**64 - 1) -> tuple[int, str] | None:
    """Read the number at the front of a text as strtoul with base 0 does: it and what follows; None when there is none.

    A number beyond ``most``, or a negative one, counts as none, as xtables_strtoul has it.
    """
    found = _NUMBER.match(text)
    if found is None or found[1] == "-":
        return None
    place = found.lastindex or 0
    digits = found[place] or "0"
    value = int(digits, _BASES[place]) if len(digits) < _MOST_DIGITS else most + 1
    return (value, text[found.end() :]) if value <= most else None


def signed_int(text: str, *, decimal: bool = False) -> int | None:
    """The number that is all of a text, as strtoul(3) reads it and an ``int`` takes it; None when it is none.

    A ``-`` counts down from 2**64, what is larger is 2**64 - 1, and the lowest 32 bits make the int. ``decimal``: with
    base 10 instead of 0.
    """
    found = (_DECIMAL if decimal else _NUMBER).fullmatch(text)
    if found is None:
        return None
    if decimal:
        value = int(found[2]) if len(found[2]) < _MOST_DIGITS else 2**64
    else:
        read = strtoul(text.replace("-", "+", 1))
        value = read[0] if read is not None else 2**64
    word = -1 if value >= 2**64 else -value if found[1] == "-" else value
    return (word & 0xFFFFFFFF ^ 2**31) - 2**31


def whole_number(text: str, low: int, high: int) -> int | None:
    """The number that is all of the text (decimal, octal or hexadecimal) and lies in the range, or None."""
    if text.isdecimal() and text[0] != "0" and len(text) < _USUAL_DIGITS and text.isascii():
        value = int(text)
        return value if low <= value <= high else None
    found = strtoul(text, high)
    return found[0] if found is not None and not found[1] and found[0] >= low else None


class Integer(Kind):
    """One number in a range (XTTYPE_UINT8 to UINT64)."""

    def __init__(self, low: int, high: int, metavar: str = "number") -> None:
        self.low, self.high = low, high
        self.metavar = metavar
        self.limits = f"{low} to {high}" if high < 0xFFFFFFFF else f"from {low}" if low else ""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number."""
        value = whole_number(texts[0], self.low, self.high)
        if value is None:
            raise ParameterProblem(
                f'{facts.extension}: bad value for option "{option.names[0]}", '
                f"or out of range ({self.low}-{self.high}).\n"
            )
        return value


class IntegerRange(Kind):
    """``A``, ``A:B``, ``:B``, ``A:`` (XTTYPE_UINT*RC): a pair, both ends included; the open ends are 0 and the most."""

    metavar = "number[:number]"

    def __init__(self, most: int) -> None:
        self.most = most

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The two ends; a single number gives both."""
        values: list[int] = []
        rest = texts[0]
        while True:
            if len(values) == 2:
                raise ParameterProblem(
                    f'{facts.extension}: Too many components for option "{option.names[0]}" (max: 2)\n'
                )
            value, rest = self._component(rest, values, option, facts)
            values.append(value)
            if not rest:
                return (values[0], values[-1])
            rest = rest[1:]

    def _component(self, text: str, before: Sequence[int], option: Option, facts: RuleFacts) -> tuple[int, str]:
        if not text or text[0] == ":":
            return (self.most if len(before) == 1 else 0), text
        low = before[0] if before else 0
        found = strtoul(text, self.most)
        if found is None or found[0] < low:
            raise ParameterProblem(
                f'{facts.extension}: bad value for option "{option.names[0]}" near "{text}", '
                f"or out of range ({low}-{self.most}).\n"
            )
        if found[1] and found[1][0] != ":":
            raise ParameterProblem(
                f'{facts.extension}: Argument to "{option.names[0]}" has unexpected characters near "{found[1]}".\n'
            )
        return found

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``A`` or ``A:B``."""
        low, high = value
        return str(low) if low == high else f"{low}:{high}"


UINT8 = Integer(0, 255)
UINT16 = Integer(0, 0xFFFF)
UINT32 = Integer(0, 0xFFFFFFFF)
UINT8_RANGE = IntegerRange(0xFF)
UINT16_RANGE = IntegerRange(0xFFFF)
UINT32_RANGE = IntegerRange(0xFFFFFFFF)
