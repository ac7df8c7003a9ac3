"""``-j RATEEST``: source extensions/libxt_RATEEST.c and net/netfilter/xt_RATEEST.c."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, NamedObjects, Option, RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.floats import strtod
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.extensions.targets._rateest import SHARED, RateEstimator
from pyiptables.hooks import Verdict

SECOND = 1_000_000
UNITS = {"": 1, "s": SECOND, "sec": SECOND, "secs": SECOND, "ms": 1000, "msec": 1000, "msecs": 1000}
UNITS |= {"us": 1, "usec": 1, "usecs": 1}
INTERVALS, SLOWEST = 6, 31
"""How many intervals there are; and the logarithm that is one too many."""
WORD = 0xFFFFFFFF


class Time(Kind):
    """``N[s|ms|us]`` as microseconds in 32 bits."""

    metavar = "time"

    def __init__(self, what: str) -> None:
        self.what = what

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number, cut to 32 bits as the conversion from a double does it; 0 for what is out of range."""
        found = strtod(texts[0])
        unit = UNITS.get(found[1].lower()) if found is not None else None
        if found is None or unit is None:
            raise ParameterProblem(f'RATEEST: bad {self.what} value "{texts[0]}"')
        time = found[0] * unit
        return int(time) & WORD if abs(time) < 2**63 else 0


def show_time(time: int) -> str:
    """Microseconds as ``1.0s``, ``250.0ms`` or ``10us``."""
    if time >= SECOND:
        return f"{time / SECOND:.1f}s"
    return f"{time / 1000:.1f}ms" if time >= 1000 else f"{time}us"


class RateestTarget(Target):
    """Let a rate estimator count the packet, and go on."""

    name = "RATEEST"

    estimator = opt("--rateest-name", kind=PlainText(15), required=True, list_as="name", help="name of the estimator")
    interval = opt("--rateest-interval", kind=Time("interval"), required=True, help="how often it measures")
    ewmalog = opt("--rateest-ewmalog", kind=Time("ewmalog"), required=True, help="how slowly it forgets")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """The times as the kernel's logarithms: the interval from 250 ms on, the constant in intervals."""
        interval, constant = values.get("interval", 0), values.get("ewmalog", 0)
        steps = next((step for step in range(INTERVALS) if interval <= SECOND // 4 << step), None)
        if steps is None:
            raise ParameterProblem("RATEEST: interval value is too large")
        slow = next((log for log in range(1, SLOWEST) if constant < -interval / math.log(1 - 0.5**log)), 32) - 1
        if slow in (0, SLOWEST):
            raise ParameterProblem("RATEEST: ewmalog value is out of range")
        return values | {"interval": steps - 2, "ewmalog": slow}

    def save(self, facts: RuleFacts) -> str:
        """``--rateest-name lan --rateest-interval 250.0ms --rateest-ewmalog 1.0s``."""
        return self._text("--rateest-")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``name lan interval 250.0ms ewmalog 1.0s``."""
        return self._text("")

    def _text(self, dashes: str) -> str:
        interval = SECOND // 4 << self.interval + 2
        constant = interval << self.ewmalog & WORD
        return (
            f" {dashes}name {self.estimator} {dashes}interval {show_time(interval)}"
            f" {dashes}ewmalog {show_time(constant)}"
        )

    def claim(self, named: NamedObjects) -> str | None:
        """An estimator of the name measures as this one would; an interval of 1 s (logarithm 0) asks for none."""
        interval, ewmalog = named.found.setdefault((SHARED, self.estimator), None) or (self.interval, self.ewmalog)
        named.found[SHARED, self.estimator] = (interval, ewmalog)
        if self.interval not in (0, interval) or self.ewmalog != ewmalog:
            return f"the estimator {self.estimator} has another interval or ewmalog"
        return None

    def open(self, services: Services) -> RateEstimator:
        """The estimator of that name, shared by all rules that name it."""
        found: dict[str, RateEstimator] = services.shared(SHARED, dict)
        return found.setdefault(self.estimator, RateEstimator(self.interval, self.ewmalog))

    def apply(self, skb: Any, state: RateEstimator, services: Services) -> Verdict | None:
        """Count."""
        state.count(len(skb.data), services.now)
        return None
