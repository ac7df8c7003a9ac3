"""Routing of IPv4: packets that come in, and packets that this host sends.

Source: net/ipv4/route.c (ip_route_input_slow, ip_route_output_key_hash_rcu), net/ipv4/fib_frontend.c
(fib_validate_source).
"""

from __future__ import annotations

import errno
from dataclasses import replace

from pyiptables.hooks import Family
from pyiptables.host.answers import martian, refusal, sent, way
from pyiptables.host.decision import Decision, Kind
from pyiptables.host.fib import Flow, Found
from pyiptables.host.model import LOCAL, LOOPBACK, NextHop, RouteType, Scope
from pyiptables.host.network import Network
from pyiptables.host.source import select4
from pyiptables.packet.addresses import to_text

V4 = Family.IPV4
LIMITED_BROADCAST = 0xFFFFFFFF
LOOPBACK_ADDRESS = 0x7F000001
IGMP = 2
UNREACHABLE_CODES = {errno.ENETUNREACH: (3, 0), errno.EHOSTUNREACH: (3, 1), errno.EACCES: (3, 13)}


def is_multicast(address: int) -> bool:
    """Whether it lies in 224.0.0.0/4."""
    return address >> 28 == 14


def is_local_multicast(address: int) -> bool:
    """Whether it lies in 224.0.0.0/24, which is never forwarded."""
    return address >> 8 == 0xE00000


def is_loopback(address: int) -> bool:
    """Whether it lies in 127.0.0.0/8."""
    return address >> 24 == 127


def input_route(network: Network, flow: Flow) -> Decision:
    """Route a packet that came in on ``flow.iif`` (ip_route_input_rcu)."""
    dev, src, dst = flow.iif, flow.src, flow.dst
    if dev not in network.interfaces:
        return martian(V4, f"there is no interface {dev}", errno.EINVAL)
    if is_multicast(dst):
        return _multicast_input(network, flow)
    if is_multicast(src) or src == LIMITED_BROADCAST:
        return martian(V4, f"martian source {to_text(src, V4)}", errno.EINVAL)
    if dst == LIMITED_BROADCAST or (src == 0 and dst == 0):
        return _broadcast_input(network, flow, Found())
    if src == 0:
        return martian(V4, "martian source 0.0.0.0", errno.EINVAL)
    if dst == 0:
        return martian(V4, "martian destination 0.0.0.0", errno.EINVAL)
    if (is_loopback(dst) or is_loopback(src)) and not network.either("route_localnet", dev):
        which, address = ("destination", dst) if is_loopback(dst) else ("source", src)
        return martian(V4, f"martian {which} {to_text(address, V4)} (route_localnet is off)", errno.EINVAL)
    return _input_by_table(network, flow)


def _input_by_table(network: Network, flow: Flow) -> Decision:
    found = network.fibs[V4].lookup(flow)
    forwarding = network.forwarding(V4, flow.iif)
    route, hop = found.route, found.nexthop
    if found.error or route is None or hop is None:
        if forwarding:
            return refusal(V4, flow, found, UNREACHABLE_CODES.get(found.error))
        return replace(refusal(V4, flow, found, None), error=errno.EHOSTUNREACH)
    text = to_text(flow.dst, V4)
    if route.type is RouteType.BROADCAST and not network.both("bc_forwarding", flow.iif):
        return _broadcast_input(network, flow, found)
    if route.type is RouteType.LOCAL:
        complaint = validate_source(network, flow, "")
        if complaint is not None:
            return complaint
        words = f"{text} is this host's ({route.dev})" if route.length == 32 else f"{text} is local ({route.prefix})"
        return _delivered(network, Kind.LOCAL, flow, words, found)
    if not forwarding:
        words = f"{way(V4, flow.dst, found)}, but forwarding is off on {flow.iif}"
        return Decision(Kind.UNREACHABLE, V4, words, route=route, error=errno.EHOSTUNREACH)
    if route.type not in {RouteType.UNICAST, RouteType.BROADCAST}:
        return martian(V4, f"martian destination {text} ({route.type.name.lower()})", errno.EINVAL)
    complaint = validate_source(network, flow, hop.dev)
    return complaint if complaint is not None else sent(network, Kind.FORWARD, flow, found, family=V4, src=flow.src)


