"""The ordinary segments of a TCP connection, each tracked in one stride.

Most segments are alike: they lie inside both windows, and nothing but numbers moves. For those of an open connection
:func:`stride` does what :func:`pyiptables.conntrack.tcp.tcp_packet` would do, on plain numbers. :func:`advance` does it
for segments that may open or close the connection as well, and :func:`answer` for the SYN/ACK. Of any other segment they
say so, having changed nothing, and the tracker is asked. Property tests hold both equal.

Source: nf_conntrack_proto_tcp.c, as :mod:`pyiptables.conntrack.tcp` and :mod:`pyiptables.conntrack.tcp_window`.
"""

from __future__ import annotations

from typing import NamedTuple

from pyiptables.conntrack.entry import (
    ASSURED,
    CONFIRMED,
    DYING,
    FIXED_TIMEOUT,
    OWN_TIMES,
    SECOND,
    SEEN_REPLY,
    Entry,
    Status,
)
from pyiptables.conntrack.settings import Settings
from pyiptables.conntrack.tcp_states import (
    ACK_SET,
    FIN_SET,
    MAX_RETRANS,
    SYN_SET,
    SYNACK_SET,
    TRANSITIONS,
    UNACKNOWLEDGED,
    TcpState,
)
from pyiptables.conntrack.tcp_window import (
    CLOSE_INIT,
    DATA_UNACKNOWLEDGED,
    MAXACK_SET,
    MAXACKWINDOW,
    SACK_PERM,
    End,
    Segment,
    Tcp,
    highest_sack,
    in_window,
)

WORD, SIGN = 0xFFFFFFFF, 0x80000000
SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT, TIME_WAIT = 1, 2, 3, 4, 7
FIN, PSH, ACK, SYN_ACK = 1, 8, 16, 18
OPEN = CONFIRMED | SEEN_REPLY | ASSURED
SPECIAL = (
    FIXED_TIMEOUT | DYING | OWN_TIMES | int(Status.SEQ_ADJUST | Status.HELPER | Status.TEMPLATE | Status.NAT_CLASH)
)
KINDS = {ACK: ACK_SET, ACK | PSH: ACK_SET, ACK | FIN: FIN_SET, ACK | FIN | PSH: FIN_SET}
"""The kinds of the segments that :func:`advance` may take, by their flags."""
ADVANCED = frozenset({ESTABLISHED, FIN_WAIT, int(TcpState.CLOSE_WAIT), int(TcpState.LAST_ACK), TIME_WAIT})
"""The states that it may lead to."""


class Pace(NamedTuple):
    """What the settings give a connection, in nanoseconds: by state, and at most with data unacknowledged or no window.

    ``open`` and ``open_unacknowledged`` are those of an open one.
    """

    times: tuple[int, ...]
    unacknowledged: int
    windowless: int
    open: int
    open_unacknowledged: int

    @classmethod
    def of(cls, settings: Settings) -> Pace | None:
        """None where the settings are such that no segment is common."""
        if settings.tcp_max_retrans < 1:
            return None
        times = tuple(settings.tcp[state] * SECOND for state in TcpState)
        most = settings.tcp[UNACKNOWLEDGED] * SECOND
        windowless = settings.tcp[MAX_RETRANS] * SECOND
        return cls(times, most, windowless, times[ESTABLISHED], min(times[ESTABLISHED], most))


def may_stride(entry: Entry) -> bool:
    """Whether the entry is one whose segments may be common."""
    return entry.status & (OPEN | SPECIAL) == OPEN and entry.proto.state == ESTABLISHED


def stride(entry: Entry, way: int, seq: int, end: int, ack: int, window: int, now: int, pace: Pace) -> bool:
    """Track a segment with ACK and without SYN, FIN, RST and SACK, of an entry that may stride.

    The numbers are its sequence number, the one behind it, its acknowledgement and its window field; ``way`` is 0 for the
    original direction. False, and nothing changed, where the segment is not a common one.
    """
    tcp: Tcp = entry.proto
    sender, receiver = tcp.ends if not way else (tcp.ends[1], tcp.ends[0])
    reserve = receiver.maxwin
    if tcp.state != ESTABLISHED or not (window and sender.maxwin and reserve):
        return False
    waited = receiver.end
    if seq == sender.end and reserve < 0x40000000:  # in order: neither bound of the data can be broken but the upper
        beyond = sender.maxend - end & SIGN
        if beyond and seq - sender.maxend - 1 & SIGN == 0:
            return False
    else:
        beyond = sender.maxend - end & SIGN
        if seq - sender.maxend - 1 & SIGN == 0 or sender.end - reserve - 1 - end & SIGN == 0:
            return False
    if ack != waited and (
        ack - waited - 1 & SIGN == 0 or waited - max(sender.maxwin, MAXACKWINDOW) - 1 - ack & SIGN == 0
    ):
        return False
    if (
        tcp.last_seq == seq
        and tcp.last_direction == way
        and tcp.last_ack == ack
        and tcp.last_end == end
        and tcp.last_window == window
    ):
        return False
    allowed = window << sender.scale
    sender.maxwin = max(sender.maxwin, allowed)
    flags = sender.flags
    if sender.end != end and sender.end - end & SIGN:
        sender.end = end
        flags |= DATA_UNACKNOWLEDGED
    if (ack != sender.maxack and sender.maxack - ack & SIGN) or not flags & MAXACK_SET:
        sender.maxack = ack
        flags |= MAXACK_SET
    sender.flags = flags
    if beyond:
        receiver.maxwin = reserve + end - sender.maxend & WORD
    allowed = ack + allowed & WORD
    if receiver.maxend != allowed and receiver.maxend - 1 - allowed & SIGN:
        receiver.maxend = allowed
    if ack == waited:
        receiver.flags &= ~DATA_UNACKNOWLEDGED
    tcp.last_direction, tcp.last_seq, tcp.last_ack, tcp.last_end, tcp.last_window = way, seq, ack, end, window
    tcp.last_kind, tcp.retrans = ACK_SET, 0
    held = (flags | receiver.flags) & DATA_UNACKNOWLEDGED
    entry.timeout = now + (pace.open_unacknowledged if held else pace.open)
    return True


