"""The host file: a small TOML file, written by hand, that says what a host is.

    forwarding = true                       # default: false, as the kernel's

    [interfaces.eth0]
    addresses = ["192.0.2.1/24", "2001:db8::1/64"]
    mac = "02:00:00:00:00:01"               # also: mtu, up, group, multicast (groups that are listened to)

    [interfaces.eth1]
    addresses = ["10.1.0.1/24"]

    [neighbours.eth0]
    "192.0.2.254" = "02:aa:00:00:00:fe"

    [sysctls]
    "net.ipv4.conf.all.rp_filter" = 1

with, before the first table, ``routes = ["default via 192.0.2.254"]`` and ``rules = ["from 10.1.0.0/24 lookup 100"]``
in the words of ``ip route add`` and ``ip rule add``, or as tables with the keys of ``ip -j``. Local, connected and
broadcast routes, ``lo``, and the kernel's own rules come by themselves. A rule without an address is IPv4's, unless it
begins with -6.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyiptables.errors import HostError
from pyiptables.hooks import Family
from pyiptables.host import entries
from pyiptables.host.derive import in_kernel_order, kernel_routes
from pyiptables.host.ipsyntax import route_object, rule_object
from pyiptables.host.model import (
    LOOPBACK,
    Address,
    HostParts,
    Interface,
    Neighbour,
    NextHop,
    PolicyRule,
    Route,
    RouteType,
    Scope,
    default_rules,
    loopback_link,
    sysctl_name,
    sysctl_of,
)
from pyiptables.host.reading import Fields, mac_bytes, nearest, prefix, read_text, shown
from pyiptables.host.source import scope6
from pyiptables.packet.addresses import from_text, to_text

KEYS = ("forwarding", "interfaces", "routes", "rules", "neighbours", "sysctls")
LINK_KEYS = ("addresses", "mac", "mtu", "up", "group", "multicast")
ROUTE_KEYS: tuple[str, ...] = (
    "type",
    "dst",
    "gateway",
    "via",
    "dev",
    "table",
    "metric",
    "prefsrc",
    "scope",
    "tos",
    "metrics",
)
ROUTE_KEYS += ("from", "nexthops", "pref", "protocol")
RULE_KEYS: tuple[str, ...] = ("priority", "src", "srclen", "dst", "dstlen", "iif", "oif", "fwmark", "fwmask", "tos")
RULE_KEYS += (
    "ipproto",
    "sport",
    "dport",
    "table",
    "action",
    "goto",
    "not",
    "suppress_prefixlen",
    "suppress_ifgroup",
    "family",
)
IFNAMSIZ = 16


def read_host_file(path: Path) -> HostParts:
    """Read a host file; HostError names the file, the place and what was expected."""
    return host_parts(_parse(path))


def host_parts(top: Fields) -> HostParts:
    """A host of what a host file says, wherever it stands; HostError with the place."""
    top.only(KEYS)
    links = _interfaces(top)
    sysctls, assumptions = _sysctls(top, links)
    routers = [link.name for link in links if sysctls.get(sysctl_of(6, link.name, "forwarding"), "0") != "0"]
    routes = kernel_routes(links, routers)
    for n, value in enumerate(top.items("routes"), 1):
        routes += (_route(value, Fields({}, f"route {n}", top.source), links, routes),)
    return HostParts(links, routes, _rules(top), _neighbours(top, links), sysctls, tuple(assumptions))


def _parse(path: Path) -> Fields:
    text = read_text(path)
    try:
        return Fields(tomllib.loads(text), "", str(path))
    except RecursionError as error:
        raise HostError("the TOML is nested too deeply", source=str(path)) from error
    except ValueError as error:
        message = str(error)
        place = re.search(r" \(at line (\d+), column (\d+)\)$", message)
        line, column = (int(place[1]), int(place[2])) if place else (None, None)
        lines = text.splitlines()
        snippet = lines[line - 1][:200] if line is not None and line <= len(lines) else None
        text = message[: place.start()] if place else message
        raise HostError(
            f"this is not TOML: {text[:200]}", source=str(path), line=line, column=column, snippet=snippet
        ) from error


def _interfaces(top: Fields) -> tuple[Interface, ...]:
    links = [loopback_link()]
    for name, value in top.mapping("interfaces").items():
        entry = Fields(value, f"interface {shown(name)}", top.source)
        if not 0 < len(name.encode()) < IFNAMSIZ or "/" in name or any(letter.isspace() for letter in name):
            raise entry.error(f"an interface's name has 1 to {IFNAMSIZ - 1} letters, no blank and no slash")
        entry.only(LINK_KEYS)
        link = _interface(name, len(links) + 1, entry)
        if name == LOOPBACK:
            own = in_kernel_order((*links[0].addresses, *link.addresses))
            links[0] = replace(links[0], addresses=own, mtu=entry.integer("mtu", 65536, high=65536))
        else:
            links.append(link)
    return tuple(links)


def _interface(name: str, index: int, entry: Fields) -> Interface:
    mac = entry.text("mac")
    found = mac_bytes(mac) if mac else b""
    if found is None:
        raise entry.error(f"mac must look like 02:00:00:00:00:01, not {shown(mac)}")
    joined = []
    for text in entry.texts("multicast"):
        try:
            address, family = from_text(text)
        except ValueError:
            raise entry.error(f"multicast must be a list of addresses, not of {shown(text)}") from None
        joined.append((family, address))
    up = entry.flag("up", True)
    return Interface(
        name,
        index,
        found,
        entry.integer("mtu", 1500, low=68, high=0x7FFFFFFF),
        up,
        flags=frozenset({"BROADCAST", "MULTICAST"} | ({"UP", "LOWER_UP"} if up else set())),
        group=entry.integer("group"),
        addresses=in_kernel_order(parse_address(text, entry) for text in entry.texts("addresses")),
        joined=tuple((family, address) for family, address in joined),
    )


def parse_address(text: str, entry: Fields) -> Address:
    """Read an interface's address with its prefix length; HostError otherwise."""
    try:
        value, length, family = prefix(text)
    except ValueError:
        raise entry.error(f"{shown(text)} is not an address", "expected one like 192.0.2.1/24") from None
    scope = Scope.LINK if family is Family.IPV6 and scope6(value) == 2 else Scope.GLOBAL
    return Address(family, value, length, value, scope=scope)


