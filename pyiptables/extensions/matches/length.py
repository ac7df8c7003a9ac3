"""``-m length``: source extensions/libxt_length.c and net/netfilter/xt_length.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT16_RANGE
from pyiptables.packet.fields import ip
from pyiptables.predicate import Predicate


class LengthMatch(Match):
    """Match the length of the packet, network header included."""

    name = "length"

    length = opt(
        "--length",
        kind=UINT16_RANGE,
        invertible=True,
        required=True,
        list_as="length ",
        help="length or range, in bytes",
    )

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``length !1:5``."""
        return self.list_option(type(self).length, facts, numeric)

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The length."""
        yield self.wants(type(self).length, facts, lambda negate: ip.length.within(self.length, negate=negate))
