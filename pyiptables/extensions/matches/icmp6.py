"""``-m icmp6``: source extensions/libip6t_icmp6.c, extensions/libxt_icmp.h, net/netfilter/xt_tcpudp.c."""

from __future__ import annotations

from pyiptables.extensions.base import opt
from pyiptables.extensions.matches._icmp import IcmpMatch, IcmpType
from pyiptables.hooks import Family
from pyiptables.packet.icmp_types import ICMPV6_TYPES


class Icmp6Match(IcmpMatch):
    """Match an ICMPv6 message by type and code."""

    name = "icmp6"
    families = (Family.IPV6,)
    protocols = frozenset({58})
    listed = "ipv6-icmp"

    type = opt(
        "--icmpv6-type",
        kind=IcmpType("ICMPv6", ICMPV6_TYPES),
        invertible=True,
        required=True,
        help="type and code, or name",
    )
