"""The forwarding information base: longest prefix in a table, and the policy rules that choose the table.

Source: net/core/fib_rules.c, net/ipv4/fib_rules.c and fib_trie.c, net/ipv6/fib6_rules.c and route.c.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pyiptables.hooks import Family
from pyiptables.host.model import (
    LOCAL,
    Action,
    Interface,
    NextHop,
    PolicyRule,
    Route,
    RouteType,
    default_rules,
)

ROUTE_ERRORS = {
    RouteType.BLACKHOLE: errno.EINVAL,
    RouteType.UNREACHABLE: errno.EHOSTUNREACH,
    RouteType.PROHIBIT: errno.EACCES,
    RouteType.THROW: errno.EAGAIN,
}
RULE_ERRORS = {
    Action.BLACKHOLE: errno.EINVAL,
    Action.UNREACHABLE: errno.ENETUNREACH,
    Action.PROHIBIT: errno.EACCES,
}
ECN_AND_PRECEDENCE = 0x1C
"""The bits of an IPv4 TOS that rules and routes compare (fib_dscp_masked_match)."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What a lookup looks at. ``iif`` is ``lo`` for what this host sends; ``strict`` asks IPv6 routes for ``link``.

    ``link`` is the interface that an IPv6 lookup prefers: where the packet came in, or the one asked for.
    """

    dst: int
    src: int = 0
    iif: str = "lo"
    oif: str = ""
    link: str = ""
    strict: bool = False
    mark: int = 0
    tos: int = 0
    protocol: int = 0
    sport: int = 0
    dport: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a lookup found: a route and its next hop, or an errno; with the rule that decided."""

    route: Route | None = None
    nexthop: NextHop | None = None
    error: int = 0
    rule: PolicyRule | None = None


class Table:
    """One routing table of one family, searched by longest prefix."""

    __slots__ = ("_lengths",)

    def __init__(self, routes: Iterable[Route], family: Family) -> None:
        lengths: dict[int, dict[int, list[Route]]] = {}
        for route in routes:
            key = route.dst >> (family.bits - route.length)
            lengths.setdefault(route.length, {}).setdefault(key, []).append(route)
        for prefixes in lengths.values():
            for same in prefixes.values():
                same.sort(key=lambda route: (-route.src_length, -route.tos, route.metric))
        self._lengths = [(family.bits - length, lengths[length]) for length in sorted(lengths, reverse=True)]

    def candidates(self, dst: int) -> Iterator[list[Route]]:
        """Yield the routes for an address, longest prefix first; within a prefix by TOS and metric."""
        for shift, prefixes in self._lengths:
            same = prefixes.get(dst >> shift)
            if same is not None:
                yield same


