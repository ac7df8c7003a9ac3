"""What stops an IPv6 packet on its way through a router, besides its hop limit: its source's reach, the route's MTU.

Source: net/ipv6/ip6_output.c (ip6_forward, ip6_fragment).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiptables.packet.skb import Skb

if TYPE_CHECKING:
    from pyiptables.netfilter.path import NetworkLayer

DEST_UNREACH, TOO_BIG, BEYOND_SCOPE = 1, 2, 2
LINK_LOCAL, MULTICAST = 0xFE80 >> 6, 0xFF
NARROWEST = (0xFF00, 0xFF01)
"""Multicasts of a reserved scope, and those that stay on their interface."""


def on_its_link_only(address: int) -> bool:
    """Whether a unicast address has a meaning on one link only (ipv6_addr_needs_scope_id)."""
    return address >> 118 == LINK_LOCAL


def is_of_a_link(address: int) -> bool:
    """Whether a destination is a multicast or a link-local address, which has a meaning on one link only."""
    return address >> 120 == MULTICAST or on_its_link_only(address)


def may_pass(network: NetworkLayer, skb: Skb) -> bool:
    """Whether the source of a packet that leaves by another interface reaches beyond its link."""
    if not skb.saddr or skb.saddr == 1:
        network.decide("DROP", None, "the source is no address that could be answered")
        return False
    if on_its_link_only(skb.saddr):
        network.icmp_error(skb, DEST_UNREACH, BEYOND_SCOPE, 0, "beyond the scope of the source")
        network.decide("DROP", None, "the source is an address of its link only")
        return False
    return True


def may_leave(network: NetworkLayer, skb: Skb, *, forwarded: bool) -> bool:
    """Whether a packet that passed POSTROUTING goes out; one that is forwarded must also suit the route's MTU."""
    if skb.daddr >> 112 & 0xFF0F in NARROWEST and skb.dst.oif != "lo":
        network.decide("DROP", None, "a multicast that stays on its interface")
        return False
    route, size = skb.dst.route, skb.frag_max_size or len(skb.data)
    if forwarded and route is not None and route.mtu and size > route.mtu:
        network.icmp_error(skb, TOO_BIG, 0, route.mtu, "packet too big")
        network.decide("DROP", None, f"{size} bytes are more than the MTU {route.mtu} of the route")
        return False
    return True
