"""Decisions as answers: what was found, put into a Decision with its words."""

from __future__ import annotations

import errno

from pyiptables.hooks import Family
from pyiptables.host.decision import Decision, Kind
from pyiptables.host.fib import Flow, Found
from pyiptables.host.model import LOCAL, MAIN, Action, NextHop
from pyiptables.host.network import Network
from pyiptables.packet.addresses import to_text

ENDS = {errno.EINVAL: Kind.BLACKHOLE, errno.EHOSTUNREACH: Kind.UNREACHABLE, errno.EACCES: Kind.PROHIBIT}
BY_RULE = {Action.BLACKHOLE: Kind.BLACKHOLE, Action.PROHIBIT: Kind.PROHIBIT}


def sent(
    network: Network, kind: Kind, flow: Flow, found: Found, *, family: Family, src: int, looped_back: bool = False
) -> Decision:
    """Decide to send by a next hop."""
    hop, route = found.nexthop or NextHop(""), found.route
    # What IPv6 forwards may be as large as the interface takes, whatever the route says (ip6_dst_mtu_maybe_forward).
    own = 0 if route is None or (family is Family.IPV6 and kind is Kind.FORWARD) else route.mtu
    return Decision(
        kind,
        family,
        way(family, flow.dst, found),
        oif=hop.dev,
        gateway=hop.gateway,
        gateway_family=hop.gateway_family,
        next_hop=flow.dst if hop.gateway is None else hop.gateway,
        source=src,
        route=route,
        mtu=own or network.mtu(hop.dev, family),
        looped_back=looped_back,
    )


def way(family: Family, dst: int, found: Found) -> str:
    """Say where a packet goes: ``10.1.0.10 via eth1 (10.1.0.0/24)``, with gateway and table where there are any."""
    hop, route = found.nexthop or NextHop(""), found.route
    words = f"{to_text(dst, family)} via "
    if hop.gateway is not None:
        words += f"{to_text(hop.gateway, hop.gateway_family or family)} "
    words += hop.dev
    if route is None:
        return words
    return f"{words} ({place(found)})"


def place(found: Found) -> str:
    """Name the route that decided, and its table when it is neither main nor local."""
    route = found.route
    if route is None:
        rule = found.rule
        return "" if rule is None else f"rule {rule.priority}"
    return route.prefix if route.table in {MAIN, LOCAL} else f"{route.prefix}, table {route.table}"


def refusal(family: Family, flow: Flow, found: Found, icmp: tuple[int, int] | None) -> Decision:
    """Decide for a lookup that ended in an error."""
    text = to_text(flow.dst, family)
    if found.route is None and found.rule is not None:
        kind = BY_RULE.get(found.rule.action, Kind.UNREACHABLE)
    else:
        kind = ENDS.get(found.error, Kind.NO_ROUTE)
    words = {
        Kind.BLACKHOLE: f"{text} is in a black hole",
        Kind.PROHIBIT: f"{text} is prohibited",
        Kind.UNREACHABLE: f"{text} is unreachable",
    }.get(kind, f"no route to {text}")
    if where := place(found):
        words += f" ({where})"
    return Decision(kind, family, words, route=found.route, error=found.error, icmp=icmp)


def martian(family: Family, words: str, error: int) -> Decision:
    """Decide to drop, without an answer, a packet whose addresses cannot be."""
    return Decision(Kind.MARTIAN, family, words, error=error)
