"""V801."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.diagrams import Node, within_memory, without
from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import LOCAL, NEW, TCP, UDP
from pyiptables.hooks import Family, Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import provable
from pyiptables.lint.subject import Subject

PROTOCOLS = (("tcp", TCP), ("udp", UDP))
SYN = 2
MOST_RANGES = 6
"""Ranges of ports that a finding names."""
GLOBAL = (0x2000 << 112, (0x4000 << 112) - 1)


class OpenOnOther(Check):
    """IPv6's policy accepts ports that IPv4 drops.

    Both families are one host. Someone took care that IPv4 accepts a few services and drops the rest; over IPv6 the rest
    is open to everyone, because INPUT's policy accepts. Compared are the exact sets of TCP and UDP ports: on IPv6 those
    that the policy surely accepts from any global address, on IPv4 those of which nothing new is accepted, on the same
    interface.

    Bad:
        (IPv4) :INPUT DROP
        (IPv6) :INPUT ACCEPT

    Good:
        (IPv4) :INPUT DROP
        (IPv6) :INPUT DROP, with the same services

    Suppress when:
        the host has no IPv6, or somebody else filters it.
    """

    code = "V801"
    name = "open-on-ipv6"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The policy of IPv6's INPUT, when it accepts what IPv4 drops."""
        if set(provable(subject)) != set(Family) or not _has_ipv6(subject):
            return
        tables = [subject.ruleset(family).tables.get("filter") for family in Family]
        four, six = subject.reach(Family.IPV4), subject.reach(Family.IPV6)
        if None in tables or six.ruleset.table("filter").chains["INPUT"].policy != "ACCEPT":
            return
        for name in _interfaces(subject):
            found, witness = [], None
            for text, protocol in PROTOCOLS:
                open_there = _surely_open(six, protocol, name)
                closed_here = _complement(_maybe_open(four, protocol, name))
                common = list(_common(open_there, closed_here))
                found += [f"{text}/{_range(*each)}" for each in common]
                witness = witness or (_witness(six, protocol, name, *common[0]) if common else None)
            if found:
                ports = ", ".join(found[:MOST_RANGES]) + (" and others" if len(found) > MOST_RANGES else "")
                place = subject.chain_place(Family.IPV6, "filter", "INPUT")
                text = f"IPv6's policy accepts from anywhere what IPv4 drops: {ports}"
                note = f"of what comes in by {name}" if name else ""
                yield self.found(place, text, proof=Proof(note=note, witness=witness), family=Family.IPV6)
                return


def _has_ipv6(subject: Subject) -> bool:
    """Whether the host may have IPv6: of a known one, whether an interface has a global address."""
    if subject.host is None or len(subject.host.interfaces) < 2:
        return True
    links = (link for link in subject.host.interfaces if not link.loopback)
    return any(own.family is Family.IPV6 and own.scope == 0 for link in links for own in link.addresses)


def _interfaces(subject: Subject) -> Iterator[str]:
    """The interfaces to compare by: those that the host has, or that IPv4's rules name; "" for any, where none is named."""
    if subject.host is not None and len(subject.host.interfaces) > 1:
        yield from (link.name for link in subject.host.interfaces if not link.loopback)
        return
    named = {rule.spec.in_interface.name for rule in subject.rules if rule.spec.in_interface is not None} - {"lo"}
    plain = sorted(name for name in named if not name.endswith("+"))
    yield from plain if named else ("",)


def _come(reach: Reach, protocol: int, name: str) -> Node:
    """New connections of a protocol from other hosts to this one, by one interface or any."""
    space = reach.space
    found = reach.flow.received() & space.destination_type.equals(LOCAL) & space.protocol.equals(protocol)
    found = found & space.fragoff.equals(0)
    if reach.flow.tracking:
        found = found & space.state.equals(NEW)
    if protocol == TCP:
        found = found & space.flags.equals(SYN)
    lo = space.iif.equals(space.interfaces.code("lo"))
    return found & ~lo if not name else found & space.iif.equals(space.interfaces.code(name))


def _witness(reach: Reach, protocol: int, name: str, low: int, high: int) -> str | None:
    """A packet to one of some ports that is accepted, the ordinary ones first."""
    space = reach.space
    with within_memory():
        come = _come(reach, protocol, name) & reach.verdict(Hook.INPUT, "ACCEPT").must.node
        return reach.witness(PacketSet(space, come & space.word1.within(low, high)))


def _ports(reach: Reach, node: Node) -> list[tuple[int, int]]:
    """The destination ports of a set, as ranges in order."""
    space = reach.space
    others = [number for number in range(len(space.diagrams.variables)) if number not in set(space.word1.numbers)]
    left = without(node, space.diagrams.quantifier(others))
    found: list[tuple[int, int]] = []

    def look(low: int, high: int) -> None:
        here = space.word1.within(low, high)
        if left & here == space.false:
            return
        if here & ~left == space.false:
            if found and found[-1][1] + 1 == low:
                low = found.pop()[0]
            found.append((low, high))
            return
        middle = (low + high) // 2
        look(low, middle)
        look(middle + 1, high)

    look(0, 0xFFFF)
    return found


def _maybe_open(reach: Reach, protocol: int, name: str) -> list[tuple[int, int]]:
    """The ports, as packets arrive, of which something may be accepted, or may go elsewhere than to INPUT."""
    with within_memory():
        come = _come(reach, protocol, name)
        dropped = reach.verdict(Hook.INPUT, "DROP").must | reach.verdict(Hook.INPUT, "REJECT").must
        for verdict in ("DROP", "REJECT"):
            dropped = dropped | reach.verdict(Hook.PREROUTING, verdict).must
        return _ports(reach, come & ~dropped.node)


def _surely_open(reach: Reach, protocol: int, name: str) -> list[tuple[int, int]]:
    """The ports of which everything from global addresses surely comes to the policy and is accepted by it."""
    space = reach.space
    with within_memory():
        come = _come(reach, protocol, name) & space.source.within(*GLOBAL) & space.destination.within(*GLOBAL)
        ended = PacketSet(space, space.false)
        for number, rule in enumerate(reach.ruleset.table("filter").chains["INPUT"].rules, 1):
            if rule.spec.jump is not None or (rule.spec.target is not None and rule.spec.target.terminal):
                ended = ended | reach.takes("filter", "INPUT", number).may
        accepted = reach.verdict(Hook.INPUT, "ACCEPT").must - reach.origin(ended, Hook.INPUT)
        return _complement(_ports(reach, come & ~accepted.node))


def _complement(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found, start = [], 0
    for low, high in ranges:
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    return [*found, (start, 0xFFFF)] if start <= 0xFFFF else found


def _common(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> list[tuple[int, int]]:
    pairs = ((max(low, first), min(high, last)) for low, high in one for first, last in other)
    return [(low, high) for low, high in pairs if low <= high and high > 0]


def _range(low: int, high: int) -> str:
    low = max(low, 1)
    return str(low) if low == high else f"{low}-{high}"
