"""V803."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import ICMPV6
from pyiptables.hooks import Family, Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import provable, selected
from pyiptables.lint.subject import Subject

TYPES = {
    2: ("packet-too-big", "large packets vanish on ways with a smaller MTU"),
    133: ("router-solicitation", "hosts that ask this router wait for its next advertisement"),
    134: ("router-advertisement", "the host learns no routes and no prefixes by itself"),
    135: ("neighbour-solicitation", "neighbours do not find this host's MAC: nothing comes in over Ethernet"),
    136: ("neighbour-advertisement", "this host finds no neighbour's MAC: nothing goes out over Ethernet"),
}
VITAL = (2, 135, 136)
_NO_NEIGHBOURS = re.compile(r"(lo|ppp|tun|wg|sit|he-|gre|ipip|ip6tnl|tailscale|vti)[\w-]*\+?$")


class Neighbours(Check):
    """INPUT lets no neighbour discovery, or no packet-too-big, in.

    IPv6 needs ICMPv6 where IPv4 has ARP: without neighbour solicitations (135) and advertisements (136) hosts of one link
    do not find each other, and without packet-too-big (2) nothing tells a sender of a smaller MTU, for no router
    fragments. Found where INPUT accepts TCP or UDP over a link that has neighbours, but surely none of such a type;
    router advertisements (134) and solicitations (133) are information, for a host may do without.

    Bad:
        :INPUT DROP
        -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -p ipv6-icmp -j ACCEPT

    Suppress when:
        the host's only links are tunnels.
    """

    code = "V803"
    name = "no-neighbour-discovery"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The types of ICMPv6 of which nothing is accepted."""
        for family in provable(subject):
            if family is not Family.IPV6 or "filter" not in subject.ruleset(family).tables:
                continue
            reach = subject.reach(family)
            accepted = reach.verdict_at(Hook.INPUT, "ACCEPT").may & _over_links(reach)
            if not any(accepted & selected(reach, f"-p {name}", "filter") for name in ("tcp", "udp")):
                continue
            routes = bool(reach.verdict_at(Hook.FORWARD, "ACCEPT").may)
            blocked = [kind for kind in TYPES if not accepted & _of_type(reach, kind)]
            for kind in blocked:
                if kind == 133 and not routes:
                    continue
                name, outcome = TYPES[kind]
                place = subject.chain_place(family, "filter", Hook.INPUT.name)
                severity = Severity.WARNING if kind in VITAL else Severity.INFO
                text = f"no ICMPv6 {name} ({kind}) is accepted by INPUT"
                yield self.found(place, text, proof=Proof(note=outcome), family=family, severity=severity)


def _over_links(reach: Reach) -> PacketSet:
    """The packets that come by an interface on which there are neighbours."""
    space = reach.space
    codes = [code for code, name in enumerate(space.interfaces.examples) if name and not _NO_NEIGHBOURS.match(name)]
    return PacketSet(space, space.any_of(space.iif.equals(code) for code in codes))


def _of_type(reach: Reach, kind: int) -> PacketSet:
    space = reach.space
    return PacketSet(space, space.protocol.equals(ICMPV6) & space.icmp_type.equals(kind))
