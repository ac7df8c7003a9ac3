"""The common segment of an open TCP connection, tracked in one stride.

Most segments are alike: the connection is open and assured, the segment carries data or an acknowledgement inside both
windows, and nothing but numbers moves. For those, :func:`stride` does what :func:`pyiptables.conntrack.tcp.tcp_packet`
would do, on plain numbers; of any other segment it says so, having changed nothing, and the tracker is asked. A property
test holds both equal.

Source: nf_conntrack_proto_tcp.c, as :mod:`pyiptables.conntrack.tcp` and :mod:`pyiptables.conntrack.tcp_window`.
"""

from __future__ import annotations

from typing import NamedTuple

from pyiptables.conntrack.entry import ASSURED, CONFIRMED, FIXED_TIMEOUT, SECOND, SEEN_REPLY, Entry, Status
from pyiptables.conntrack.settings import Settings
from pyiptables.conntrack.tcp_states import ACK_SET, UNACKNOWLEDGED, TcpState
from pyiptables.conntrack.tcp_window import DATA_UNACKNOWLEDGED, MAXACK_SET, MAXACKWINDOW, Tcp

WORD, SIGN = 0xFFFFFFFF, 0x80000000
ESTABLISHED = int(TcpState.ESTABLISHED)
OPEN = CONFIRMED | SEEN_REPLY | ASSURED
SPECIAL = FIXED_TIMEOUT | int(Status.SEQ_ADJUST | Status.HELPER)


class Pace(NamedTuple):
    """What the settings give an open connection, in nanoseconds: all of its time, and that with data unacknowledged."""

    open: int
    unacknowledged: int

    @classmethod
    def of(cls, settings: Settings) -> Pace | None:
        """None where the settings are such that no segment is common."""
        if settings.tcp_max_retrans < 1:
            return None
        whole = settings.tcp[ESTABLISHED]
        return cls(whole * SECOND, min(whole, settings.tcp[UNACKNOWLEDGED]) * SECOND)


def may_stride(entry: Entry) -> bool:
    """Whether the entry is one whose segments may be common."""
    return entry.status & (OPEN | SPECIAL) == OPEN and entry.proto.state == ESTABLISHED


def stride(entry: Entry, way: int, seq: int, end: int, ack: int, window: int, now: int, pace: Pace) -> bool:
    """Track a segment with ACK and without SYN, FIN, RST and SACK, of an entry that may stride.

    The numbers are its sequence number, the one behind it, its acknowledgement and its window field; ``way`` is 0 for the
    original direction. False, and nothing changed, where the segment is not a common one.
    """
    tcp: Tcp = entry.proto
    sender, receiver = tcp.ends[way], tcp.ends[1 - way]
    if tcp.state != ESTABLISHED or not (window and sender.maxwin and receiver.maxwin):
        return False
    if (
        seq - sender.maxend - 1 & SIGN == 0
        or ack - receiver.end - 1 & SIGN == 0
        or sender.end - receiver.maxwin - 1 - end & SIGN == 0
        or receiver.end - max(sender.maxwin, MAXACKWINDOW) - 1 - ack & SIGN == 0
    ):
        return False
    mine = way, seq, ack, end, window
    if (tcp.last_direction, tcp.last_seq, tcp.last_ack, tcp.last_end, tcp.last_window) == mine:
        return False
    window <<= sender.scale
    sender.maxwin = max(sender.maxwin, window)
    if sender.end - end & SIGN:
        sender.end = end
        sender.flags |= DATA_UNACKNOWLEDGED
    if not sender.flags & MAXACK_SET or sender.maxack - ack & SIGN:
        sender.maxack = ack
        sender.flags |= MAXACK_SET
    if sender.maxend - end & SIGN:
        receiver.maxwin = receiver.maxwin + end - sender.maxend & WORD
    allowed = ack + window & WORD
    if receiver.maxend - 1 - allowed & SIGN:
        receiver.maxend = allowed
    if ack == receiver.end:
        receiver.flags &= ~DATA_UNACKNOWLEDGED
    tcp.last_direction, tcp.last_seq, tcp.last_ack, tcp.last_end, tcp.last_window = mine
    tcp.last_kind, tcp.retrans = ACK_SET, 0
    held = (sender.flags | receiver.flags) & DATA_UNACKNOWLEDGED
    entry.timeout = now + (pace.unacknowledged if held else pace.open)
    return True
