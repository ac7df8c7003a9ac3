"""Whether a TCP segment lies in the windows that both ends have announced.

For each end we keep what it has sent and allowed:

    end     the highest sequence number that it has sent, plus one
    maxend  the highest that the other end has allowed it to send
    maxwin  the largest window that it has announced
    maxack  the highest acknowledgement that it has sent

A segment from the sender is in the window when
    I    it does not begin beyond what the receiver allowed:  seq <= sender.maxend
    II   it does not lie wholly in the past:                  end >= sender.end - receiver.maxwin
    III  it acknowledges nothing that was never sent:         sack <= receiver.end
    IV   nor something from long ago:                         sack >= receiver.end - max(sender.maxwin, 66000)
Breaking I (by far) or III makes it INVALID; breaking the others lets it pass without being believed. Where we joined in
the middle, or the administrator said so (tcp_be_liberal), nothing is held against it.

Source: tcp_in_window in net/netfilter/nf_conntrack_proto_tcp.c, after Guido van Rooij, "Real Stateful TCP Packet
Filtering in IP Filter"; RFC 7323 (scaling), RFC 2018 (SACK).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from pyiptables.conntrack.tcp_states import ACK_SET, FIN_SET, NONE_SET, RST_SET, SYN_SET, SYNACK_SET, TcpState
from pyiptables.conntrack.tuples import REPLY
from pyiptables.packet.skb import Skb

FIN, SYN, RST, ACK = 1, 2, 4, 16

WINDOW_SCALE, SACK_PERM, CLOSE_INIT, BE_LIBERAL = 0x01, 0x02, 0x04, 0x08
DATA_UNACKNOWLEDGED, MAXACK_SET, CHALLENGE_ACK, SIMULTANEOUS_OPEN = 0x10, 0x20, 0x40, 0x80
"""Flags of an end or of the last segment (IP_CT_TCP_FLAG_*, IP_CT_EXP_CHALLENGE_ACK, IP_CT_TCP_SIMULTANEOUS_OPEN)."""

MAXACKWINDOW = 66_000
_WORD = 0xFFFFFFFF
_HEADER = struct.Struct(">HHIIBBH")


class Segment(NamedTuple):
    """What tracking needs of a segment; ``end`` is the sequence number behind it, SYN and FIN counting one each."""

    seq: int
    ack: int
    end: int
    window: int
    flags: int
    kind: int
    options: bytes


class End:
    """What one end has sent and allowed (struct ip_ct_tcp_state)."""

    __slots__ = ("end", "flags", "maxack", "maxend", "maxwin", "scale")

    def __init__(self) -> None:
        self.end = self.maxend = self.maxwin = self.maxack = self.scale = self.flags = 0


class Tcp:
    """A connection's TCP state (struct ip_ct_tcp): the ends by direction, and the last segment that mattered."""

    __slots__ = (
        "ends",
        "last_ack",
        "last_direction",
        "last_end",
        "last_flags",
        "last_kind",
        "last_scale",
        "last_seq",
        "last_window",
        "retrans",
        "state",
    )

    def __init__(self, state: int = TcpState.NONE) -> None:
        self.state = state
        self.ends = (End(), End())
        self.last_direction = self.last_kind = self.retrans = self.last_flags = self.last_scale = 0
        self.last_seq = self.last_ack = self.last_end = self.last_window = 0


class Action(Enum):
    """What the windows say: believe it, let it pass unbelieved, or it is INVALID."""

    ACCEPT = 0
    IGNORE = 1
    INVALID = 2


def read_segment(skb: Skb) -> Segment | None:
    """The segment, or None when its header is cut short or says that it is."""
    data, at = skb.data, skb.thoff
    length = len(data) - at
    if length < 20:
        return None
    _, _, seq, ack, offset, flags, window = _HEADER.unpack_from(data, at)
    header = (offset >> 4) * 4
    if header < 20 or length < header:
        return None
    end = seq + length - header + (flags >> 1 & 1) + (flags & 1) & _WORD
    if flags & RST:
        kind = RST_SET
    elif flags & SYN:
        kind = SYNACK_SET if flags & ACK else SYN_SET
    elif flags & FIN:
        kind = FIN_SET
    else:
        kind = ACK_SET if flags & ACK else NONE_SET
    return Segment(seq, ack, end, window, flags, kind, bytes(data[at + 20 : at + header]))


def before(one: int, other: int) -> bool:
    """Whether one sequence number lies before another, around the wrap."""
    return one - other & 0x80000000 != 0


