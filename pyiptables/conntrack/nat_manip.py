"""Rewriting packets: one side's address and port, every checksum kept right.

A checksum is changed by what changed under it, as the kernel does it, so that a wrong one stays wrong by as much: an
error on the way in must not be hidden. Only SCTP's is computed anew.

Source: net/netfilter/nf_nat_proto.c, include/net/checksum.h.
"""

from __future__ import annotations

from pyiptables.conntrack.entry import NAT_DONE_MASK, NAT_MASK, Entry, direction
from pyiptables.conntrack.nat_range import Manip
from pyiptables.conntrack.tuples import (
    DCCP,
    GRE,
    ICMP,
    ICMP_INVERSE,
    ICMPV6,
    SCTP,
    TCP,
    UDP,
    UDPLITE,
    Tuple,
    inverse,
    transport_at,
)
from pyiptables.conntrack.validity import sctp_checksum, transport_valid
from pyiptables.hooks import Family
from pyiptables.packet.checksum import checksum, pseudo_sum
from pyiptables.packet.skb import Skb

Change = tuple[bytes, bytes]
"""What an address was, and what it becomes."""

_PORTED = {TCP: (20, 16), UDP: (8, 6), UDPLITE: (8, 6), DCCP: (12, 6)}
"""Protocols with ports: the size of the header, and where its checksum stands."""


def status_bit(manip: Manip, way: int) -> int:
    """The status bit that says whether packets of that direction are changed on that side (SRC_NAT or DST_NAT)."""
    bit = 16 if manip is Manip.SRC else 32
    return bit ^ NAT_MASK if way else bit


def manip_packet(skb: Skb, entry: Entry, manip: Manip) -> bool:
    """Make one side of the packet what the other direction's tuple expects (nf_nat_manip_pkt); False: drop it."""
    way = direction(skb.ctinfo)
    done = _manip_at(skb.data, 0, inverse(entry.tuple(1 - way)), manip)
    if done:
        skb.parse()
    return done


def replace_sum(check: int, old: bytes, new: bytes) -> int:
    """A checksum after ``old`` became ``new`` (both of even length, at even places); never 0xFFFF (csum_replace4)."""
    # 2**16 is 1 modulo 0xFFFF, so a number modulo 0xFFFF is the one's complement sum of its words.
    rest = ((check ^ 0xFFFF) - int.from_bytes(old, "big") + int.from_bytes(new, "big")) % 0xFFFF
    return (rest or 0xFFFF) ^ 0xFFFF


def _manip_at(data: bytearray, nhoff: int, target: Tuple, manip: Manip) -> bool:
    """Change the packet whose IP header is at ``nhoff`` (the one inside an ICMP error, say)."""
    four = target.family is Family.IPV4
    size, first = (4, nhoff + 12) if four else (16, nhoff + 8)
    if len(data) < nhoff + (20 if four else 40):
        return False
    at = first if manip is Manip.SRC else first + size
    new = (target.src if manip is Manip.SRC else target.dst).to_bytes(size, "big")
    old = bytes(data[at : at + size])
    if four:
        transport: int | None = nhoff + (data[nhoff] & 15) * 4
    else:
        found = transport_at(data, nhoff, Family.IPV6)  # none in a later fragment: the address alone is changed
        transport = None if found is None else found[1]
    if transport is not None and not _manip_transport(data, transport, target, manip, (old, new)):
        return False
    data[at : at + size] = new
    if four:
        _put_sum(data, nhoff + 10, replace_sum(_word(data, nhoff + 10), old, new))
    return True


def _manip_transport(data: bytearray, at: int, target: Tuple, manip: Manip, change: Change) -> bool:
    """Change the transport header at ``at``, the address changing as said; False when it is too short."""
    protocol = target.protocol
    if protocol in _PORTED:
        if protocol == DCCP and not (target.sport or target.dport):
            return True  # no tracker, so its ports are not known
        return _manip_ports(data, at, target, manip, change)
    if protocol == SCTP:
        return _manip_sctp(data, at, target, manip)
    if protocol == ICMP:
        return _manip_id(data, at, target, None, frozenset(ICMP_INVERSE))
    if protocol == ICMPV6:
        return _manip_id(data, at, target, change, frozenset({128, 129}))
    return _manip_gre(data, at, target, manip) if protocol == GRE else True


