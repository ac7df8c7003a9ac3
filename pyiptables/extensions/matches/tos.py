"""``-m tos``: source extensions/libxt_tos.c and net/netfilter/xt_dscp.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.tos import TOS
from pyiptables.packet.fields_headers import traffic
from pyiptables.predicate import Predicate


class TosMatch(Match):
    """Match the type of service, or IPv6's traffic class, under a mask."""

    name = "tos"

    tos = opt("--tos", kind=TOS, invertible=True, required=True, help="value under a mask, or name")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``tos match0x10/0x3f``, ``tos match! Minimize-Delay``."""
        name = None if numeric else TOS.name(self.tos)
        mark = "!" if self.inverts(type(self).tos) else ""
        return f" tos match{mark}{f' {name}' if name else TOS.save(self.tos, facts)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The value; one with bits outside of the mask is never met."""
        value, mask = self.tos
        yield self.wants(type(self).tos, facts, lambda negate: traffic.tos.masked(mask, value, negate=negate))
