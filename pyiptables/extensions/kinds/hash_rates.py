"""Rates of packets or bytes, and bursts of them, as ``-m hashlimit`` counts them.

Source of the behaviour: extensions/libxt_hashlimit.c (parse_rate, parse_bytes, print_rate, print_bytes).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.numbers import strtoul
from pyiptables.extensions.kinds.rates import UNITS

SCALE = 1_000_000
"""A rate of packets is kept as the time of one, in parts of this many to the second (XT_HASHLIMIT_SCALE_v2)."""
CHUNK = 16
"""Bytes are counted in pieces of this size; a rate of bytes is kept as the cost of a piece, in parts of WORD."""
WORD, LONG = 0xFFFFFFFF, 2**64 - 1
MOST_BURST = 1_000_000
PRINTED = (("day", 86400), ("hour", 3600), ("min", 60), ("sec", 1))
SIZES = (("m", 1 << 20), ("k", 1 << 10), ("", 1))
FACTORS = {"m": 1 << 20, "k": 1 << 10}
BAD_BURST = f'bad value for option "--hashlimit-burst", or out of range (1-{MOST_BURST}).'
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")


@dataclass(frozen=True, slots=True)
class HashRate:
    """``average`` is the time of a packet or the cost of a piece; ``seconds`` is the unit's time (packets only)."""

    average: int
    seconds: int
    bytes: bool
    above: bool


class HashRateText(Kind):
    """``N[/second|minute|hour|day]`` or ``N[k|m]b/s``; which of the two options has it, and ``!``, say above or up to."""

    metavar = "number[/unit]|number[k|m]b/s"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The rate."""
        text = texts[0]
        above = (option.attribute == "above") != facts.inverted
        cost = _bytes(text)
        if cost is not None:
            return HashRate(cost, 15, True, above)
        number, slash, unit = text.partition("/")
        seconds = next((time for name, time in UNITS.items() if unit and name.startswith(unit.lower())), 0)
        rate = _atoll(number)
        if not rate or (slash and not seconds) or not unit.isascii():
            raise ParameterProblem(f'hashlimit: Bad value for "{option.names[0]}" option: "{text}"')
        average = SCALE * (seconds or 1) // (rate & LONG)
        if not average:
            raise ParameterProblem(f'Rate too fast "{text}"')
        return HashRate(average, seconds or 1, False, above)


def _bytes(text: str) -> int | None:
    at = text.find("b/s")
    number = _atoll(text) if at > 0 else 0
    if not number:
        return None
    cost = cost_of(number * FACTORS.get(text[at - 1], 1) & LONG)
    if cost is None:
        raise ParameterProblem(f'Rate too high "{text}"')
    return cost


def _atoll(text: str) -> int:
    """The number at the front of a text in 64 bits with a sign, 0 when there is none (atoll(3))."""
    found = _INTEGER.match(text)
    return min(max(int(found[1][:64]), -(2**63)), 2**63 - 1) if found else 0


def cost_of(size: int) -> int | None:
    """What a piece costs when so many bytes pass in a second; None for the rate that the program stumbles over."""
    pieces = (size // CHUNK & WORD) + 1
    return WORD // pieces if pieces <= WORD else None


def size_of(cost: int) -> int:
    """The bytes of a second at a cost."""
    return ((WORD // cost if cost else WORD) - 1) * CHUNK


class Burst(Kind):
    """A number of packets, or of bytes with ``k`` or ``m``."""

    metavar = "number[k|m]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number."""
        found = strtoul(texts[0])
        if found is None or not found[0] or (not found[1] and found[0] > MOST_BURST):
            raise ParameterProblem(BAD_BURST)
        return found[0] * FACTORS.get(found[1][:1], 1) & LONG


def show_packets(time: int) -> tuple[str, int]:
    """``N/unit``, in the largest unit that rounds well, and the milliseconds of the unit."""
    if not time:
        return "inf", 0
    for (unit, seconds), (_, smaller) in pairwise(PRINTED):
        scaled = smaller * SCALE
        if time > scaled or scaled // time < scaled % time:
            return f"{seconds * SCALE // time}/{unit}", seconds * 1000
    return f"{SCALE // time}/sec", 1000


def show_bytes(cost: int) -> str:
    """``Nkb/s``, in the largest unit that says the same."""
    size = size_of(cost)
    unit, scale = next(
        (unit, scale)
        for unit, scale in SIZES
        if scale == 1 or (size >= scale and cost_of(size & WORD & -scale) == cost)
    )
    return f"{size // scale}{unit}b/s"


def show_burst(cost: int, burst: int) -> str:
    """``Nmb``, cut to the largest unit: so many seconds of the rate."""
    size = size_of(cost) * burst
    unit, scale = next((unit, scale) for unit, scale in SIZES if size >= scale or scale == 1)
    return f"{size // scale}{unit}b"
