"""The names that ``ip`` gives to numbers: route types, scopes, tables, actions, protocols, device groups."""

from __future__ import annotations

from pyiptables.host.model import Action, RouteType, Scope

ROUTE_TYPES = {kind.name.lower(): kind for kind in RouteType if kind is not RouteType.UNSPEC}
SCOPES: dict[str, int] = {**{scope.name.lower(): int(scope) for scope in Scope}, "universe": 0}
TABLES = {"255": "local", "254": "main", "253": "default"}
"""Numbers of the tables that have names everywhere (rt_tables)."""
ACTIONS = {
    "lookup": Action.TABLE,
    "to_tbl": Action.TABLE,
    "goto": Action.GOTO,
    "nop": Action.NOP,
    "blackhole": Action.BLACKHOLE,
    "unreachable": Action.UNREACHABLE,
    "prohibit": Action.PROHIBIT,
}
PROTOCOLS = {"icmp": 1, "igmp": 2, "tcp": 6, "udp": 17, "dccp": 33, "gre": 47, "esp": 50, "ah": 51}
PROTOCOLS |= {"ipv6-icmp": 58, "sctp": 132, "udplite": 136, "ipip": 4, "ipv6": 41}
GROUPS = {"default": 0}
