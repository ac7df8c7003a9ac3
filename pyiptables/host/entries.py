"""The objects that ``ip -j`` prints, each made into what it describes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pyiptables.hooks import Family
from pyiptables.host.model import (
    MAIN,
    Action,
    Address,
    Interface,
    Neighbour,
    NextHop,
    PolicyRule,
    Route,
    RouteType,
    Scope,
)
from pyiptables.host.names import ACTIONS, GROUPS, PROTOCOLS, ROUTE_TYPES, SCOPES, TABLES
from pyiptables.host.reading import Fields, number, prefix, shown

T = TypeVar("T")
FAMILIES = {"inet": Family.IPV4, "inet6": Family.IPV6}
PREFERENCES = {"low": -1, "medium": 0, "high": 1}


def interface(entry: Fields) -> Interface:
    """Build an interface from an object of ``ip -j address``."""
    flags = frozenset(entry.texts("flags"))
    name = entry.text("ifname")
    if not name:
        raise entry.error("ifname is missing")
    entry.where += f" ({shown(name)})"
    group = entry.value("group")
    return Interface(
        name,
        entry.integer("ifindex"),
        entry.mac("address"),
        entry.integer("mtu", 1500),
        "UP" in flags,
        "LOOPBACK" in flags,
        flags,
        GROUPS.get(group, 0) if isinstance(group, str) and number(group) is None else entry.integer("group"),
        tuple(own for one in entry.objects("addr_info") if (own := address(one)) is not None),
    )


def address(entry: Fields) -> Address | None:
    """Build an address from an object of ``addr_info``; None for another family."""
    family = FAMILIES.get(entry.text("family"))
    if family is None:
        return None
    local, _ = entry.address("local", family)
    broadcast = entry.address("broadcast", family)[0] if "broadcast" in entry and family is Family.IPV4 else None
    return Address(
        family,
        local,
        entry.integer("prefixlen", family.bits, high=family.bits),
        entry.address("address", family)[0] if "address" in entry else local,
        broadcast,
        _scope(entry),
        entry.flag("secondary"),
        entry.flag("deprecated"),
        entry.flag("tentative"),
        not entry.flag("noprefixroute"),
        entry.text("label"),
    )


def groups(entry: Fields) -> tuple[str, tuple[tuple[Family, int], ...]]:
    """Read an entry of ``ip -j maddress``: the multicast groups that an interface listens to."""
    joined = []
    for one in entry.objects("maddr"):
        family = FAMILIES.get(one.text("family"))
        if family is not None:
            joined.append((family, one.address("address", family)[0]))
    return entry.text("ifname"), tuple(joined)


def route(entry: Fields) -> Route:
    """Build a route from an object of ``ip -j route``."""
    dst, length, family = _prefix(entry, "dst", _route_family(entry))
    src, src_length, _ = _prefix(entry, "from", family) if "from" in entry else (0, 0, family)
    kind = _named(entry, "type", ROUTE_TYPES, RouteType.UNICAST)
    metrics: dict[str, int] = {}
    for one in entry.objects("metrics"):
        if "mtu" in one:
            metrics["mtu"] = one.integer("mtu")
    hops = tuple(nexthop(one) for one in entry.objects("nexthops"))
    if not hops and "dev" in entry:
        hops = (nexthop(entry),)
    scope = Scope.HOST if kind is RouteType.LOCAL and "scope" not in entry else _scope(entry)
    return Route(
        family,
        dst,
        length,
        hops,
        kind,
        _table(entry),
        entry.address("prefsrc", family)[0] if "prefsrc" in entry else 0,
        entry.integer("metric"),
        scope if family is Family.IPV4 else Scope.GLOBAL,
        _tos(entry),
        metrics.get("mtu", 0),
        src,
        src_length,
        PREFERENCES.get(entry.text("pref"), 0),
        entry.value("protocol") == "kernel",
    )


def _route_family(entry: Fields) -> Family:
    """Tell the family of a route to ``default``: by its gateway or source, else by the preference that IPv6 has."""
    for key in ("gateway", "prefsrc"):
        if key in entry:
            return entry.address(key)[1]
    for hop in entry.objects("nexthops"):
        if "gateway" in hop:
            return hop.address("gateway")[1]
    return Family.IPV6 if "pref" in entry else Family.IPV4


def nexthop(entry: Fields) -> NextHop:
    """Build a next hop from a route's object, or from one of its ``nexthops``."""
    flags = entry.texts("flags")
    gateway: int | None = None
    family: Family | None = None
    if "via" in entry:
        gateway, family = Fields(entry.value("via"), f"{entry.where}, via", entry.source).address("host")
    elif "gateway" in entry:
        gateway, family = entry.address("gateway")
    weight = entry.integer("weight", 1)
    return NextHop(entry.text("dev"), gateway, family, weight, "dead" in flags, "linkdown" in flags)


