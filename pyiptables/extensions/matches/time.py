"""``-m time``: source extensions/libxt_time.c and net/netfilter/xt_time.c."""

from __future__ import annotations

from collections.abc import Mapping
from time import gmtime
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts, Services, opt
from pyiptables.extensions.kinds.flags import WarnedFlag
from pyiptables.extensions.kinds.times import ALL_MONTHDAYS, ALL_WEEKDAYS, DATE, DAYTIME, MONTHDAYS, WEEKDAYS

MINUTES_WEST = "kernel time zone"
"""The shared state that says by how many minutes the kernel's time zone lies west of Greenwich; 0 unless it is set."""
LAST_SECOND = 86_399
LAST_DATE = 2**31 - 1
LOCALTZ = (
    'WARNING: --localtz is being replaced by --kerneltz, since "local" is ambiguous. '
    "Note the kernel timezone has caveats - see manpage for details.\n"
)


class TimeMatch(Match):
    """Match by the time when a packet passes: dates, days, times of the day; in UTC or the kernel's time zone."""

    name = "time"
    stateful = True
    needs = "the clock, which is the capture's"

    date_start = opt("--datestart", kind=DATE, neutral=0, default=0, help="the first second: 2026-11-23T16:30:00")
    date_stop = opt("--datestop", kind=DATE, neutral=LAST_DATE, default=LAST_DATE, help="the last second")
    start = opt("--timestart", kind=DAYTIME, neutral=0, default=0, help="first second of each day: 16:30:00")
    stop = opt("--timestop", kind=DAYTIME, neutral=LAST_SECOND, default=LAST_SECOND, help="the last one")
    contiguous = opt("--contiguous", help="what goes on over midnight is of the day when it began")
    weekdays = opt(
        "--weekdays", kind=WEEKDAYS, invertible=True, default=ALL_WEEKDAYS, help="days of the week: Mon,Tue or 1,2"
    )
    monthdays = opt(
        "--monthdays", kind=MONTHDAYS, invertible=True, default=ALL_MONTHDAYS, help="days of the month: 1,15,31"
    )
    localtz = opt("--localtz", kind=WarnedFlag(LOCALTZ), excludes=("utc",), help="the old name of --kerneltz")
    utc = opt("--utc", excludes=("localtz", "kerneltz"), help="by UTC, as it is without this")
    kerneltz = opt("--kerneltz", excludes=("utc",), help="by the kernel's time zone")

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        super().__init__(values)

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """Only what says something, by one name."""
        found = {name: value for name, value in values.items() if name not in ("utc", "localtz")}
        if "localtz" in values:
            found["kerneltz"] = True
        neutral = {"weekdays": ALL_WEEKDAYS, "monthdays": ALL_MONTHDAYS}
        return {name: value for name, value in found.items() if neutral.get(name) != value}

    def check(self, facts: RuleFacts) -> None:
        """--contiguous is for times that go over midnight."""
        if self.contiguous and self.start < self.stop:
            raise ParameterProblem("time: --contiguous only makes sense when stoptime is smaller than starttime")

    def save(self, facts: RuleFacts) -> str:
        """The times, the days, the dates (the last one always), the rest."""
        text = ""
        if self._has_times():
            text += f" --timestart {DAYTIME.save(self.start, facts)} --timestop {DAYTIME.save(self.stop, facts)}"
        if self.monthdays != ALL_MONTHDAYS:
            text += f" --monthdays {MONTHDAYS.save(self.monthdays, facts)}"
        if self.weekdays != ALL_WEEKDAYS:
            text += f" --weekdays {WEEKDAYS.save(self.weekdays, facts)}"
        text += f" --datestart {DATE.save(self.date_start, facts)}" if self.date_start else ""
        text += f" --datestop {DATE.save(self.date_stop, facts)}" if self.date_stop else ""
        return text + (" --kerneltz" if self.kerneltz else "") + (" --contiguous" if self.contiguous else "")

    def _has_times(self) -> bool:
        return (self.start, self.stop) != (0, LAST_SECOND)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``TIME from 08:00:00 to 17:00:00 on Mon,Tue UTC``."""
        text = " TIME"
        if self._has_times():
            text += f" from {DAYTIME.save(self.start, facts)} to {DAYTIME.save(self.stop, facts)}"
        if self.weekdays != ALL_WEEKDAYS:
            text += f" on {WEEKDAYS.save(self.weekdays, facts)}"
        if self.monthdays != ALL_MONTHDAYS:
            text += f" on {MONTHDAYS.list(self.monthdays, facts, numeric)}"
        if self.date_start:
            text += f" starting from {DATE.list(self.date_start, facts, numeric)}"
        if self.date_stop != LAST_DATE:
            text += " until date" + (f" {DATE.list(self.date_stop, facts, numeric)}" if self.date_stop else "")
        return text + ("" if self.kerneltz else " UTC") + (" contiguous" if self.contiguous else "")

    def step(self, skb: Any, state: None, services: Services) -> bool:
        """Date, time of the day, then the days (time_mt)."""
        now = services.now // 1_000_000_000
        if self.kerneltz:
            now -= 60 * services.shared(MINUTES_WEST, int)
        if not self.date_start <= now <= self.date_stop:
            return False
        second = now % (LAST_SECOND + 1)
        if self.start < self.stop:
            if not self.start <= second <= self.stop:
                return False
        elif self.stop < second < self.start:
            return False
        elif self.contiguous and second <= self.stop:
            now -= LAST_SECOND + 1
        day = gmtime(now)
        return bool(self.weekdays >> day.tm_wday + 1 & 1 and self.monthdays >> day.tm_mday & 1)
