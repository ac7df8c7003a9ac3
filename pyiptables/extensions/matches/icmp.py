"""``-m icmp``: source extensions/libipt_icmp.c, extensions/libxt_icmp.h, net/netfilter/xt_tcpudp.c."""

from __future__ import annotations

from pyiptables.extensions.base import RuleFacts, opt
from pyiptables.extensions.matches._icmp import ALL_CODES, IcmpMatch, IcmpType
from pyiptables.hooks import Family
from pyiptables.packet.icmp_types import ICMP_TYPES

ANY = 255


class Icmp4Type(IcmpType):
    """A type of ICMP, where 255 stands for all of them."""

    def save(self, value: object, facts: RuleFacts) -> str:
        """``any`` for all types."""
        return "any" if value == (ANY, *ALL_CODES) else super().save(value, facts)


class Icmp4Match(IcmpMatch):
    """Match an ICMP message by type and code."""

    name = "icmp"
    families = (Family.IPV4,)
    protocols = frozenset({1})
    listed = "icmp"
    any_type = ANY

    type = opt(
        "--icmp-type", kind=Icmp4Type("ICMP", ICMP_TYPES), invertible=True, required=True, help="type and code, or name"
    )