def _manip_ports(data: bytearray, at: int, target: Tuple, manip: Manip, change: Change) -> bool:
    """Change a port. Inside an ICMP error only 8 bytes are sure to be there, and the checksum may not be among them."""
    size, check_at = _PORTED[target.protocol]
    if len(data) < at + 8:
        return False
    place = at if manip is Manip.SRC else at + 2
    port = (target.sport if manip is Manip.SRC else target.dport).to_bytes(2, "big")
    check = _word(data, at + check_at) if len(data) >= at + size else 0
    if len(data) >= at + size and (check or target.protocol != UDP):  # UDP may go without one
        check = replace_sum(replace_sum(check, *change), bytes(data[place : place + 2]), port)
        _put_sum(data, at + check_at, check or (0xFFFF if target.protocol in (UDP, UDPLITE) else 0))
    data[place : place + 2] = port
    return True


def _manip_sctp(data: bytearray, at: int, target: Tuple, manip: Manip) -> bool:
    """Change a port of SCTP, and compute its checksum anew, where it is there."""
    if len(data) < at + 8:
        return False
    place, port = (at, target.sport) if manip is Manip.SRC else (at + 2, target.dport)
    data[place : place + 2] = port.to_bytes(2, "big")
    if len(data) >= at + 12:
        data[at + 8 : at + 12] = sctp_checksum(data, at)
    return True


def _manip_id(data: bytearray, at: int, target: Tuple, change: Change | None, kinds: frozenset[int]) -> bool:
    """Change the identifier of an ICMP question or answer; the address counts in ICMPv6's checksum only."""
    if len(data) < at + 8:
        return False
    check = replace_sum(_word(data, at + 2), *change) if change else _word(data, at + 2)
    if data[at] in kinds:
        identifier = target.sport.to_bytes(2, "big")
        check = replace_sum(check, bytes(data[at + 4 : at + 6]), identifier)
        data[at + 4 : at + 6] = identifier
    _put_sum(data, at + 2, check)
    return True


def _manip_gre(data: bytearray, at: int, target: Tuple, manip: Manip) -> bool:
    """Change the call identifier of PPTP's GRE; plain GRE has nothing to change."""
    if len(data) < at + 8:
        return False
    version = data[at + 1] & 7
    if manip is Manip.DST and version == 1:
        data[at + 6 : at + 8] = target.dport.to_bytes(2, "big")
    return manip is Manip.SRC or version <= 1


def translate_error(skb: Skb, entry: Entry, manip: Manip) -> bool:
    """Undo, inside an ICMP error, what NAT did to the packet that it is about, and change the error's own address.

    False: drop it (its checksum is wrong, it is cut short, or it is a redirect for a connection under NAT).
    Source: nf_nat_icmp_reply_translation and nf_nat_icmpv6_reply_translation.
    """
    data, at = skb.data, skb.thoff
    four = skb.family is Family.IPV4
    protocol = ICMP if four else ICMPV6
    if len(data) < at + 8 + (20 if four else 40) or not transport_valid(skb, protocol):
        return False
    status = entry.status
    redirect = data[at] == (5 if four else 137)
    if redirect and (status & NAT_DONE_MASK != NAT_DONE_MASK or status & NAT_MASK):
        return False
    way = direction(skb.ctinfo)
    if not status & status_bit(manip, way):
        return True
    other = entry.tuple(1 - way)
    if not _manip_at(data, at + 8, other, Manip.DST if manip is Manip.SRC else Manip.SRC):
        return False
    data[at + 2 : at + 4] = b"\0\0"
    total = 0 if four else pseudo_sum(bytes(data[8:24]), bytes(data[24:40]), ICMPV6, len(data) - at)
    _put_sum(data, at + 2, checksum(data[at:], total))
    if not _manip_at(data, 0, inverse(other)._replace(protocol=protocol), manip):
        return False
    skb.parse()
    return True


def _word(data: bytearray, at: int) -> int:
    """The 16 bits at ``at``."""
    return data[at] << 8 | data[at + 1]


def _put_sum(data: bytearray, at: int, value: int) -> None:
    """Put 16 bits."""
    data[at], data[at + 1] = value >> 8, value & 255
