"""``-m tcpmss``: source extensions/libxt_tcpmss.c and net/netfilter/xt_tcpmss.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT16_RANGE
from pyiptables.packet.fields import tcp
from pyiptables.packet.fields_headers import walk_options
from pyiptables.predicate import Predicate, Test

MSS, MSS_SIZE = 2, 4


class TcpmssMatch(Match):
    """Match the maximum segment size that a TCP segment announces; a segment without one matches an inverted rule.

    A segment whose options cannot be read is dropped.
    """

    name = "tcpmss"
    protocols = frozenset({6})

    mss = opt(
        "--mss", kind=UINT16_RANGE, invertible=True, required=True, list_as="tcpmss match ",
        help="size or range, in bytes",
    )  # fmt: skip

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``tcpmss match !1400:1536``."""
        return self.list_option(type(self).mss, facts, numeric)

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header, then the option in it."""
        yield tcp.header
        yield self.wants(type(self).mss, facts, lambda _: Test("tcp.mss", self._holds, lambda skb: str(mss_of(skb))))

    def _holds(self, skb: Any) -> bool:
        begin, end = skb.thoff + 20, skb.thoff + (skb.data[skb.thoff + 12] >> 4) * 4
        if not begin <= end <= len(skb.data):
            skb.hotdrop = True
            return False
        found, (low, high) = mss_of(skb), self.mss
        return (found is not None and low <= found <= high) != self.inverts(type(self).mss)


def mss_of(skb: Any) -> int | None:
    """The segment size that a TCP segment announces, or None."""
    options = skb.data[skb.thoff + 20 : skb.thoff + (skb.data[skb.thoff + 12] >> 4) * 4]
    for at in walk_options(options):
        if options[at] == MSS and at + MSS_SIZE <= len(options) and options[at + 1] == MSS_SIZE:
            return int(options[at + 2] << 8 | options[at + 3])
    return None
