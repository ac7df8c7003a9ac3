"""Routing of IPv6: packets that come in, and packets that this host sends.

Source: net/ipv6/route.c (ip6_route_input, ip6_route_output_flags), ip6_output.c (ip6_forward, ip6_dst_lookup_tail),
ip6_input.c (ip6_mc_input).
"""

from __future__ import annotations

import errno
from dataclasses import replace

from pyiptables.hooks import Family
from pyiptables.host.answers import martian, refusal, sent, way
from pyiptables.host.decision import Decision, Kind
from pyiptables.host.fib import Flow, Found
from pyiptables.host.model import LOOPBACK, NextHop, RouteType
from pyiptables.host.network import Network
from pyiptables.host.source import select6
from pyiptables.packet.addresses import to_text

V6 = Family.IPV6
UNREACHABLE_CODES = {errno.ENETUNREACH: (1, 0), errno.EHOSTUNREACH: (1, 0), errno.EACCES: (1, 1)}
DELIVERED = {RouteType.LOCAL: Kind.LOCAL, RouteType.ANYCAST: Kind.ANYCAST}


def is_multicast(address: int) -> bool:
    """Whether it lies in ff00::/8."""
    return address >> 120 == 0xFF


def is_link_local(address: int) -> bool:
    """Whether it lies in fe80::/10."""
    return address >> 118 == 0xFE80 >> 6


def needs_link(address: int) -> bool:
    """Whether a destination only has a meaning on one link (rt6_need_strict): multicast, link-local, loopback."""
    return is_multicast(address) or is_link_local(address) or address == 1


def input_route(network: Network, flow: Flow) -> Decision:
    """Route a packet that came in on ``flow.iif``; there is no check of the way back."""
    if flow.iif not in network.interfaces:
        return martian(V6, f"there is no interface {flow.iif}", errno.EINVAL)
    if is_multicast(flow.src):
        return martian(V6, f"martian source {to_text(flow.src, V6)}", errno.EINVAL)
    found = network.fibs[V6].lookup(replace(flow, link=flow.iif, strict=needs_link(flow.dst)))
    route, hop = found.route, found.nexthop
    if found.error or route is None or hop is None:
        return refusal(V6, flow, found, UNREACHABLE_CODES.get(found.error))
    text = to_text(flow.dst, V6)
    if is_multicast(route.dst) and is_multicast(flow.dst):
        if not network.group_joined(V6, flow.iif, flow.dst):
            return martian(V6, f"nobody on {flow.iif} has joined the group {text}", errno.EINVAL)
        return _delivered(network, Kind.MULTICAST, flow, found, f"group {text}, joined on {flow.iif}")
    if route.type in DELIVERED:
        whose = "is this host's" if route.type is RouteType.LOCAL else "is the anycast address of its routers"
        place = route.dev if route.length == V6.bits else route.prefix
        return _delivered(network, DELIVERED[route.type], flow, found, f"{text} {whose} ({place})")
    if not network.forwarding(V6, flow.iif):
        words = f"{way(V6, flow.dst, found)}, but forwarding is off"
        return Decision(Kind.UNREACHABLE, V6, words, route=route, error=errno.EHOSTUNREACH)
    return sent(network, Kind.FORWARD, flow, found, family=V6, src=flow.src)


def _delivered(network: Network, kind: Kind, flow: Flow, found: Found, words: str) -> Decision:
    mtu = network.mtu(LOOPBACK, V6)
    return Decision(kind, V6, words, next_hop=flow.dst, source=flow.src, route=found.route, mtu=mtu)


def output_route(network: Network, flow: Flow) -> Decision:
    """Route a packet that this host sends; ``flow.src`` 0 lets routing choose, any other is taken as it is."""
    src, dst = flow.src, flow.dst
    strict = needs_link(dst) or bool(flow.oif and not src)
    flow = replace(flow, dst=dst, link=flow.oif, strict=strict and bool(flow.oif))
    found = network.fibs[V6].lookup(flow)
    if found.error and not src:  # with a source there may be a way (ip6_dst_lookup_tail)
        src = select6(network, found.nexthop.dev if found.nexthop is not None else "", dst)
        found = network.fibs[V6].lookup(replace(flow, src=src, strict=bool(flow.oif))) if src else found
    route, hop = found.route, found.nexthop
    if found.error or route is None or hop is None:
        return refusal(V6, flow, found, None)
    if not src:
        src = (0 if route.type in DELIVERED else route.prefsrc) or select6(network, hop.dev, dst)
    if route.type in DELIVERED:
        text = to_text(dst, V6)
        mtu = network.mtu(LOOPBACK, V6)
        words = f"{text} is this host's, by lo"
        return Decision(DELIVERED[route.type], V6, words, oif=LOOPBACK, next_hop=dst, source=src, route=route, mtu=mtu)
    if is_multicast(dst):
        looped_back = hop.dev != LOOPBACK and network.group_joined(V6, hop.dev, dst)
        found = Found(route, NextHop(hop.dev))
        return sent(network, Kind.MULTICAST, flow, found, family=V6, src=src, looped_back=looped_back)
    return sent(network, Kind.LOCAL if hop.dev == LOOPBACK else Kind.UNICAST, flow, found, family=V6, src=src)


def is_anycast(network: Network, found: Found, address: int) -> bool:
    """Whether a route makes its destination an anycast address (ipv6_anycast_destination)."""
    route, hop = found.route, found.nexthop
    if route is None or hop is None:
        return False
    return route.type is RouteType.ANYCAST or (route.length < 127 and hop.gateway is None and route.dst == address)


def address_types(network: Network, address: int, dev: str) -> frozenset[RouteType]:
    """Look up those types of ``-m addrtype`` that need it: LOCAL, ANYCAST, UNREACHABLE (xt_addrtype.c)."""
    fib = network.fibs[V6]
    found = fib.lookup(Flow(address, link=dev, strict=bool(dev)))
    types = set()
    link = network.interfaces.get(dev)
    if link is not None and any(own.address == address and own.family is V6 for own in link.addresses):
        types.add(RouteType.LOCAL)
    if found.error or found.route is None:
        return frozenset({RouteType.UNREACHABLE})
    if not dev and found.route.type is RouteType.LOCAL:
        types.add(RouteType.LOCAL)
    if is_anycast(network, found, address):
        types.add(RouteType.ANYCAST)
    return frozenset(types)


LOOKED_UP = (RouteType.LOCAL, RouteType.ANYCAST, RouteType.UNREACHABLE)
MAPPED = 0xFFFF
"""The front 96 bits of an IPv4-mapped address, which the kernel does not call unicast."""


def has_types(network: Network, address: int, types: int, dev: str) -> bool:
    """Whether an address is of the types that the bits 1 << RouteType ask for (match_type6)."""
    unicast = bool(address) and not is_multicast(address) and address >> 32 != MAPPED
    holds = {RouteType.MULTICAST: is_multicast(address), RouteType.UNICAST: unicast, RouteType.UNSPEC: not address}
    if any(types >> kind & 1 and not true for kind, true in holds.items()):
        return False
    wanted = {kind for kind in LOOKED_UP if types >> kind & 1}
    return not wanted or not wanted.isdisjoint(address_types(network, address, dev))
