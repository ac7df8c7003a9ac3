"""``-m quota``: source extensions/libxt_quota.c and net/netfilter/xt_quota.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import Match, RuleFacts, Services, opt
from pyiptables.extensions.kinds.numbers import Integer


class Remainder:
    """The bytes that one rule's quota has left."""

    __slots__ = ("bytes",)

    def __init__(self, size: int) -> None:
        self.bytes = size


class QuotaMatch(Match):
    """Match until so many bytes have passed; from the first packet that is too large, nothing matches any more."""

    name = "quota"
    stateful = True

    quota = opt("--quota", kind=Integer(0, 2**64 - 1, "bytes"), required=True, invertible=True, help="bytes that match")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``quota: 500 bytes``, inverted or not."""
        return f" quota: {self.quota} bytes"

    def open(self, services: Services) -> Remainder:
        """All of it."""
        return Remainder(self.quota)

    def step(self, skb: Any, state: Remainder, services: Services) -> bool:
        """Take the packet's bytes off (quota_mt)."""
        size = len(skb.data)
        enough = state.bytes >= size
        state.bytes = state.bytes - size if enough else 0
        return enough != bool(self.inverted)
