"""``-m udp``: source extensions/libxt_udp.c and net/netfilter/xt_tcpudp.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import RuleFacts, opt
from pyiptables.extensions.kinds.ports import ANY_PORT, GuidedPortRange
from pyiptables.extensions.matches._ports import PortsMatch
from pyiptables.packet.fields import udp, whole_or_first_fragment
from pyiptables.predicate import Predicate

PORTS = GuidedPortRange("udp")


class UdpMatch(PortsMatch):
    """Match a UDP datagram. A later fragment never matches; a datagram that ends inside the header is dropped."""

    name = "udp"
    protocols = frozenset({17})

    sport = opt(
        "--source-port", "--sport", kind=PORTS, invertible=True, neutral=ANY_PORT, save_as="--sport",
        list_as="spt", help="source port or range",
    )  # fmt: skip
    dport = opt(
        "--destination-port", "--dport", kind=PORTS, invertible=True, neutral=ANY_PORT, save_as="--dport",
        list_as="dpt", help="destination port or range",
    )  # fmt: skip

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``udp spt:53``."""
        return f" udp{self.list_ports(facts, numeric)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header, then the ports, as udp_mt tests them."""
        yield whole_or_first_fragment(hotdrop_offset_one=False)
        yield from self.port_parts(udp, facts)