def status_after(entry: Entry, way: int, flags: int) -> int | None:
    """The entry's status once :func:`advance` or :func:`answer` has taken a segment; None where neither would."""
    status, state = entry.status, entry.proto.state
    if status & (CONFIRMED | SPECIAL) != CONFIRMED:
        return None
    if flags == SYN_ACK:
        return status | SEEN_REPLY if way and state == SYN_SENT else None
    kind = KINDS.get(flags)
    if kind is None or not status & SEEN_REPLY:
        return None
    new = TRANSITIONS[way][kind][state]
    if new not in ADVANCED:
        return None
    return status | ASSURED if new == ESTABLISHED and state in (SYN_RECV, ESTABLISHED) else status


def advance(entry: Entry, way: int, segment: Segment, now: int, pace: Pace) -> bool:
    """Track a segment without SYN, RST and SACK, whose flags are those that :func:`status_after` answers for.

    False, and nothing changed, where it is not an ordinary one.
    """
    seq, ack, end, window, _, kind, _ = segment
    tcp: Tcp = entry.proto
    sender, receiver = tcp.ends[way], tcp.ends[1 - way]
    old, new = tcp.state, TRANSITIONS[way][kind][tcp.state]
    if not (window and sender.maxwin and receiver.maxwin) or (new == TIME_WAIT and tcp.last_kind == SYN_SET):
        return False
    if (
        seq - sender.maxend - 1 & SIGN == 0
        or ack - receiver.end - 1 & SIGN == 0
        or sender.end - receiver.maxwin - 1 - end & SIGN == 0
        or receiver.end - max(sender.maxwin, MAXACKWINDOW) - 1 - ack & SIGN == 0
    ):
        return False
    mine = way, seq, ack, end, window
    if kind == ACK_SET:
        if (tcp.last_direction, tcp.last_seq, tcp.last_ack, tcp.last_end, tcp.last_window) == mine:
            return False
        tcp.last_direction, tcp.last_seq, tcp.last_ack, tcp.last_end, tcp.last_window = mine
        tcp.retrans = 0
    elif tcp.retrans:
        return False
    _move(sender, receiver, segment)
    tcp.last_kind, tcp.last_direction, tcp.state = kind, way, new
    if old != new == FIN_WAIT:
        sender.flags |= CLOSE_INIT
    if new == ESTABLISHED and old in (SYN_RECV, ESTABLISHED):
        entry.status |= ASSURED
    entry.timeout = now + _time(tcp, new, pace)
    return True


def _move(sender: End, receiver: End, segment: Segment) -> None:
    """Move the windows by a segment inside them that has ACK and no SACK."""
    window = segment.window << sender.scale
    sender.maxwin = max(sender.maxwin, window)
    if sender.end - segment.end & SIGN:
        sender.end = segment.end
        sender.flags |= DATA_UNACKNOWLEDGED
    if not sender.flags & MAXACK_SET or sender.maxack - segment.ack & SIGN:
        sender.maxack = segment.ack
        sender.flags |= MAXACK_SET
    if sender.maxend - segment.end & SIGN:
        receiver.maxwin = receiver.maxwin + segment.end - sender.maxend & WORD
    allowed = segment.ack + window & WORD
    if receiver.maxend - 1 - allowed & SIGN:
        receiver.maxend = allowed
    if segment.ack == receiver.end:
        receiver.flags &= ~DATA_UNACKNOWLEDGED


def _time(tcp: Tcp, state: int, pace: Pace) -> int:
    """The nanoseconds that the state gets, as long as nothing was retransmitted."""
    regular = pace.times[state]
    if (tcp.ends[0].flags | tcp.ends[1].flags) & DATA_UNACKNOWLEDGED and regular > pace.unacknowledged:
        return pace.unacknowledged
    return pace.windowless if not tcp.last_window and regular > pace.windowless else regular


def answer(entry: Entry, segment: Segment, now: int, pace: Pace, liberal: bool) -> bool:
    """Track the first SYN/ACK, without data, that acknowledges the SYN of an entry in SYN_SENT; the status stays.

    False, and nothing changed, where it is not an ordinary one.
    """
    tcp: Tcp = entry.proto
    opener, other = tcp.ends
    if tcp.state != SYN_SENT or other.maxwin or tcp.retrans or not opener.maxwin or segment.ack != opener.end:
        return False
    if segment.end != segment.seq + 1 & WORD or not segment.window:
        return False
    if opener.flags & SACK_PERM and segment.options and highest_sack(segment.options, segment.ack) != segment.ack:
        return False
    in_window(tcp, 1, segment, liberal)
    tcp.last_kind, tcp.last_direction, tcp.state = SYNACK_SET, 1, SYN_RECV
    entry.timeout = now + _time(tcp, SYN_RECV, pace)
    return True
