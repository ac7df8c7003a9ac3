"""The way back of an ICMP error or a reset to the sender of what caused it, and the address that it comes from.

Source: net/ipv4/icmp.c (icmp_send, icmp_route_lookup), net/ipv6/icmp.c (icmp6_send), nf_reject_ipv4.c, nf_reject_ipv6.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiptables.hooks import Family
from pyiptables.host import Decision, Kind, RouteType
from pyiptables.netfilter import made
from pyiptables.netfilter.forwarding6 import on_its_link_only
from pyiptables.packet.build import ICMP, ICMPV6, TCP
from pyiptables.packet.skb import Skb

if TYPE_CHECKING:
    from pyiptables.netfilter.path import NetworkLayer

LOOPBACK = "lo"
INBOUND = "net.ipv4.icmp_errors_use_inbound_ifaddr"
REFLECT = {Family.IPV4: "net.ipv4.fwmark_reflect", Family.IPV6: "net.ipv6.fwmark_reflect"}
TOLD_COST, MOST_TOLD, MOST_SOURCES = 1_000_000_000, 5_000_000_000, 65_536
"""net.ipv4.route.error_cost and error_burst, in nanoseconds; sources that are remembered."""


class Told:
    """What each IPv4 source may still be told of packets that cannot be routed: five at once, then one a second.

    Source: net/ipv4/route.c (ip_error).
    """

    def __init__(self) -> None:
        self._sources: dict[int, tuple[int, int]] = {}
        """In nanoseconds' worth, and when it last was."""

    def may_tell(self, source: int, now: int) -> bool:
        """Whether another packet of a source, at a time in nanoseconds, is answered."""
        tokens, last = self._sources.get(source, (MOST_TOLD, now))
        tokens = min(MOST_TOLD, tokens + now - last)
        told = tokens >= TOLD_COST
        if len(self._sources) >= MOST_SOURCES:
            self._sources.clear()
        self._sources[source] = (tokens - TOLD_COST if told else tokens, now)
        return told


def mark_back(network: NetworkLayer, skb: Skb) -> int:
    """The mark of what answers a packet: none, or its own where fwmark_reflect is on."""
    return skb.mark if network.host.sysctl(REFLECT[skb.family]) else 0


def error_route(network: NetworkLayer, skb: Skb) -> Decision:
    """Where an ICMP error about a packet goes; ``source`` is the address that it comes from."""
    return _error_route4(network, skb) if skb.family is Family.IPV4 else _error_route6(network, skb)


def _error_route4(network: NetworkLayer, skb: Skb) -> Decision:
    host, source = network.host, 0
    if skb.dst is not None and skb.dst.kind is Kind.LOCAL:
        source = skb.daddr
    elif skb.iif and host.sysctl(INBOUND):
        source = host.masquerade_source(Family.IPV4, skb.iif, skb.saddr)
    tos = skb.data[1] & made.TOS_MASK | made.INTERNETCONTROL
    return host.route(
        Family.IPV4, skb.saddr, src=source, output=True, mark=mark_back(network, skb), tos=tos, protocol=ICMP,
        any_source=False,
    )  # fmt: skip


def _error_route6(network: NetworkLayer, skb: Skb) -> Decision:
    host, source, mark = network.host, 0, mark_back(network, skb)
    if answers_for(network, skb):
        source = skb.daddr
    oif = came_by(skb) if on_its_link_only(skb.saddr) else ""
    if not source and skb.iif:  # the address of where the cause came in, unless the route says one
        route = host.route(Family.IPV6, skb.saddr, oif=oif, output=True, mark=mark, protocol=ICMPV6).route
        if route is None or not route.prefsrc:
            source = host.masquerade_source(Family.IPV6, skb.iif, skb.saddr)
    return host.route(Family.IPV6, skb.saddr, src=source, oif=oif, output=True, mark=mark, protocol=ICMPV6)


def answers_for(network: NetworkLayer, skb: Skb) -> bool:
    """Whether the destination of an IPv6 packet is an address, or an anycast address, of this host."""
    links, way = network.host.interfaces, skb.dst
    if way is not None and way.kind is Kind.ANYCAST and way.route is not None and way.route.kernel:
        return True
    return any(own.address == skb.daddr and own.family is Family.IPV6 for link in links for own in link.addresses)


def came_by(skb: Skb) -> str:
    """The interface of a packet; for one that this host sends to itself, the real one (icmp6_dev)."""
    if skb.iif and skb.iif != LOOPBACK:
        return skb.iif
    if skb.dst is None:
        return LOOPBACK
    way: Decision = skb.dst
    return way.route.dev if way.route is not None else way.oif


def reset_route(network: NetworkLayer, skb: Skb, reset: Skb) -> Decision:
    """Where a reset that answers a segment goes (ip_route_me_harder, nf_send_reset6)."""
    kind, ports = network.host.address_type(reset.family, reset.saddr), made.ports_of(reset)
    known = reset.family is Family.IPV6 or kind in (RouteType.LOCAL, RouteType.UNICAST)
    return network.host.route(
        reset.family, reset.daddr, src=reset.saddr if known else 0, output=True, mark=mark_back(network, skb),
        protocol=TCP, sport=ports[0], dport=ports[1],
    )  # fmt: skip
