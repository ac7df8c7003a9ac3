"""Dates, times of the day, days of the week and of the month.

Source of the behaviour: extensions/libxt_time.c; strtoul(3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from time import gmtime, strftime
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.hooks import Family

ALL_WEEKDAYS, ALL_MONTHDAYS = 0xFE, 0xFFFFFFFE
WEEK = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WORD = 0xFFFFFFFF
_DECIMAL = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-9]+)")
_ANY_BASE = re.compile(r"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")


def _number(pattern: re.Pattern[str], text: str) -> tuple[int, str]:
    """The number at the front of a text in 32 bits, 0 when there is none, and the rest."""
    found = pattern.match(text)
    if found is None:
        return 0, text
    digits = found[2][:64]
    octal = pattern is _ANY_BASE and digits[0] == "0"
    base = 16 if octal and digits[1:2] in ("x", "X") else 8 if octal else 10
    value = min(int(digits, base), 2**64 - 1)
    return (-value if found[1] == "-" else value) & WORD, text[found.end() :]


class Date(Kind):
    """``YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`` as seconds since 1970."""

    metavar = "YYYY-MM-DDThh:mm:ss"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The seconds; a day or month that is not there, such as the 31st of February or 0, is counted on or back."""
        fields, rest = [0, 1, 1, 0, 0, 0], texts[0]
        for place, (most, separator) in enumerate(((2038, "-"), (12, "-"), (31, "T"), (23, ":"), (59, ":"), (59, ""))):
            fields[place], rest = _number(_DECIMAL, rest)
            if fields[place] > most or (rest and rest[0] != separator) or (not place and fields[0] < 1970):
                raise ParameterProblem(f'Invalid date "{texts[0]}" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]')
            if not rest:
                break
            rest = rest[1:]
        year, month, day, hour, minute, second = fields
        seconds = (_days(year, month) + day - 1) * 86400 + hour * 3600 + minute * 60 + second
        if seconds < 0:
            raise ParameterProblem("mktime returned an error")
        return seconds

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``2026-11-23T16:30:00``."""
        return self.list(value, facts, numeric=True).replace(" ", "T")

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """``2026-11-23 16:30:00``."""
        return strftime("%Y-%m-%d %H:%M:%S", gmtime(value))


def _days(year: int, month: int) -> int:
    """Days from 1970 to the first of a month; month 0 is the December before."""
    if not month:
        year, month = year - 1, 12
    past = year - (month <= 2)
    since_march = (153 * ((month + 9) % 12) + 2) // 5
    return 365 * past + past // 4 - past // 100 + past // 400 + since_march - 719468


class Daytime(Kind):
    """``hh:mm[:ss]`` as seconds since midnight."""

    metavar = "hh:mm:ss"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The seconds."""
        fields, rest = [0, 0, 0], texts[0]
        for place, most in enumerate((23, 59, 59)):
            part = rest
            fields[place], rest = _number(_DECIMAL, rest)
            more = rest[:1] == ":" and place < 2
            if fields[place] > most or (rest and not more) or (not place and not more):
                raise ParameterProblem(
                    f'invalid time "{part}" specified, should be hh:mm[:ss] format and within the boundaries'
                )
            if not rest:
                break
            rest = rest[1:]
        return fields[0] * 3600 + fields[1] * 60 + fields[2]

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``16:30:00``."""
        return f"{value // 3600:02}:{value // 60 % 60:02}:{value % 60:02}"


def _items(text: str, size: int) -> Iterator[str]:
    """The items of a list with commas, each cut to ``size`` bytes; a comma at the end is followed by none."""
    while text:
        item, _, text = text.partition(",")
        yield item.encode("utf-8", "surrogateescape")[:size].decode("utf-8", "surrogateescape")


class Weekdays(Kind):
    """``Mon,Tue`` or ``1,2`` as bits 1 to 7; with ``!`` the others."""

    metavar = "day[,day...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The bits; of a name the first two letters count."""
        days = 0
        for item in _items(texts[0], 3):
            number, rest = _number(_ANY_BASE, item)
            if not rest:
                if not number:
                    raise ParameterProblem("No, the week does NOT begin with Sunday.")
                days |= 1 << (number & 31)
                continue
            named = next((place for place, name in enumerate(WEEK, 1) if name[:2] == item[:2]), None)
            if named is None:
                raise ParameterProblem(f"{item} is not a valid day specifier")
            days |= 1 << named
        days &= 0xFF
        return days ^ ALL_WEEKDAYS if facts.inverted else days

    def choices(self, family: Family) -> Iterable[str]:
        """The days."""
        return WEEK

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The names."""
        return ",".join(name for place, name in enumerate(WEEK, 1) if value >> place & 1)


class Monthdays(Kind):
    """``1,15,31`` as bits; with ``!`` the others."""

    metavar = "day[,day...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The bits; of each number two digits count."""
        days = 0
        for item in _items(texts[0], 2):
            number, rest = _number(_ANY_BASE, item)
            if rest or number > 31:
                raise ParameterProblem(f"{item} is not a valid day for --monthdays")
            days |= 1 << number
        return days ^ ALL_MONTHDAYS if facts.inverted else days

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The numbers."""
        return ",".join(str(day) for day in range(1, 32) if value >> day & 1)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """``1st,2nd,11st``, as the program has it."""
        endings = {1: "st", 2: "nd", 3: "rd"}
        return ",".join(f"{day}{endings.get(day % 10, 'th')}" for day in range(1, 32) if value >> day & 1)


DATE, DAYTIME, WEEKDAYS, MONTHDAYS = Date(), Daytime(), Weekdays(), Monthdays()
