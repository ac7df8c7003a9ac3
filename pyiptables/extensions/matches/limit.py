"""``-m limit``: source extensions/libxt_limit.c and net/netfilter/xt_limit.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import Match, Refusal, RuleFacts, Services, opt
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.extensions.kinds.rates import RATE, SCALE, read_rate

HZ = 250
"""Jiffies in a second: CONFIG_HZ as Debian, Fedora and Ubuntu LTS kernels have it."""
CREDITS_PER_SECOND = 128 * HZ
"""128 credits a jiffy: the power of two for which a day's credits still fit into 32 bits."""
WORD = 0xFFFFFFFF

DEFAULT_RATE, DEFAULT_BURST = read_rate("3/hour"), 5


def credits_of(time: int) -> int:
    """Credits that a time (in parts of a 10,000th second) earns, in the kernel's 32-bit arithmetic (user2credits)."""
    if time > WORD // CREDITS_PER_SECOND:
        return time // SCALE * CREDITS_PER_SECOND & WORD
    return time * CREDITS_PER_SECOND // SCALE


class Bucket:
    """The credit that one rule's limit has left, and the jiffy when it was last counted."""

    __slots__ = ("credit", "jiffy")

    def __init__(self, credit: int) -> None:
        self.credit = credit
        self.jiffy: int | None = None


class LimitMatch(Match):
    """Match until a token bucket is empty: each packet that matches costs a token, time brings new ones."""

    name = "limit"
    stateful = True

    rate = opt("--limit", kind=RATE, neutral=DEFAULT_RATE, default=DEFAULT_RATE, help="packets a time")
    burst = opt(
        "--limit-burst", kind=Integer(0, 10_000), neutral=DEFAULT_BURST, default=DEFAULT_BURST,
        help="packets that match at once",
    )  # fmt: skip

    def save(self, facts: RuleFacts) -> str:
        """The rate always; the burst unless it is the default."""
        burst = f" --limit-burst {self.burst}" if self.burst != DEFAULT_BURST else ""
        return f" --limit {RATE.save(self.rate, facts)}{burst}"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``limit: avg 3/hour burst 5``."""
        return f" limit: avg {RATE.save(self.rate, facts)} burst {self.burst}"

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """A bucket that holds less than one packet's cost: burst 0, or an overflow."""
        if self.burst and self._size() >= credits_of(self.rate):
            return None
        return Refusal(f"a burst of {self.burst} does not fit at this rate", "Numerical result out of range")

    def _size(self) -> int:
        return credits_of(self.rate * self.burst & WORD)

    def open(self, services: Services) -> Bucket:
        """A full bucket."""
        return Bucket(self._size())

    def step(self, skb: Any, state: Bucket, services: Services) -> bool:
        """Count the credit since the last packet, and pay if there is enough (limit_mt)."""
        now = services.now * HZ // 1_000_000_000
        earned = max(0, now - (now if state.jiffy is None else state.jiffy)) * (CREDITS_PER_SECOND // HZ)
        state.jiffy = now
        state.credit = min(state.credit + (earned & WORD) & WORD, self._size())
        cost = credits_of(self.rate)
        if state.credit < cost:
            return False
        state.credit -= cost
        return True
