"""``-m rpfilter``: source extensions/libxt_rpfilter.c, net/ipv4/netfilter/ipt_rpfilter.c, ip6t_rpfilter.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.hooks import Family, Hook
from pyiptables.packet.skb import PacketType
from pyiptables.predicate import Predicate, Test

LIMITED_BROADCAST = 0xFFFFFFFF


class RpfilterMatch(Match):
    """Match packets to whose source the way leads back through the interface that they came by."""

    name = "rpfilter"
    tables = frozenset({"raw", "mangle"})
    hooks = frozenset({Hook.PREROUTING})
    needs = "the host's routes"

    loose = opt("--loose", help="through any interface")
    validmark = opt("--validmark", help="look at the packet's mark for the way back")
    accept_local = opt("--accept-local", help="sources of this host will do")
    invert = opt("--invert", help="match where there is no such way")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``rpfilter loose``."""
        return " rpfilter" + self.save(facts).replace(" --", " ")

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The way back."""
        way = self._way4 if facts.family is Family.IPV4 else self._way6

        def holds(skb: Any) -> bool:
            if skb.pkt_type is PacketType.LOOPBACK or skb.iif == "lo":
                return not self.invert
            if skb.host is None:
                skb.unknown.append("the way back: the host's routes are not known")
                return bool(self.invert)
            return way(skb) != bool(self.invert)

        yield Test("rpfilter", holds)

    def _way4(self, skb: Any) -> bool:
        if skb.saddr >> 24 == 0 and (skb.daddr == LIMITED_BROADCAST or skb.daddr >> 8 == 0xE00000):
            return True
        daddr = skb.daddr
        source = 0 if daddr >> 28 == 14 or daddr == LIMITED_BROADCAST or daddr >> 24 == 0 else daddr
        mark = skb.mark if self.validmark else 0
        route = skb.host.way_back(skb.saddr, dst=source, mark=mark, tos=skb.data[1])
        if route is None or route.type.name not in (("UNICAST", "LOCAL") if self.accept_local else ("UNICAST",)):
            return False
        return bool(self.loose) or any(hop.dev == skb.iif for hop in route.nexthops)

    def _way6(self, skb: Any) -> bool:
        if not skb.saddr:
            return True
        source = 0 if skb.daddr >> 120 == 0xFF or not skb.daddr else skb.daddr
        link_local = skb.saddr >> 118 == 0xFE80 >> 6
        oif = skb.iif if link_local or not self.loose else ""
        tos = (skb.data[0] & 15) << 4 | skb.data[1] >> 4
        mark = skb.mark if self.validmark else 0
        way = skb.host.route(skb.family, skb.saddr, src=source, oif=oif, mark=mark, tos=tos, output=True)
        if way.refused or way.kind.value not in ("local", "unicast"):
            return False
        if way.kind.value == "local":
            return bool(self.accept_local)
        hops = way.route.nexthops if way.route is not None else ()
        return bool(self.loose) or way.oif == skb.iif or any(hop.dev == skb.iif for hop in hops)
