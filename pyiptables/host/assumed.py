"""A host of which little is known: what is taken for granted, and said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pyiptables.errors import HostError
from pyiptables.hooks import Family
from pyiptables.host.derive import in_kernel_order, kernel_routes
from pyiptables.host.hostfile import parse_address
from pyiptables.host.model import (
    LOOPBACK,
    Address,
    HostParts,
    Interface,
    NextHop,
    Route,
    Scope,
    default_rules,
    loopback_link,
    sysctl_of,
)
from pyiptables.host.reading import Fields

DEFAULT_LENGTH = {Family.IPV4: 24, Family.IPV6: 64}
LARGEST_NUMBER_OF_INTERFACES = 65_536


def assumed_host(
    names: Iterable[str], addresses: Mapping[str, Iterable[str]], ways: Mapping[str, str] | None = None
) -> HostParts:
    """Make the parts of a host with these interfaces and addresses, and with ``ways`` to single hosts by an interface.

    An address without a prefix length gets /24 or /64. The first interface leads everywhere else, directly; packets are
    forwarded when there are several, or ways to others. Raises HostError for a broken address.
    """
    wanted = dict.fromkeys(name for name in (*names, *addresses, *(ways or {}).values()) if name != LOOPBACK)
    if len(wanted) > LARGEST_NUMBER_OF_INTERFACES:
        raise HostError(f"there are more than {LARGEST_NUMBER_OF_INTERFACES} interfaces")
    links = [loopback_link()]
    assumptions = []
    for name in wanted:
        own = in_kernel_order(_address(text) for text in addresses.get(name, ()))
        mac = b"\2\0\0\0" + (len(links) & 0xFFFF).to_bytes(2, "big")
        links.append(Interface(name, len(links) + 1, mac, addresses=own, flags=frozenset({"UP"})))
        if not own:
            assumptions.append(f"{name} has no address of its own")
    forwards = len(wanted) > 1 or bool(ways)
    assumptions.append(f"forwarding is {'on' if forwards else 'off'}, rp_filter off")
    on = str(int(forwards))
    sysctls = {"net.ipv4.ip_forward": on}
    sysctls |= {sysctl_of(6, name, "forwarding"): on for name in ("all", LOOPBACK, *wanted)}
    routes = kernel_routes(links, wanted if forwards else ())
    if wanted:
        first = next(iter(wanted))
        hops = (NextHop(first),)
        routes += (Route(Family.IPV4, 0, 0, hops, scope=Scope.LINK), Route(Family.IPV6, 0, 0, hops, metric=1024))
        assumptions.append(f"all that is on no network of another interface is reached by {first}, without a gateway")
    for text, name in (ways or {}).items():
        there = _address(text)
        routes += (Route(there.family, there.address, there.family.bits, (NextHop(name),), scope=Scope.LINK),)
        assumptions.append(f"{text} is reached by {name}")
    rules = default_rules(Family.IPV4) + default_rules(Family.IPV6)
    return HostParts(tuple(links), routes, rules, (), sysctls, tuple(assumptions))


def _address(text: str) -> Address:
    address = parse_address(text, Fields({}, "address", "the assumed host"))
    if "/" in text:
        return address
    return Address(
        address.family, address.address, DEFAULT_LENGTH[address.family], address.address, scope=address.scope
    )
