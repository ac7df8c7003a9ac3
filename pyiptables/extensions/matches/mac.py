"""``-m mac``: source extensions/libxt_mac.c and net/netfilter/xt_mac.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.macs import MAC
from pyiptables.hooks import Hook
from pyiptables.packet.fields import meta
from pyiptables.predicate import Predicate


class MacMatch(Match):
    """Match the Ethernet source address; a packet that came in without an Ethernet header never matches."""

    name = "mac"
    hooks = frozenset({Hook.PREROUTING, Hook.INPUT, Hook.FORWARD})
    needs = "the frame's Ethernet header"

    source = opt("--mac-source", kind=MAC, invertible=True, required=True, help="Ethernet source address")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``MAC aa:bb:cc:dd:ee:ff``, ``MAC ! aa:bb:cc:dd:ee:ff``."""
        mark = " !" if self.inverts(type(self).source) else ""
        return f" MAC{mark} {MAC.save(self.source, facts)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The address."""
        yield self.wants(type(self).source, facts, lambda negate: meta.mac_source.equals(self.source, negate=negate))
