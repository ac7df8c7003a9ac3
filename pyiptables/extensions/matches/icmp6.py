"""``-m icmp6``: source extensions/libip6t_icmp6.c, extensions/libxt_icmp.h, net/netfilter/xt_tcpudp.c."""

from __future__ import annotations

from pyiptables.extensions.base import opt
from pyiptables.extensions.matches._icmp import IcmpMatch, IcmpType
from pyiptables.hooks import Family

NAMES = {
    "destination-unreachable": (1, 0, 255),
    "no-route": (1, 0, 0),
    "communication-prohibited": (1, 1, 1),
    "beyond-scope": (1, 2, 2),
    "address-unreachable": (1, 3, 3),
    "port-unreachable": (1, 4, 4),
    "failed-policy": (1, 5, 5),
    "reject-route": (1, 6, 6),
    "packet-too-big": (2, 0, 255),
    "time-exceeded": (3, 0, 255),
    "ttl-exceeded": (3, 0, 255),
    "ttl-zero-during-transit": (3, 0, 0),
    "ttl-zero-during-reassembly": (3, 1, 1),
    "parameter-problem": (4, 0, 255),
    "bad-header": (4, 0, 0),
    "unknown-header-type": (4, 1, 1),
    "unknown-option": (4, 2, 2),
    "echo-request": (128, 0, 255),
    "ping": (128, 0, 255),
    "echo-reply": (129, 0, 255),
    "pong": (129, 0, 255),
    "mld-listener-query": (130, 0, 255),
    "mld-listener-report": (131, 0, 255),
    "mld-listener-done": (132, 0, 255),
    "mld-listener-reduction": (132, 0, 255),
    "router-solicitation": (133, 0, 255),
    "router-advertisement": (134, 0, 255),
    "neighbour-solicitation": (135, 0, 255),
    "neighbor-solicitation": (135, 0, 255),
    "neighbour-advertisement": (136, 0, 255),
    "neighbor-advertisement": (136, 0, 255),
    "redirect": (137, 0, 255),
}


class Icmp6Match(IcmpMatch):
    """Match an ICMPv6 message by type and code."""

    name = "icmp6"
    families = (Family.IPV6,)
    protocols = frozenset({58})
    listed = "ipv6-icmp"

    type = opt(
        "--icmpv6-type", kind=IcmpType("ICMPv6", NAMES), invertible=True, required=True, help="type and code, or name"
    )
