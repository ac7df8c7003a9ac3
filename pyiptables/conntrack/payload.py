"""Replacing part of a packet's payload: lengths, checksums, and the sequence numbers to come.

The transport checksum is computed anew, so that one that was wrong is right afterwards.

Source: net/netfilter/nf_nat_helper.c, nf_nat_csum_recalc in nf_nat_proto.c.
"""

from __future__ import annotations

from pyiptables.conntrack.entry import Entry, direction
from pyiptables.conntrack.seqadj import record
from pyiptables.conntrack.tuples import TCP, UDP
from pyiptables.hooks import Family
from pyiptables.packet.checksum import checksum, pseudo_sum
from pyiptables.packet.skb import Skb

LARGEST = 65535


def mangle_tcp(skb: Skb, entry: Entry, at: int, size: int, new: bytes, *, adjust: bool = True) -> bool:
    """Replace ``size`` bytes at ``at`` of a segment's payload (nf_nat_mangle_tcp_packet); False: it would be too long.

    With ``adjust`` a change in length shifts the numbers of the segments that follow.
    """
    header = (skb.data[skb.thoff + 12] >> 4) * 4
    if not _replace(skb, skb.thoff + header + at, size, new):
        return False
    _sum(skb, TCP, 16)
    if adjust and len(new) != size:
        seq = int.from_bytes(skb.data[skb.thoff + 4 : skb.thoff + 8], "big")
        record(entry, direction(skb.ctinfo), seq, len(new) - size)
    return True


def mangle_udp(skb: Skb, at: int, size: int, new: bytes) -> bool:
    """The same for a datagram (nf_nat_mangle_udp_packet); one without checksum stays without."""
    if not _replace(skb, skb.thoff + 8 + at, size, new):
        return False
    length = len(skb.data) - skb.thoff
    skb.data[skb.thoff + 4 : skb.thoff + 6] = length.to_bytes(2, "big")
    if skb.data[skb.thoff + 6] or skb.data[skb.thoff + 7]:
        _sum(skb, UDP, 6)
    return True


def _replace(skb: Skb, at: int, size: int, new: bytes) -> bool:
    """Put the bytes, and the length into the network header."""
    if len(skb.data) + len(new) - size > LARGEST:
        return False
    data = skb.data
    data[at : at + size] = new
    if skb.family is Family.IPV4:
        data[2:4] = len(data).to_bytes(2, "big")
        data[10:12] = b"\0\0"
        data[10:12] = checksum(data[: skb.ihl]).to_bytes(2, "big")
    else:
        data[4:6] = (len(data) - 40).to_bytes(2, "big")
    return True


def _sum(skb: Skb, protocol: int, place: int) -> None:
    """Compute the transport checksum, which is never 0 (skb_checksum_help)."""
    data, at = skb.data, skb.thoff
    data[at + place : at + place + 2] = b"\0\0"
    first, size = (12, 4) if skb.family is Family.IPV4 else (8, 16)
    source, destination = bytes(data[first : first + size]), bytes(data[first + size : first + 2 * size])
    total = pseudo_sum(source, destination, protocol, len(data) - at)
    value = checksum(data[at:], total) or 0xFFFF
    data[at + place : at + place + 2] = value.to_bytes(2, "big")
