"""Tuples: what identifies one direction of a connection.

A packet's tuple is its two addresses, its protocol, and the two halves that the protocol adds to them: ports for TCP,
UDP, UDP-Lite, SCTP and DCCP; for ICMP the identifier on the source's side, type and code on the destination's; for GRE
the call keys. The tuple of the expected answer is its inverse. A connection is known by two tuples, one a direction,
and without NAT each is the other's inverse.

Source: include/net/netfilter/nf_conntrack_tuple.h, nf_ct_get_tuple and nf_ct_invert_tuple in nf_conntrack_core.c.
"""

from __future__ import annotations

from typing import NamedTuple

from pyiptables.hooks import Family

ICMP, TCP, UDP, DCCP, GRE, ICMPV6, SCTP, UDPLITE = 1, 6, 17, 33, 47, 58, 132, 136

ORIGINAL, REPLY = 0, 1
"""Directions of a connection (IP_CT_DIR_*): the first packet's, and back."""

PORTS = frozenset({TCP, UDP, SCTP, UDPLITE})
"""Protocols whose halves are ports. DCCP joins them where its tracker exists."""

ICMP_INVERSE = {8: 0, 0: 8, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17}
"""ICMP types that ask or answer, each with its counterpart: echo, timestamp, information, address mask."""

ICMPV6_INVERSE = {128: 129, 129: 128, 139: 140, 140: 139}
"""ICMPv6 types that ask or answer: echo, node information."""

GRE_PPP = 0x880B


class Tuple(NamedTuple):
    """One direction of a connection.

    ``src`` and ``dst`` are addresses as numbers; ``sport`` and ``dport`` are the protocol's halves, 16 bits each (0
    where it has none). For ICMP ``sport`` is the identifier and ``dport`` holds type and code.
    """

    family: Family
    src: int
    dst: int
    protocol: int
    sport: int
    dport: int

    @property
    def icmp_type(self) -> int:
        """The type of an ICMP or ICMPv6 message."""
        return self.dport >> 8

    @property
    def icmp_code(self) -> int:
        """The code of an ICMP or ICMPv6 message."""
        return self.dport & 255


def invert(tup: Tuple) -> Tuple | None:
    """The tuple of an answer; None for an ICMP message that has no answer."""
    family, src, dst, protocol, sport, dport = tup
    if protocol in (ICMP, ICMPV6):
        answer = (ICMP_INVERSE if protocol == ICMP else ICMPV6_INVERSE).get(dport >> 8)
        return None if answer is None else Tuple(family, dst, src, protocol, sport, answer << 8 | dport & 255)
    return Tuple(family, dst, src, protocol, dport, sport)


def inverse(tup: Tuple) -> Tuple:
    """The inverse of a tuple that belongs to an entry, and so has one."""
    found = invert(tup)
    if found is None:
        raise ValueError(f"{tup} has no inverse")
    return found


def transport_at(data: bytes | bytearray, nhoff: int, family: Family) -> tuple[int, int] | None:
    """Protocol and transport offset of the IP packet at ``nhoff``; None where conntrack finds none.

    That is: later fragments, headers that do not fit, IPv6's "no next header". Source: ipv4_get_l4proto and
    ipv6_get_l4proto.
    """
    if family is Family.IPV4:
        if len(data) < nhoff + 20 or data[nhoff + 6] & 0x1F or data[nhoff + 7]:
            return None
        at = nhoff + (data[nhoff] & 15) * 4
        return None if at > len(data) else (data[nhoff + 9], at)
    if len(data) < nhoff + 40:
        return None
    following, at = data[nhoff + 6], nhoff + 40
    while following in (0, 43, 44, 51, 59, 60):
        if following == 59 or at + 2 > len(data):
            return None
        if following == 44:
            if at + 4 > len(data) or data[at + 2] or data[at + 3] & 0xF8:
                return None
            size = 8
        else:
            size = (data[at + 1] + 2) * 4 if following == 51 else (data[at + 1] + 1) * 8
        following, at = data[at], at + size
    return following, at


def halves(data: bytes | bytearray, at: int, protocol: int, ported: frozenset[int] = PORTS) -> tuple[int, int] | None:
    """The protocol's two halves, read at the transport header; None when it is too short or not trackable."""
    if protocol in ported:
        if len(data) < at + 4:
            return None
        return data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]
    if protocol in (ICMP, ICMPV6):
        if len(data) < at + 8:
            return None
        return data[at + 4] << 8 | data[at + 5], data[at] << 8 | data[at + 1]
    if protocol == GRE:
        return _gre_halves(data, at)
    return 0, 0


def _gre_halves(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """The call identifier of PPTP's GRE (version 1); 0 for all other GRE."""
    if len(data) < at + 8 or data[at + 1] & 7 != 1:
        return 0, 0
    if data[at + 2] << 8 | data[at + 3] != GRE_PPP:
        return None
    return 0, data[at + 6] << 8 | data[at + 7]


def tuple_at(data: bytes | bytearray, nhoff: int, family: Family, ported: frozenset[int] = PORTS) -> Tuple | None:
    """The tuple of the IP packet at ``nhoff`` (the one inside an ICMP error), or None."""
    found = transport_at(data, nhoff, family)
    if found is None:
        return None
    protocol, at = found
    both = halves(data, at, protocol, ported)
    if both is None:
        return None
    first, size = (nhoff + 12, 4) if family is Family.IPV4 else (nhoff + 8, 16)
    src = int.from_bytes(data[first : first + size], "big")
    dst = int.from_bytes(data[first + size : first + 2 * size], "big")
    return Tuple(family, src, dst, protocol, *both)