def _multicast_input(network: Network, flow: Flow) -> Decision:
    """Deliver to a group that the interface has joined; there is no multicast forwarding here."""
    dev, src, dst = flow.iif, flow.src, flow.dst
    text = to_text(dst, V4)
    if not network.group_joined(V4, dev, dst):
        return martian(V4, f"nobody on {dev} has joined the group {text}", errno.EINVAL)
    loops = is_loopback(src) and not network.either("route_localnet", dev)
    if is_multicast(src) or src == LIMITED_BROADCAST or loops:
        return martian(V4, f"martian source {to_text(src, V4)}", errno.EINVAL)
    if src == 0:
        if not is_local_multicast(dst) and flow.protocol != IGMP:
            return martian(V4, "martian source 0.0.0.0", errno.EINVAL)
    elif (complaint := validate_source(network, flow, "", dst=0)) is not None:
        return complaint
    return _delivered(network, Kind.MULTICAST, flow, f"group {text}, joined on {dev}", Found())


def _broadcast_input(network: Network, flow: Flow, found: Found) -> Decision:
    if flow.src and (complaint := validate_source(network, flow, "", dst=0)) is not None:
        return complaint
    words = f"{to_text(flow.dst, V4)} is a broadcast address"
    if found.route is not None:
        words += f" ({found.route.dev})"
    return _delivered(network, Kind.BROADCAST, flow, words, found)


def _delivered(network: Network, kind: Kind, flow: Flow, words: str, found: Found) -> Decision:
    mtu = network.mtu(LOOPBACK, V4)
    return Decision(kind, V4, words, next_hop=flow.dst, source=flow.src, route=found.route, mtu=mtu)


def validate_source(network: Network, flow: Flow, out: str, *, dst: int | None = None) -> Decision | None:
    """Answer None for a plausible source, else refuse (fib_validate_source); ``out``: where a forwarded one leaves."""
    dev, fib, rpf = flow.iif, network.fibs[V4], network.reverse_path(flow.iif)
    if not rpf and (dev != out or not network.either("send_redirects", dev)):
        if network.either("accept_local", dev):
            return None
        if not fib.custom_local and not fib.custom_rules:
            return _local_source(flow) if _assigned(network, flow.src) else None
    # The way back, as if the source were the destination.
    back = Flow(
        dst=flow.src,
        src=flow.dst if dst is None else dst,
        iif=out or LOOPBACK,
        mark=flow.mark if network.either("src_valid_mark", dev) else 0,
        tos=flow.tos,
        protocol=flow.protocol,
        sport=flow.dport,
        dport=flow.sport,
    )
    found = fib.lookup(back)
    source = to_text(flow.src, V4)
    if found.error or found.route is None:
        return martian(V4, f"no route back to {source} (rp_filter {rpf} on {dev})", errno.EXDEV) if rpf else None
    route = found.route
    if route.type is RouteType.LOCAL and not network.either("accept_local", dev):
        return _local_source(flow)
    if route.type not in {RouteType.UNICAST, RouteType.LOCAL}:
        return martian(V4, f"martian source {source} ({route.type.name.lower()})", errno.EINVAL)
    if any(hop.dev == dev for hop in route.nexthops) or (route.type is RouteType.LOCAL and dev == LOOPBACK):
        return None
    addressed = any(address.family is V4 for address in network.interfaces[dev].addresses)
    if (not addressed and rpf) or rpf == 1:
        words = f"reverse path: {source} is reached by {route.dev}, not by {dev} (rp_filter {rpf})"
        return martian(V4, words, errno.EXDEV)
    return None


def output_route(network: Network, flow: Flow, any_source: bool) -> Decision:
    """Route a packet that this host sends; ``flow.src`` 0 lets routing choose (ip_route_output_key_hash_rcu)."""
    src, dst = flow.src, flow.dst
    if src and (is_multicast(src) or src == LIMITED_BROADCAST):
        return martian(V4, f"{to_text(src, V4)} cannot be a source", errno.EINVAL)
    everyone = is_multicast(dst) or dst == LIMITED_BROADCAST
    if src and ((everyone and not flow.oif) or not any_source):
        owner = _owner(network, src)
        if not owner:
            return martian(V4, f"{to_text(src, V4)} is not an address of this host", errno.ENETUNREACH)
        if everyone and not flow.oif:
            return _emit(network, flow, Found(), dev=owner, src=src, kind=RouteType.UNICAST)
    if flow.oif:
        link = network.interfaces.get(flow.oif)
        if link is None or not link.up:
            error = errno.ENODEV if link is None else errno.ENETUNREACH
            return Decision(Kind.NO_ROUTE, V4, f"there is no interface {flow.oif} that is up", error=error)
        if is_local_multicast(dst) or dst == LIMITED_BROADCAST or flow.protocol == IGMP:
            src = src or select4(network, flow.oif, 0, Scope.LINK)
            return _emit(network, flow, Found(), dev=flow.oif, src=src, kind=RouteType.UNICAST)
        if not src and is_multicast(dst):
            src = select4(network, flow.oif, 0, Scope.GLOBAL)
    if not dst:
        src = src or (select4(network, flow.oif, 0, Scope.HOST) if flow.oif else 0) or LOOPBACK_ADDRESS
        return _to_itself(network, flow, Found(), src, src)
    return _output_by_table(network, flow, src)