def _sysctls(top: Fields, links: Iterable[Interface]) -> tuple[dict[str, str], list[str]]:
    """Read the settings; ``forwarding``, and what it is set to for ``all``, reaches each interface."""
    sysctls: dict[str, str] = {}
    names = [link.name for link in links]
    given = "forwarding" in top or any("forward" in key for key in top.mapping("sysctls"))
    sysctls["net.ipv4.ip_forward"] = str(int(top.flag("forwarding")))
    sysctls["net.ipv6.conf.all.forwarding"] = sysctls["net.ipv4.ip_forward"]
    for key, value in top.mapping("sysctls").items():
        if not isinstance(value, (str, int)):
            raise top.error(f"sysctl {shown(key)} must be a number or a text, not {shown(value)}")
        sysctls[sysctl_name(key)] = str(int(value)) if isinstance(value, bool) else str(value)
    for version, everywhere in ((4, "net.ipv4.ip_forward"), (6, "net.ipv6.conf.all.forwarding")):
        value = sysctls.get(f"net.ipv{version}.conf.all.forwarding", sysctls[everywhere])
        for name in ("all", *names):
            sysctls.setdefault(sysctl_of(version, name, "forwarding"), value)
    if given or len(names) <= 2:
        return sysctls, []
    return sysctls, [
        "forwarding is not given: it is taken as off, as the kernel starts (forwarding = true turns it on)"
    ]


