"""Reading a snapshot folder: what ``ip -j address``, ``route``, ``rule``, ``neigh`` and ``sysctl -a`` printed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from pyiptables.errors import HostError
from pyiptables.hooks import Family
from pyiptables.host.derive import kernel_routes
from pyiptables.host.entries import groups, interface, neighbour, route, rule
from pyiptables.host.model import (
    LOOPBACK,
    Action,
    Address,
    HostParts,
    Interface,
    PolicyRule,
    Route,
    RouteType,
    default_rules,
    loopback_link,
    sysctl_name,
    sysctl_of,
)
from pyiptables.host.reading import Fields, number, read_text, shown

T = TypeVar("T")
UNSEEN = ("uid_start", "tun_id", "l3mdev", "dscp", "flowlabel", "sport_mask", "dport_mask")
"""Selectors of rules that are not modelled (users, tunnel ids, VRFs, and those of newer kernels)."""


def read_snapshot(folder: Path) -> HostParts:
    """Read a host's parts from the files of a folder; what is missing is assumed and said so."""
    if not folder.is_dir():
        raise HostError("there is no such snapshot folder", source=str(folder))
    assumptions: list[str] = []
    links = _interfaces(folder, assumptions)
    sysctls = _sysctls(folder, links, assumptions)
    routes = _routes(folder, links, sysctls, assumptions)
    links = _with_missing(links, routes, assumptions)
    rules: list[PolicyRule] = []
    for name, family in (("ip-rule.json", Family.IPV4), ("ip6-rule.json", Family.IPV6)):
        found = _read(folder / name, partial(_rule, family=family, assumptions=assumptions), "rule")
        if found is None:
            found = list(default_rules(family))
            if any(link.addresses for link in links):
                assumptions.append(f"no {name}: the kernel's own IPv{family.version} policy rules are taken")
        rules += found
    near = _read(folder / "ip-neigh.json", neighbour, "neighbour")
    if near is None:
        assumptions.append("no ip-neigh.json: no MAC of a neighbour is known")
    neighbours = tuple(one for one in near or () if one is not None)
    return HostParts(links, routes, tuple(rules), neighbours, sysctls, tuple(assumptions))


def _rule(entry: Fields, family: Family, assumptions: list[str]) -> PolicyRule:
    """Read a rule; one that asks for what a packet does not show is taken never to match, and said."""
    found = rule(entry, family)
    asks = sorted(key for key in UNSEEN if key in entry)
    if not asks:
        return found
    assumptions.append(f"policy rule {found.priority} asks for {', '.join(asks)}: it is taken never to match")
    return replace(found, action=Action.NOP)


def _read(path: Path, build: Callable[[Fields], T], what: str) -> list[T] | None:
    """Read a JSON list of objects; None when the file is not there."""
    if not path.exists():
        return None
    text = read_text(path)
    if not text.strip():
        return []
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        raise HostError(
            f"this is not JSON: {error.msg}",
            source=str(path),
            line=error.lineno,
            column=error.colno,
            snippet=line[:200],
            hint=f"expected what `ip -j` prints, a list of {what}s",
        ) from error
    except RecursionError as error:
        raise HostError("the JSON is nested too deeply", source=str(path)) from error
    except ValueError as error:
        raise HostError(f"this is not JSON that can be read: {error}", source=str(path)) from error
    if not isinstance(values, list):
        hint = f"`ip -j` prints a list of {what}s"
        raise HostError(f"expected a list, not {shown(values)}", source=str(path), hint=hint)
    # Old versions of ip print an empty object where there is nothing.
    return [build(Fields(value, f"{what} {n}", str(path))) for n, value in enumerate(values, 1) if value != {}]


def _interfaces(folder: Path, assumptions: list[str]) -> tuple[Interface, ...]:
    found = _read(folder / "ip-addr.json", interface, "interface")
    if found is None:
        assumptions.append("no ip-addr.json: the only addresses are those of lo and of local routes")
    links = {link.name: link for link in found or ()}
    for name, joined in _read(folder / "ip-maddr.json", groups, "interface") or ():
        if name in links:
            links[name] = replace(links[name], joined=joined)
    if LOOPBACK not in links:
        if found is not None:
            assumptions.append("ip-addr.json has no lo: it is taken to be as usual")
        links = {LOOPBACK: loopback_link(), **links}
    return tuple(links.values())


def _sysctls(folder: Path, links: Iterable[Interface], assumptions: list[str]) -> dict[str, str]:
    path = folder / "sysctl.txt"
    if not path.exists():
        others = [link.name for link in links if not link.loopback]
        forwards = len(others) > 1
        why = f"there are {len(others)} interfaces" if forwards else "there is one interface"
        assumptions.append(
            f"no sysctl.txt: forwarding is taken as {'on' if forwards else 'off'} ({why}), rp_filter off"
        )
        on = str(int(forwards))
        names = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]
        return dict.fromkeys(names + [_forwarding6(link) for link in links], on)
    sysctls = {}
    for line in read_text(path).splitlines():
        name, equals, value = line.partition("=")
        # A message of sysctl among its output (permission denied ...) is no setting.
        if equals and " " not in name.strip():
            sysctls[sysctl_name(name.strip())] = value.strip()
    return sysctls


def _forwarding6(link: Interface) -> str:
    return sysctl_of(6, link.name, "forwarding")


def _routes(
    folder: Path, links: tuple[Interface, ...], sysctls: dict[str, str], assumptions: list[str]
) -> tuple[Route, ...]:
    """Read the routes; ``ip -j route show table all`` prints both families in either file, so doubles are dropped."""
    routes: dict[Route, None] = {}
    given = set()
    for name, family in (("ip-route.json", Family.IPV4), ("ip6-route.json", Family.IPV6)):
        found = _read(folder / name, route, "route")
        if found is not None:
            routes.update(dict.fromkeys(found))
            given |= {family} | {way.family for way in found}
    routers = [link.name for link in links if number(sysctls.get(_forwarding6(link), "0"))]
    made = kernel_routes(links, routers)
    for family in Family:
        if family not in given:
            routes.update(dict.fromkeys(way for way in made if way.family is family))
            name = "ip-route.json" if family is Family.IPV4 else "ip6-route.json"
            if any(address.family is family for link in links for address in link.addresses):
                assumptions.append(f"no {name}: only the addresses' own networks are reached, no gateway is known")
    return tuple(routes)


def _with_missing(
    links: tuple[Interface, ...], routes: Iterable[Route], assumptions: list[str]
) -> tuple[Interface, ...]:
    """Add the interfaces that only routes name; their addresses are those of the local routes through them."""
    known = {link.name for link in links}
    missing: dict[str, list[Address]] = {}
    for way, dev in _devs(routes):
        if dev not in known:
            own = missing.setdefault(dev, [])
            if way.type is RouteType.LOCAL and way.length == way.family.bits:
                own.append(Address(way.family, way.dst, way.length, way.dst))
    added: list[Interface] = []
    for name, own in missing.items():
        index = max((link.index for link in links), default=0) + len(added) + 1
        added.append(Interface(name, index, addresses=tuple(own)))
        assumptions.append(f"{name} is only known from routes: it is taken to be up, with MTU 1500")
    return (*links, *added)


def _devs(routes: Iterable[Route]) -> Iterator[tuple[Route, str]]:
    for way in routes:
        for hop in way.nexthops:
            if hop.dev:
                yield way, hop.dev