def _output_by_table(network: Network, flow: Flow, src: int) -> Decision:
    fib = network.fibs[V4]
    found = fib.lookup(flow if flow.src == src else replace(flow, src=src))
    route, hop = found.route, found.nexthop
    if found.error or route is None or hop is None:
        if not flow.oif:
            return refusal(V4, flow, found, None)
        # An interface asked for by name needs no route: the destination is taken to be on its link.
        src = src or select4(network, flow.oif, 0, Scope.LINK)
        return _emit(network, flow, Found(), dev=flow.oif, src=src, kind=RouteType.UNICAST)
    if route.type is RouteType.LOCAL:
        return _to_itself(network, flow, found, src or route.prefsrc or flow.dst, flow.dst)
    if not src:
        gateway = hop.gateway if hop.gateway is not None and hop.gateway_family is V4 else 0
        src = route.prefsrc or select4(network, hop.dev, gateway, route.scope)
    return _emit(network, flow, found, dev=hop.dev, src=src, kind=route.type)


def _emit(network: Network, flow: Flow, found: Found, *, dev: str, src: int, kind: RouteType) -> Decision:
    """Make the last checks of a packet that goes out of an interface (__mkroute_output)."""
    dst = flow.dst
    if is_loopback(src) and dev != LOOPBACK and not network.either("route_localnet", dev):
        words = f"a packet from {to_text(src, V4)} cannot leave by {dev} (route_localnet is off)"
        return martian(V4, words, errno.EINVAL)
    if found.nexthop is None:
        found = Found(found.route, NextHop(dev))
    if dst == LIMITED_BROADCAST or (kind is RouteType.BROADCAST and not is_multicast(dst)):
        back, found = dev != LOOPBACK, Found(found.route, NextHop(dev))
        return sent(network, Kind.BROADCAST, flow, found, family=V4, src=src, looped_back=back)
    if is_multicast(dst):
        if found.route is not None and found.route.length < 4:
            # A default route is good enough to find the interface, but there is no gateway to a group.
            found = Found(found.route, NextHop(dev))
        joined = dev != LOOPBACK and network.group_joined(V4, dev, dst)
        return sent(network, Kind.MULTICAST, flow, found, family=V4, src=src, looped_back=joined)
    return sent(network, Kind.LOCAL if dev == LOOPBACK else Kind.UNICAST, flow, found, family=V4, src=src)


def _to_itself(network: Network, flow: Flow, found: Found, src: int, dst: int) -> Decision:
    words = f"{to_text(dst, V4)} is this host's, by lo"
    return Decision(
        Kind.LOCAL, V4, words, oif=LOOPBACK, next_hop=dst, source=src, route=found.route, mtu=network.mtu(LOOPBACK, V4)
    )


def _holder(network: Network, address: int) -> str:
    """Find the interface that has an address, or ""."""
    for link in network.interfaces.values():
        if any(own.address == address and own.family is V4 for own in link.addresses):
            return link.name
    return ""


def _assigned(network: Network, address: int) -> bool:
    """Whether an interface has the address (inet_lookup_ifaddr_rcu)."""
    return bool(_holder(network, address))


def _owner(network: Network, address: int) -> str:
    """Find the interface of a local address (__ip_dev_find), or ""."""
    if holder := _holder(network, address):
        return holder
    found = network.fibs[V4].in_table(LOCAL, Flow(address))
    route = found.route
    return route.dev if not found.error and route is not None and route.type is RouteType.LOCAL else ""


def _local_source(flow: Flow) -> Decision:
    return martian(V4, f"martian source {to_text(flow.src, V4)}: an address of this host", errno.EINVAL)