def _route(value: object, where: Fields, links: tuple[Interface, ...], routes: tuple[Route, ...]) -> Route:
    if isinstance(value, str):
        try:
            value = route_object(value)
        except ValueError as error:
            raise where.error(f"{shown(value)}: {error}") from None
    entry = Fields(value, where.where, where.source)
    entry.only(ROUTE_KEYS)
    if "dst" not in entry:
        raise entry.error("dst is missing")
    route = entries.route(entry)
    if route.family is Family.IPV6 and "metric" not in entry:
        route = replace(route, metric=1024)
    return replace(route, nexthops=_resolved(entry, route, links, routes))


def _resolved(
    entry: Fields, route: Route, links: tuple[Interface, ...], routes: tuple[Route, ...]
) -> tuple[NextHop, ...]:
    """Check the interfaces, and find the one that a gateway given without one stands on (fib_check_nh)."""
    names = [link.name for link in links]
    needed = route.type in {RouteType.UNICAST, RouteType.LOCAL, RouteType.BROADCAST, RouteType.MULTICAST}
    if not route.nexthops and not needed:
        # IPv6 keeps such routes on lo.
        return (NextHop(LOOPBACK),) if route.family is Family.IPV6 else ()
    hops = []
    for hop in route.nexthops or (entries.nexthop(entry),):
        dev = hop.dev
        if not dev and hop.gateway is not None:
            family = hop.gateway_family or route.family
            shift = family.bits
            on = [
                near
                for near in routes
                if near.family is family and near.type is RouteType.UNICAST and near.gateway is None
            ]
            fits = [near for near in on if hop.gateway >> (shift - near.length) == near.dst >> (shift - near.length)]
            if not fits:
                raise entry.error(f"no interface has a network with the gateway {to_text(hop.gateway, family)}")
            dev = max(fits, key=lambda near: near.length).dev
        if not dev:
            raise entry.error("expected dev with an interface, or via with a gateway")
        if dev not in names:
            raise entry.error(f"there is no interface {shown(dev)}", nearest(dev, names))
        hops.append(replace(hop, dev=dev))
    return tuple(hops)


def _rules(top: Fields) -> tuple[PolicyRule, ...]:
    """Read the rules; one without priority stands before those added earlier, as the kernel puts it."""
    rules = list(default_rules(Family.IPV4) + default_rules(Family.IPV6))
    for n, value in enumerate(top.items("rules"), 1):
        entry, family = _rule_entry(value, Fields({}, f"rule {n}", top.source))
        rule = entries.rule(entry, family)
        if "priority" not in entry:
            later = sorted(other.priority for other in rules if other.family is family)
            rule = replace(rule, priority=max(later[1] - 1, 0))
        rules.append(rule)
    return tuple(rules)


def _rule_entry(value: object, where: Fields) -> tuple[Fields, Family]:
    if isinstance(value, str):
        try:
            value, family = rule_object(value)
        except ValueError as error:
            raise where.error(f"{shown(value)}: {error}") from None
        return Fields(value, where.where, where.source), family
    entry = Fields(value, where.where, where.source)
    entry.only(RULE_KEYS)
    six = any(":" in entry.text(key) for key in ("src", "dst")) or entry.integer("family", 4, low=4, high=6) == 6
    return entry, Family.IPV6 if six else Family.IPV4


def _neighbours(top: Fields, links: Iterable[Interface]) -> tuple[Neighbour, ...]:
    names = [link.name for link in links]
    found = []
    for dev, near in top.mapping("neighbours").items():
        entry = Fields(near, f"neighbours of {shown(dev)}", top.source)
        if dev not in names:
            raise entry.error(f"there is no interface {shown(dev)}", nearest(dev, names))
        for text in entry:
            found.append(_neighbour(dev, text, entry))
    return tuple(found)


def _neighbour(dev: str, text: str, entry: Fields) -> Neighbour:
    mac: Any = mac_bytes(entry.text(text))
    try:
        address, family = from_text(text)
    except ValueError:
        raise entry.error(f"expected an IP address, not {shown(text)}") from None
    if not mac:
        raise entry.error(f"the MAC of {text} must look like 02:00:00:00:00:01, not {shown(entry.value(text))}")
    return Neighbour(dev, family, address, mac)
