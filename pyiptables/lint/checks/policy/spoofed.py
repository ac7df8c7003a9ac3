"""P106."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.sets import PacketSet
from pyiptables.hooks import Family, Hook
from pyiptables.host import Host, Interface
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import beginning, provable, shown
from pyiptables.lint.subject import Subject
from pyiptables.ruleset.conditions import address_text
from pyiptables.ruleset.model import AddressMatch


class SpoofedSource(Check):
    """New connections are accepted by an interface behind which their source cannot be.

    Needs the host (a snapshot, or ``--host``). A packet with a source in the network of one interface that comes in by
    another is forged. Reported are the interfaces by which INPUT or FORWARD surely accepts such a packet as a new
    connection, where the kernel's reverse path filter (``rp_filter``, IPv4 alone) does not keep it out. Off unless asked
    for.

    Bad:
        # eth0 192.0.2.2/24, eth1 10.0.0.1/24, rp_filter off
        :INPUT DROP [0:0]
        :FORWARD DROP [0:0]
        -A INPUT -s 10.0.0.0/24 -p tcp --dport 22 -j ACCEPT

    Good:
        :INPUT DROP [0:0]
        :FORWARD DROP [0:0]
        -A INPUT -i eth1 -s 10.0.0.0/24 -p tcp --dport 22 -j ACCEPT

    Suppress when:
        hosts of that network come by both interfaces.
    """

    code = "P106"
    name = "spoofed-source"
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """One finding for each interface and hook, about the first network that may be forged there."""
        host = subject.host
        links = [link for link in host.interfaces if not link.loopback] if host is not None else []
        for family in provable(subject) if host is not None else ():
            if "filter" not in subject.ruleset(family).tables or len(links) < 2:
                continue
            for link in links:
                if host is not None and not _filtered(host, family, link.name):
                    yield from self._by(subject, family, link, [other for other in links if other is not link])

    def _by(self, subject: Subject, family: Family, link: Interface, others: list[Interface]) -> Iterator[Finding]:
        reach = subject.reach(family)
        own = {
            _network(address.address, address.length, family) for address in link.addresses if address.family is family
        }
        for hook in (Hook.INPUT, Hook.FORWARD):
            accepted = reach.verdict_at(hook, "ACCEPT").must & beginning(reach, f"-i {link.name}", "filter")
            for other, network in _networks(others, family):
                forged = accepted & PacketSet(reach.space, reach.space.source.masked(network[1], network[0]))
                if network in own or not forged:
                    continue
                text = address_text(AddressMatch(*network), family)
                place = subject.chain_place(family, "filter", hook.name)
                about = f"{hook.name} accepts from {link.name} what says it comes from {text}, which is behind {other}"
                proof = Proof(witness=shown(subject, family, forged, hook))
                yield self.found(place, about, proof=proof, family=family)
                break


def _network(address: int, length: int, family: Family) -> tuple[int, int]:
    full = (1 << family.bits) - 1
    mask = full ^ (full >> length)
    return address & mask, mask


def _networks(links: list[Interface], family: Family) -> Iterator[tuple[str, tuple[int, int]]]:
    """The networks of interfaces; those of a single address, of everything and of the link itself tell nothing."""
    for link in links:
        for own in link.addresses:
            if own.family is family and 0 < own.length < family.bits and own.scope == 0:
                yield link.name, _network(own.address, own.length, family)


def _filtered(host: Host, family: Family, name: str) -> bool:
    """Whether the reverse path filter is on for an interface: the greater of the two settings counts."""
    if family is Family.IPV6:
        return False
    values = (host.sysctl(f"net/ipv4/conf/{each}/rp_filter") for each in ("all", name))
    return max(values) > 0
