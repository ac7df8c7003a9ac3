"""Rates of packets, as ``-m limit`` counts them.

Source of the behaviour: parse_rate and print_rate of extensions/libxt_limit.c.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts

SCALE = 10_000
"""A rate is kept as the time of one packet, in parts of this many to the second (XT_LIMIT_SCALE)."""

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
PRINTED = (("day", 86400 * SCALE), ("hour", 3600 * SCALE), ("min", 60 * SCALE), ("sec", SCALE))

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-9]+)")


class Rate(Kind):
    """``N[/second|minute|hour|day]``, the unit as short as one likes: the time of one packet."""

    metavar = "number[/second|/minute|/hour|/day]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The time; what is faster than 10,000 a second is refused."""
        return read_rate(texts[0])

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``N/sec``, in the largest unit that rounds well."""
        for (unit, time), (_, smaller) in pairwise(PRINTED):
            if value > smaller or smaller // value < smaller % value:
                return f"{time // value}/{unit}"
        return f"{SCALE // value}/sec"


@lru_cache(maxsize=1024)
def read_rate(text: str) -> int:
    """The time of one packet; ParameterProblem where the text is no rate or too fast a one."""
    number, slash, unit = text.partition("/")
    seconds = next((time for name, time in UNITS.items() if unit and name.startswith(unit.lower())), 0) if slash else 1
    rate = _atoi(number)
    if not rate or not seconds or not unit.isascii():
        raise ParameterProblem(f'bad rate "{text}"\'')
    time = SCALE * seconds // rate
    if not time:
        raise ParameterProblem(f'Rate too fast "{text}"')
    return time


def _atoi(text: str) -> int:
    """The number at the front of a text as atoi(3) has it, in 32 bits without a sign; 0 when there is none."""
    found = _INTEGER.match(text)
    if not found:
        return 0
    negative = found[1] == "-"
    value = min(int(found[2][:40]) if len(found[2]) < 40 else 2**63, 2**63 if negative else 2**63 - 1)
    return (-value if negative else value) & 0xFFFFFFFF


RATE = Rate()
