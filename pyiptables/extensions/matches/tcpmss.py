"""``-m tcpmss``: source extensions/libxt_tcpmss.c and net/netfilter/xt_tcpmss.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT16_RANGE
from pyiptables.packet.fields_headers import tcp_offset, walk_options
from pyiptables.predicate import Predicate, Readable, Test

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
        """The header and its options, then the option among them."""
        yield Readable("whole TCP options", lambda skb: options_of(skb) is not None)
        yield self.wants(type(self).mss, facts, lambda _: Test("tcp.mss", self._holds, lambda skb: str(mss_of(skb))))

    def _holds(self, skb: Any) -> bool:
        found, (low, high) = mss_of(skb), self.mss
        return (found is not None and low <= found <= high) != self.inverts(type(self).mss)


def options_of(skb: Any) -> bytes | None:
    """The options of a TCP segment, None where they or the header are not whole."""
    at = tcp_offset(skb)
    if at + 20 > len(skb.data):
        return None
    end = at + (skb.data[at + 12] >> 4) * 4
    return bytes(skb.data[at + 20 : end]) if at + 20 <= end <= len(skb.data) else None


def mss_of(skb: Any) -> int | None:
    """The segment size that a TCP segment announces, or None."""
    options = options_of(skb) or b""
    for at in walk_options(options):
        if options[at] == MSS and at + MSS_SIZE <= len(options) and options[at + 1] == MSS_SIZE:
            return options[at + 2] << 8 | options[at + 3]
    return None
