"""One packet out of a set, as ordinary as the set has any: documentation addresses, a SYN, high source ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import Node
from pyiptables.analysis.space import ESTABLISHED, ICMP, ICMPV6, INVALID, LOCAL, NEW, RELATED, TCP, UDP, UNICAST, Space
from pyiptables.hooks import Family

SERVICES = (443, 80, 22, 53, 25, 8080)
SYN, SYN_ACK, ACK = 2, 18, 16


def pick(space: Space, node: Node) -> dict[int, bool]:
    """The variables of one packet of a set that is not empty; those that are missing may be either."""
    node = narrowed(preferences(space), node)
    cube = node.pick_cube() or []
    return {number: value for number, value in enumerate(cube) if value is not None}


def narrowed(wanted: Iterable[Node], node: Node) -> Node:
    """A part of a set, not empty where the set is not, with as much of what is wanted as can be had in that order."""
    for one in wanted:
        smaller = node & one
        if smaller.satisfiable():
            node = smaller
    return node


def usual(space: Space) -> Iterator[Node]:
    """One value for each field that decides much: a packet that nothing special is said of."""
    for bits in (space.moved, space.ported, space.marked, space.mark, space.fragoff):
        yield bits.equals(0)
    yield space.iif.equals(len(space.interfaces.examples) - 1)
    yield space.protocol.equals(TCP)
    yield space.flags.equals(SYN)
    yield space.word0.equals(40000)
    yield from _addresses(space)
    yield space.word1.equals(SERVICES[0])


def preferences(space: Space) -> Iterator[Node]:
    """What a packet is rather than not, the weightiest first."""
    for state in (NEW, ESTABLISHED, INVALID, RELATED):
        yield space.state.equals(state)
    nothing = (
        space.snat,
        space.dnat,
        space.moved,
        space.ported,
        space.marked,
        space.fragoff,
        space.ctmark,
        space.status,
    )
    for bits in nothing:
        yield bits.equals(0)
    for one in space.free.values():
        yield ~space.diagrams.variables[one.number]
    for bits in space.present.values():
        yield bits.equals(0)
    yield space.mark.equals(0)
    yield ~space.iif.equals(space.interfaces.code("lo"))
    yield ~space.oif.equals(space.interfaces.code("lo"))
    for protocol in (TCP, UDP, ICMP if space.family is Family.IPV4 else ICMPV6):
        yield space.protocol.equals(protocol)
    known, reply = space.state.equals(ESTABLISHED), space.reply.equals(1)
    yield (
        (~known & space.flags.equals(SYN))
        | (known & space.flags.equals(ACK) & ~reply)
        | (reply & space.flags.equals(SYN_ACK))
    )
    yield space.flags.equals(ACK)
    yield from _addresses(space)
    icmp = space.protocol.equals(ICMP if space.family is Family.IPV4 else ICMPV6)
    echo = 8 if space.family is Family.IPV4 else 128
    yield ~icmp | space.word0.equals(echo << 8)
    yield icmp | space.word0.equals(40000)
    yield icmp | space.word0.within(1024, 65535)
    for port in SERVICES:
        yield space.word1.equals(port)
    yield space.word1.within(1, 65535)
    yield space.ttl.equals(64)
    yield space.ttl.within(2, 255)
    yield space.tos.equals(0)


def _addresses(space: Space) -> Iterator[Node]:
    for side in (space.destination_type, space.source_type):
        for kind in (UNICAST, LOCAL):
            yield side.equals(kind)
    four = space.family is Family.IPV4
    for bits, host in ((space.source, 0xC6336407), (space.destination, 0xC0000201)):
        if four:
            yield from (bits.equals(host), bits.masked(0xFFFFFF00, host & 0xFFFFFF00), _ordinary(space, bits))
        else:
            base = 0x20010DB8 << 96
            own = base | (1 if bits is space.destination else 1 << 64 | 7)
            yield from (bits.equals(own), bits.masked(0xFFFFFFFF << 96, base), bits.masked(7 << 125, 1 << 125))


def _ordinary(space: Space, bits: Bits) -> Node:
    """Addresses of single hosts: not of this network, not loopback, no group, no broadcast."""
    if space.family is Family.IPV6:
        return bits.within(2, (0xFF << 120) - 1) & ~bits.masked(0x3FF << 118, 0xFE80 >> 6 << 118)
    return bits.within(1 << 24, (127 << 24) - 1) | bits.within(128 << 24, (224 << 24) - 1)


def between_hosts(space: Space) -> Node:
    """Packets from one host to another, which routing takes whatever else it knows.

    What comes has a source elsewhere; what is sent has one of this host's, and what this host sends itself leaves by lo.
    """
    here, there = space.destination_type.equals(LOCAL), space.destination_type.equals(UNICAST)
    found = _ordinary(space, space.source) & _ordinary(space, space.destination) & (here | there)
    sent = space.source_type.equals(LOCAL) & ~(here ^ space.oif.equals(space.interfaces.code("lo")))
    arrives = space.source_type.equals(UNICAST) & ~space.iif.equals(space.interfaces.code("lo"))
    return found & ((space.iif.equals(0) & sent) | (space.has(space.iif) & arrives))
