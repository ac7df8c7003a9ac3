"""Sequence numbers of connections whose payload changed in length, or whose two halves began with different numbers.

Each direction has a place from which on its numbers are shifted by one amount, before it by another: numbers of that
direction are added to, acknowledgements and SACK blocks of the other are subtracted from. Only the last change is
remembered exactly; what came before it counts as one.

Source: net/netfilter/nf_conntrack_seqadj.c.
"""

from __future__ import annotations

from pyiptables.conntrack.entry import SEQ_ADJUST, Entry, direction
from pyiptables.conntrack.nat_manip import replace_sum
from pyiptables.packet.skb import Skb

WORD = 0xFFFFFFFF
SEQ_AT, ACK_AT, CHECK_AT = 4, 8, 16
HEADER, SACK, SACK_BLOCK = 20, 5, 8


class Offset:
    """The shift of one direction (struct nf_ct_seqadj): ``after`` behind ``position``, ``before`` up to it."""

    __slots__ = ("after", "before", "position")

    def __init__(self) -> None:
        self.position = self.before = self.after = 0

    def at(self, seq: int, shown: int = 0) -> int:
        """The shift at a number; ``shown`` is what the number has been shifted by already."""
        return self.after if _after(seq - shown, self.position) else self.before


Offsets = tuple[Offset, Offset]


def _after(one: int, other: int) -> bool:
    """Whether one number lies behind another, around the wrap."""
    return other - one & 0x80000000 != 0


def offsets(entry: Entry) -> Offsets:
    """The offsets of both directions, made on first use."""
    if entry.seqadj is None:
        entry.seqadj = Offset(), Offset()
    both: Offsets = entry.seqadj
    return both


def begin(entry: Entry, way: int, offset: int) -> None:
    """Shift a whole direction (nf_ct_seqadj_init); 0 changes nothing."""
    if offset & WORD:
        entry.status |= SEQ_ADJUST
        this = offsets(entry)[way]
        this.before = this.after = offset & WORD


def record(entry: Entry, way: int, seq: int, offset: int) -> None:
    """Shift a direction by that much more from a segment on; one sent again changes nothing (nf_ct_seqadj_set)."""
    if not offset & WORD:
        return
    entry.status |= SEQ_ADJUST
    this = offsets(entry)[way]
    if this.before == this.after or _after(seq, this.position):
        this.position = seq
        this.before, this.after = this.after, this.after + offset & WORD


def offset_at(entry: Entry, way: int, seq: int) -> int:
    """The shift of a direction at a number (nf_ct_seq_offset); 0 for most connections."""
    return 0 if entry.seqadj is None else offsets(entry)[way].at(seq & WORD)


def adjust(skb: Skb, entry: Entry) -> bool:
    """Shift the numbers of a segment, its SACK blocks among them (nf_ct_seq_adjust); False: drop it."""
    data, at = skb.data, skb.thoff
    if len(data) < at + HEADER:
        return False
    way = direction(skb.ctinfo)
    both = offsets(entry)
    this, other = both[way], both[1 - way]
    seq, ack = _word(data, at + SEQ_AT), _word(data, at + ACK_AT)
    _put(data, at, at + SEQ_AT, seq + this.at(seq))
    _put(data, at, at + ACK_AT, ack - other.at(ack, other.before))
    return _adjust_sack(data, at, other)


def _adjust_sack(data: bytearray, at: int, other: Offset) -> bool:
    """Shift all SACK blocks; False where the options are broken (nf_ct_sack_adjust)."""
    end = at + (data[at + 12] >> 4) * 4
    if len(data) < end:
        return False
    place = at + HEADER
    while place < end:
        kind = data[place]
        if kind == 0:
            return True
        if kind == 1:
            place += 1
            continue
        if place + 1 == end or data[place + 1] < 2 or place + data[place + 1] > end:
            return False
        size = data[place + 1]
        if kind == SACK and size > 2 and (size - 2) % SACK_BLOCK == 0:
            for edge in range(place + 2, place + size, 4):
                number = _word(data, edge)
                _put(data, at, edge, number - other.at(number, other.before))
        place += size
    return True


def _word(data: bytearray, at: int) -> int:
    """The 32 bits at ``at``."""
    return int.from_bytes(data[at : at + 4], "big")


def _put(data: bytearray, header: int, at: int, value: int) -> None:
    """Put 32 bits, and keep the checksum of the segment whose header is at ``header``; the place may be an odd one."""
    old, new = bytes(data[at : at + 4]), (value & WORD).to_bytes(4, "big")
    data[at : at + 4] = new
    place = header + CHECK_AT
    check = replace_sum(int.from_bytes(data[place : place + 2], "big"), old, new)
    data[place : place + 2] = check.to_bytes(2, "big")
