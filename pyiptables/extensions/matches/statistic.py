"""``-m statistic``: source extensions/libxt_statistic.c and net/netfilter/xt_statistic.c."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, Services, opt
from pyiptables.extensions.kinds.choices import Choice
from pyiptables.extensions.kinds.floats import strtod
from pyiptables.extensions.kinds.numbers import UINT32, Integer

ONE = 1 << 31
"""Probabilities are kept in parts of this."""


class Probability(Kind):
    """A number from 0 to 1, in parts of 2**31; no number (nan) is 0."""

    metavar = "probability"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The parts, rounded."""
        found = strtod(texts[0])
        if found is None or found[1] or found[0] < 0 or found[0] > 1:
            raise ParameterProblem(f'statistic: bad value for option "{option.names[0]}", or out of range (0-1).\n')
        return 0 if math.isnan(found[0]) else math.floor(found[0] * ONE + 0.5)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """Eleven places."""
        return f"{value / ONE:.11f}"


class Counter:
    """How many packets one rule has seen since its last match."""

    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        self.count = count


class StatisticMatch(Match):
    """Match by chance, or every so many packets."""

    name = "statistic"
    stateful = True
    needs = "chance, which begins with --seed"

    mode = opt(
        "--mode", kind=Choice("random", "nth", bad='Bad mode "{}"'), required=True, default="random",
        help="by chance, or counting",
    )  # fmt: skip
    probability = opt(
        "--probability",
        kind=Probability(),
        invertible=True,
        excludes=("every", "packet"),
        help="chance of a match, 0 to 1",
    )
    every = opt(
        "--every", kind=Integer(1, 2**32 - 1), invertible=True, excludes=("probability",), also=("packet",),
        help="match one of so many packets",
    )  # fmt: skip
    packet = opt(
        "--packet", kind=UINT32, excludes=("probability",), also=("every",), default=0,
        help="which one, 0 being the first",
    )  # fmt: skip

    def check(self, facts: RuleFacts) -> None:
        """What belongs to the mode is there."""
        if self.mode == "random" and self.probability is None:
            raise ParameterProblem("--probability must be specified when using random mode")
        if self.mode == "nth" and not self.values.keys() & {"every", "packet"}:
            raise ParameterProblem("--every and --packet must be specified when using nth mode")
        places = {"probability": self.probability, "every": (self.every or 1) - 1}  # which share a word there
        last = next((value for name in reversed(list(self.values)) if (value := places.get(name)) is not None), 0)
        if self.packet > last:
            raise ParameterProblem("the --packet p must be 0 <= p <= n-1")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``statistic mode nth every 2 packet 1``; packet 0 is not said."""
        text = self.save(facts).replace("--", "")
        return " statistic" + (text.removesuffix(" packet 0") if self.mode == "nth" else text)

    def open(self, services: Services) -> Counter:
        """The counter stands so that the packet asked for is the next one."""
        return Counter(self.every - 1 - self.packet if self.every is not None else 0)

    def step(self, skb: Any, state: Counter, services: Services) -> bool:
        """Throw the dice, or count (statistic_mt)."""
        if self.mode == "random":
            found = services.random.getrandbits(31) < self.probability
        else:
            state.count = 0 if state.count == self.every - 1 else state.count + 1
            found = state.count == 0
        return bool(found) != bool(self.inverted)