def _options(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """The options, kind and value, up to the first that is broken."""
    at = 0
    while at < len(raw):
        kind = raw[at]
        if kind == 0:
            return
        if kind == 1:
            at += 1
            continue
        if at + 2 > len(raw) or raw[at + 1] < 2 or at + raw[at + 1] > len(raw):
            return
        yield kind, raw[at + 2 : at + raw[at + 1]]
        at += raw[at + 1]


def read_options(end: End, raw: bytes) -> None:
    """Note the window scale and whether SACK is allowed, as a SYN says."""
    if not raw:
        return
    end.scale = 0
    end.flags &= BE_LIBERAL
    for kind, value in _options(raw):
        if kind == 4 and not value:
            end.flags |= SACK_PERM
        elif kind == 3 and len(value) == 1:
            end.scale = min(value[0], 14)
            end.flags |= WINDOW_SCALE


def highest_sack(raw: bytes, sack: int) -> int:
    """The highest right edge of the SACK blocks, or the acknowledgement itself."""
    for kind, value in _options(raw):
        if kind == 5 and value and len(value) % 8 == 0:
            for at in range(4, len(value), 8):
                edge = int.from_bytes(value[at : at + 4], "big")
                if before(sack, edge):
                    sack = edge
            break
    return sack


def _begin(sender: End, receiver: End, segment: Segment, direction: int) -> None:
    """Start an end's windows from its SYN; scaling counts only where both ends offer it."""
    sender.end = sender.maxend = segment.end
    sender.maxwin = segment.window or 1
    read_options(sender, segment.options)
    if direction == REPLY and not sender.flags & receiver.flags & WINDOW_SCALE:
        sender.scale = receiver.scale = 0


def _join(sender: End, receiver: End, segment: Segment, sack: int) -> None:
    """Start an end's windows from a segment in the middle of a connection."""
    sender.end = segment.end
    sender.maxwin = segment.window << sender.scale or 1
    sender.maxend = segment.end + sender.maxwin & _WORD
    if receiver.maxwin == 0:
        receiver.end = receiver.maxend = sack
    elif sack == receiver.end + 1 & _WORD:  # likely the answer to a keepalive
        receiver.end = sack


def in_window(tcp: Tcp, direction: int, segment: Segment, liberal: bool, shift: int = 0) -> Action:
    """Hold the segment against the windows, and where it is believed move them.

    ``shift`` is by how much the numbers that it acknowledges were shifted on their way to its sender.
    """
    sender, receiver = tcp.ends[direction], tcp.ends[1 - direction]
    flags, sack = segment.flags, segment.ack
    if receiver.flags & SACK_PERM and segment.options:
        sack = highest_sack(segment.options, sack)
    if shift:
        sack = sack - shift & _WORD
        segment = segment._replace(ack=segment.ack - shift & _WORD)

    if sender.maxwin == 0:
        if not flags & SYN:
            _join(sender, receiver, segment, sack)
        else:
            _begin(sender, receiver, segment, direction)
            if not flags & ACK:
                return Action.ACCEPT
    elif flags & SYN and before(sender.end, segment.end) and tcp.state in (TcpState.SYN_SENT, TcpState.SYN_RECV):
        _begin(sender, receiver, segment, direction)
        if direction == REPLY and not flags & ACK:
            return Action.ACCEPT

    if not flags & ACK or (flags & RST and segment.ack == 0):
        sack = receiver.end
        segment = segment._replace(ack=sack)
    if flags & RST and segment.seq == 0 and tcp.state == TcpState.SYN_SENT:
        segment = segment._replace(seq=sender.end, end=sender.end)

    found = _judge(sender, receiver, segment, sack)
    if found is not Action.ACCEPT and not (liberal or sender.flags & BE_LIBERAL):
        return found
    if found is Action.ACCEPT:
        _move(sender, receiver, segment, sack)
        if segment.kind == ACK_SET:
            _count_retransmission(tcp, direction, segment)
    return Action.ACCEPT


def _judge(sender: End, receiver: End, segment: Segment, sack: int) -> Action:
    """The four bounds."""
    seq, end = segment.seq, segment.end
    oldest_ack = receiver.end - max(sender.maxwin, MAXACKWINDOW) - 1 & _WORD
    oldest_data = sender.end - receiver.maxwin - 1 & _WORD
    ack_in_past = not before(oldest_ack, sack)
    ack_in_future = not before(sack, receiver.end + 1 & _WORD)
    if not before(seq, sender.maxend + 1 & _WORD):
        overshot = end - sender.maxend + 1 & _WORD
        near = receiver.maxwin and before(oldest_data, end) and overshot <= receiver.maxwin
        if near and not ack_in_past and not ack_in_future:
            sender.end = end  # so that the acknowledgement of this data will not be out of bounds
            sender.flags |= DATA_UNACKNOWLEDGED
            return Action.IGNORE
        return Action.INVALID
    if ack_in_future:
        return Action.INVALID
    if (receiver.maxwin and not before(oldest_data, end)) or ack_in_past:
        return Action.IGNORE
    return Action.ACCEPT


def _move(sender: End, receiver: End, segment: Segment, sack: int) -> None:
    """Move the windows by a segment that is believed."""
    ack, end = segment.ack, segment.end
    window = segment.window if segment.flags & SYN else segment.window << sender.scale
    sender.maxwin = max(sender.maxwin, window + (sack - ack) & _WORD)
    if before(sender.end, end):
        sender.end = end
        sender.flags |= DATA_UNACKNOWLEDGED
    if segment.flags & ACK and (not sender.flags & MAXACK_SET or before(sender.maxack, ack)):
        sender.maxack = ack
        sender.flags |= MAXACK_SET
    if receiver.maxwin and before(sender.maxend, end):
        receiver.maxwin = receiver.maxwin + end - sender.maxend & _WORD
    allowed = sack + window & _WORD
    if before(receiver.maxend - 1 & _WORD, allowed):
        receiver.maxend = allowed + (window == 0) & _WORD
    if ack == receiver.end:
        receiver.flags &= ~DATA_UNACKNOWLEDGED


def _count_retransmission(tcp: Tcp, direction: int, segment: Segment) -> None:
    """Count segments that are the last one over again; a new one starts the count anew."""
    mine = direction, segment.seq, segment.ack, segment.end, segment.window
    if (tcp.last_direction, tcp.last_seq, tcp.last_ack, tcp.last_end, tcp.last_window) == mine:
        tcp.retrans += 1
        return
    tcp.last_direction, tcp.last_seq, tcp.last_ack, tcp.last_end, tcp.last_window = mine
    tcp.retrans = 0
