"""``-m eui64``: source extensions/libip6t_eui64.c and net/ipv6/netfilter/ip6t_eui64.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts
from pyiptables.hooks import Family, Hook
from pyiptables.packet.fields_headers import eui64
from pyiptables.packet.skb import PacketType
from pyiptables.predicate import Predicate, Readable


class Eui64Match(Match):
    """Match when the source address ends in the EUI-64 of the frame's source address."""

    name = "eui64"
    families = (Family.IPV6,)
    hooks = frozenset({Hook.PREROUTING, Hook.INPUT, Hook.FORWARD})
    needs = "the frame's Ethernet header"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """The name alone, a blank behind it."""
        return "eui64 "

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The addresses; a packet without an Ethernet header never matches, and where none can be it is dropped."""
        yield Readable("the frame's Ethernet header", _may_have_frame)
        yield eui64.equals(1)


def _may_have_frame(skb: Any) -> bool:
    """Whether there may have been an Ethernet header, though the capture does not hold it."""
    if skb.mac or skb.host is None:
        return True
    interface = skb.host.interface(skb.iif)
    return skb.pkt_type is not PacketType.LOOPBACK and (interface is None or bool(interface.mac))