class Fib:
    """The tables and rules of one family."""

    __slots__ = ("_family", "_interfaces", "_tables", "custom_local", "custom_rules", "rules", "uses")

    def __init__(
        self,
        family: Family,
        routes: Iterable[Route],
        rules: Iterable[PolicyRule],
        interfaces: Mapping[str, Interface],
    ) -> None:
        self._family = family
        self._interfaces = interfaces
        mine = [route for route in routes if route.family is family]
        tables: dict[str, list[Route]] = {}
        for route in mine:
            tables.setdefault(route.table, []).append(route)
        self._tables = {name: Table(found, family) for name, found in tables.items()}
        self.rules = sorted((rule for rule in rules if rule.family is family), key=lambda rule: rule.priority)
        self.custom_rules = self.rules != list(default_rules(family))
        self.custom_local = any(route.type is RouteType.LOCAL and not route.kernel for route in mine)
        self.uses = _fields_used(self.rules, mine)

    def lookup(self, flow: Flow) -> Found:
        """Walk the rules until one gives a route or an error (fib_rules_lookup)."""
        at, rules = 0, self.rules
        while at < len(rules):
            rule = rules[at]
            at += 1
            if not self._matches(rule, flow) or rule.action is Action.NOP:
                continue
            if rule.action is Action.GOTO:
                # Only forward, as the kernel demands; a target that is not there makes the rule a no-op.
                if rule.goto > rule.priority:
                    target = next((n for n, other in enumerate(rules) if other.priority == rule.goto), None)
                    at = at if target is None else target
                continue
            if rule.action is not Action.TABLE:
                return Found(error=RULE_ERRORS[rule.action], rule=rule)
            found = self.in_table(rule.table, flow)
            if found.error == errno.EAGAIN or self._suppressed(rule, found):
                continue
            return Found(found.route, found.nexthop, found.error, rule)
        return Found(error=errno.ENETUNREACH)

    def in_table(self, name: str, flow: Flow) -> Found:
        """Search one table; error EAGAIN when it has no answer (nothing fits, or a throw route)."""
        table = self._tables.get(name)
        if table is None:
            return Found(error=errno.EAGAIN)
        choose = self._choose4 if self._family is Family.IPV4 else self._choose6
        for same in table.candidates(flow.dst):
            found = choose(same, flow)
            if found is not None:
                return found
        return Found(error=errno.EAGAIN)

    def local_type(self, address: int, dev: str = "") -> RouteType | None:
        """Look up the type that the table ``local`` gives an address (on ``dev``, if given); None when absent."""
        found = self.in_table(LOCAL, Flow(address))
        if found.error or found.route is None or (dev and found.route.dev != dev):
            return None
        return found.route.type

    def _matches(self, rule: PolicyRule, flow: Flow) -> bool:
        """fib_rule_match with the family's own part; ``not`` turns the whole round."""
        bits = self._family.bits
        four = self._family is Family.IPV4
        src_shift, dst_shift = bits - rule.src_length, bits - rule.dst_length
        tos = flow.tos & (ECN_AND_PRECEDENCE if four else 0xFC)
        holds = (
            (not rule.iif or rule.iif == flow.iif)
            and (not rule.oif or rule.oif == flow.oif)
            and not (rule.mark ^ flow.mark) & rule.mask
            and (not rule.src_length or ((flow.src or four) and flow.src >> src_shift == rule.src >> src_shift))
            and flow.dst >> dst_shift == rule.dst >> dst_shift
            and (not rule.tos or rule.tos == tos)
            and (not rule.protocol or rule.protocol == flow.protocol)
            and (rule.sport is None or rule.sport[0] <= flow.sport <= rule.sport[1])
            and (rule.dport is None or rule.dport[0] <= flow.dport <= rule.dport[1])
        )
        return holds != rule.invert

    def _suppressed(self, rule: PolicyRule, found: Found) -> bool:
        if found.error or found.route is None:
            return False
        if found.route.length <= rule.suppress_length:
            return True
        link = self._interfaces.get(found.nexthop.dev) if found.nexthop else None
        return rule.suppress_group >= 0 and link is not None and link.group == rule.suppress_group

    def _choose4(self, same: list[Route], flow: Flow) -> Found | None:
        """Take the first route of a prefix that fits TOS and interface (fib_table_lookup)."""
        for route in same:
            if route.tos and route.tos != flow.tos & ECN_AND_PRECEDENCE:
                continue
            error = ROUTE_ERRORS.get(route.type, 0)
            if error:
                return Found(route, error=error)
            for hop in route.nexthops:
                if self._alive(hop) and (not flow.oif or flow.oif == hop.dev):
                    return Found(route, hop)
        return None

    def _choose6(self, same: list[Route], flow: Flow) -> Found | None:
        """Take the best route of a prefix's lowest metric (rt6_select): by preference, then the wanted interface."""
        best: Found | None = None
        best_score, best_group = -1, (0, 0)
        fitting = [route for route in same if _has_source(route, flow)]
        if same[0].src_length and same[0].length and not any(route.src_length for route in fitting):
            return None  # where some ask for a source, the others of the prefix are not reached (fib6_node_lookup_1)
        for route in fitting:
            group = (route.src_length, route.metric)
            if best is not None and group != best_group:
                break
            error = ROUTE_ERRORS.get(route.type, 0)
            for hop in route.nexthops or (NextHop("lo"),):
                wanted = not flow.link or hop.dev == flow.link
                score = 2 * wanted + (route.preference + 1) * 4
                if (error or self._alive(hop)) and (wanted or not flow.strict) and score > best_score:
                    best, best_score, best_group = Found(route, hop, error), score, group
        return best

    def _alive(self, hop: NextHop) -> bool:
        link = self._interfaces.get(hop.dev)
        return not hop.dead and link is not None and link.up


def _has_source(route: Route, flow: Flow) -> bool:
    """Whether a flow comes from where an IPv6 route wants it to."""
    shift = 128 - route.src_length
    return not route.src_length or flow.src >> shift == route.src >> shift


def _fields_used(rules: Iterable[PolicyRule], routes: Iterable[Route]) -> frozenset[str]:
    """Which of a packet's fields can change an answer; the others need not be told apart."""
    used = set()
    for rule in rules:
        used |= {name for name in ("mark", "tos", "protocol", "sport", "dport") if getattr(rule, name)}
        if rule.mask:
            used.add("mark")
    if any(route.tos for route in routes):
        used.add("tos")
    return frozenset(used)