def rule(entry: Fields, family: Family) -> PolicyRule:
    """Build a policy rule from an object of ``ip -j rule``."""
    src, src_length = _rule_prefix(entry, "src", family)
    dst, dst_length = _rule_prefix(entry, "dst", family)
    action = _named(entry, "action", ACTIONS, Action.TABLE)
    action = next((ACTIONS[name] for name in ("goto", "nop") if name in entry), action)
    protocol = entry.text("ipproto")
    known = PROTOCOLS.get(protocol, number(protocol.removeprefix("ipproto-")) if protocol else 0)
    if known is None:
        raise entry.error(f"ipproto {shown(protocol)} is not known")
    # A mark without mask is compared whole.
    mask = entry.integer("fwmask", 0xFFFFFFFF) if "fwmark" in entry else 0
    return PolicyRule(
        family,
        entry.integer("priority"),
        action,
        _table(entry),
        entry.integer("goto") if entry.value("goto") not in (None, "none") else 0,
        src,
        src_length,
        dst,
        dst_length,
        entry.text("iif"),
        entry.text("oif"),
        entry.integer("fwmark"),
        mask,
        _tos(entry),
        known,
        _ports(entry, "sport"),
        _ports(entry, "dport"),
        entry.flag("not"),
        entry.integer("suppress_prefixlen", -1, low=-1, high=128),
        _group(entry),
    )


def _group(entry: Fields) -> int:
    group = entry.value("suppress_ifgroup")
    if isinstance(group, str) and group in GROUPS:
        return GROUPS[group]
    return entry.integer("suppress_ifgroup", -1, low=-1)


def _ports(entry: Fields, key: str) -> tuple[int, int] | None:
    if key in entry:
        port = entry.integer(key, high=65535)
        return port, port
    if f"{key}_start" in entry:
        return entry.integer(f"{key}_start", high=65535), entry.integer(f"{key}_end", 65535, high=65535)
    return None


def _rule_prefix(entry: Fields, key: str, family: Family) -> tuple[int, int]:
    if entry.text(key, "all") == "all":
        return 0, 0
    found, _ = entry.address(key, family)
    return found, entry.integer(f"{key}len", family.bits, high=family.bits)


def _prefix(entry: Fields, key: str, family: Family) -> tuple[int, int, Family]:
    text = entry.text(key)
    if text in {"default", "all"}:
        return 0, 0, family
    try:
        found, length, family = prefix(text)
    except ValueError:
        raise entry.error(f"{key} must be an IP prefix or default, not {shown(text)}") from None
    shift = family.bits - length
    return found >> shift << shift, length, family


def _table(entry: Fields) -> str:
    value = entry.value("table")
    text = MAIN if value is None else str(entry.integer("table")) if isinstance(value, int) else entry.text("table")
    return TABLES.get(text, text)


def _tos(entry: Fields) -> int:
    return entry.integer("tos", high=255) if "tos" in entry else entry.integer("dsfield", high=255)


def _scope(entry: Fields) -> int:
    value = entry.value("scope")
    if isinstance(value, str) and value in SCOPES:
        return SCOPES[value]
    return entry.integer("scope", Scope.GLOBAL, high=255)


def _named(entry: Fields, key: str, names: Mapping[str, T], default: T) -> T:
    if key not in entry:
        return default
    text = entry.text(key)
    if text not in names:
        raise entry.error(f"{key} {shown(text)} is not known", "known are " + ", ".join(names))
    return names[text]


def neighbour(entry: Fields) -> Neighbour | None:
    """Build a neighbour from an object of ``ip -j neigh``; None where its MAC is not known."""
    states = entry.texts("state")
    if "proxy" in entry or "lladdr" not in entry:
        return None
    dst, family = entry.address("dst")
    return Neighbour(entry.text("dev"), family, dst, entry.mac("lladdr"), states[0] if states else "")
