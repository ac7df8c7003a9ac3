"""The addresses and routes that the kernel makes by itself.

Source: net/ipv4/devinet.c (__inet_insert_ifa), net/ipv4/fib_frontend.c (fib_add_ifaddr), net/ipv6/addrconf.c and
anycast.c; held against ``ip route show table all``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from pyiptables.hooks import Family
from pyiptables.host.model import LOCAL, LOOPBACK, MAIN, Address, Interface, NextHop, Route, RouteType, Scope
from pyiptables.host.source import scope6
from pyiptables.packet.addresses import prefix_mask

METRIC6 = 256


def in_kernel_order(addresses: Iterable[Address]) -> tuple[Address, ...]:
    """Put addresses, given in the order of their adding, as the kernel keeps them.

    IPv4: wider scopes last among the primary ones, and an address whose network is already there is secondary, at the
    end. IPv6: by scope, the newest first.
    """
    primary: list[Address] = []
    secondary: list[Address] = []
    six: list[Address] = []
    for address in addresses:
        if address.family is Family.IPV6:
            own = scope6(address.address)
            six.insert(next((n for n, other in enumerate(six) if own >= scope6(other.address)), len(six)), address)
        elif any(_same_network(address, other) for other in primary):
            secondary.append(replace(address, secondary=True))
        else:
            fitting = [n + 1 for n, other in enumerate(primary) if address.scope <= other.scope]
            primary.insert(max(fitting, default=0), replace(address, secondary=False))
    return (*primary, *secondary, *six)


def _same_network(one: Address, other: Address) -> bool:
    shift = 32 - one.length
    return one.length == other.length and one.peer >> shift == other.peer >> shift


def kernel_routes(interfaces: Iterable[Interface], forwarding6: Iterable[str] = ()) -> tuple[Route, ...]:
    """Make the local, connected, broadcast, anycast and multicast routes of the interfaces' addresses.

    ``forwarding6`` names the interfaces that forward IPv6: only those get the anycast addresses of routers.
    """
    routers = frozenset(forwarding6)
    interfaces = tuple(interfaces)
    # Where there is no IPv6 address at all, IPv6 is taken to be switched off.
    six = any(own.family is Family.IPV6 for link in interfaces if not link.loopback for own in link.addresses)
    routes: dict[Route, None] = {}
    for link in interfaces:
        if not link.up:
            continue
        for address in link.addresses:
            if address.family is Family.IPV4:
                routes.update(dict.fromkeys(_routes4(link, address)))
            else:
                routes.update(dict.fromkeys(_routes6(link, address, link.name in routers)))
        if six and not link.loopback:
            hops = (NextHop(link.name),)
            groups = Route(Family.IPV6, 0xFF << 120, 8, hops, RouteType.MULTICAST, LOCAL, metric=METRIC6, kernel=True)
            routes[groups] = None
    return tuple(routes)


def _routes4(link: Interface, address: Address) -> Iterator[Route]:
    family, hops = Family.IPV4, (NextHop(link.name),)
    network = address.peer & prefix_mask(address.length, family)
    primary = address if not address.secondary else _primary_of(link, address)
    source = primary.address

    def route(dst: int, length: int, kind: RouteType, scope: Scope) -> Route:
        table = MAIN if kind is RouteType.UNICAST else LOCAL
        return Route(family, dst, length, hops, kind, table, prefsrc=source, scope=scope, kernel=True)

    yield route(address.address, 32, RouteType.LOCAL, Scope.HOST)
    if address.broadcast not in {None, 0xFFFFFFFF}:
        yield route(address.broadcast or 0, 32, RouteType.BROADCAST, Scope.LINK)
    if not network or address.secondary or (network == address.address and address.length == 32):
        return
    if address.prefix_route:
        kind = RouteType.LOCAL if link.loopback else RouteType.UNICAST
        yield route(network, address.length, kind, Scope.HOST if link.loopback else Scope.LINK)
    if address.length < 31:
        yield route(network | ~prefix_mask(address.length, family) & 0xFFFFFFFF, 32, RouteType.BROADCAST, Scope.LINK)


def _primary_of(link: Interface, address: Address) -> Address:
    same = (other for other in link.addresses if other.family is Family.IPV4 and not other.secondary)
    return next((other for other in same if _same_network(address, other)), address)


def _routes6(link: Interface, address: Address, router: bool) -> Iterator[Route]:
    family, hops = Family.IPV6, (NextHop(link.name),)
    network = address.address & prefix_mask(address.length, family)
    if not address.tentative:
        yield Route(family, address.address, 128, hops, RouteType.LOCAL, LOCAL, kernel=True)
    if router and address.length < 127 and network and not address.tentative:
        yield Route(family, network, 128, hops, RouteType.ANYCAST, LOCAL, kernel=True)
    if link.name == LOOPBACK and address.address == 1:
        return
    if address.peer != address.address:
        yield Route(family, address.peer, 128, hops, metric=METRIC6, kernel=True)
    if address.prefix_route:
        yield Route(family, network, address.length, hops, metric=METRIC6, kernel=True)
