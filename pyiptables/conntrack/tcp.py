"""Tracking TCP: the table of tcp_states, the windows of tcp_window, and the cases that neither can tell.

Those cases are few, and each has its function below: a connection that is opened again after its end, segments that we
let through without believing them and what their answers teach us, both ends opening at once, the RFC 5961 challenge,
and a RST whose sequence number must be exact.

Source: nf_conntrack_tcp_packet in net/netfilter/nf_conntrack_proto_tcp.c.
"""

from __future__ import annotations

from pyiptables.conntrack.entry import (
    ASSURED,
    CONFIRMED,
    FIXED_TIMEOUT,
    SECOND,
    SEEN_REPLY,
    Entry,
    Outcome,
    Owner,
    settings_of,
)
from pyiptables.conntrack.seqadj import offset_at
from pyiptables.conntrack.settings import Settings
from pyiptables.conntrack.tcp_states import (
    ACK_SET,
    FIN_SET,
    IGNORE,
    INVALID,
    MAX_RETRANS,
    NONE_SET,
    RST_SET,
    SYN_SET,
    SYNACK_SET,
    TRANSITIONS,
    UNACKNOWLEDGED,
    TcpState,
)
from pyiptables.conntrack.tcp_window import (
    BE_LIBERAL,
    CHALLENGE_ACK,
    CLOSE_INIT,
    DATA_UNACKNOWLEDGED,
    MAXACK_SET,
    RST,
    SACK_PERM,
    SIMULTANEOUS_OPEN,
    WINDOW_SCALE,
    Action,
    End,
    Segment,
    Tcp,
    before,
    in_window,
    read_options,
    read_segment,
)
from pyiptables.conntrack.tuples import ORIGINAL, REPLY, TCP
from pyiptables.conntrack.validity import transport_valid
from pyiptables.hooks import Hook
from pyiptables.packet.skb import Skb

SYN_SENT, SYN_RECV, ESTABLISHED, FIN_WAIT = 1, 2, 3, 4
LAST_ACK, TIME_WAIT, CLOSE, SYN_SENT2 = 6, 7, 8, 9

VALID_FLAGS = frozenset({0x02, 0x22, 0x12, 0x04, 0x14, 0x11, 0x31, 0x10, 0x30})
"""Combinations of FIN, SYN, RST, ACK and URG that can be; PSH, ECE and CWR may always stand beside them."""

CLOSING = frozenset({TcpState.FIN_WAIT, TcpState.CLOSE_WAIT, TcpState.LAST_ACK, TcpState.TIME_WAIT, TcpState.CLOSE})
"""States in which an entry may be dropped early, and a RST is believed unseen (tcp_can_early_drop)."""


class Step:
    """One segment's way through the tracker: the state before and after, and whether the windows are asked."""

    __slots__ = ("direction", "entry", "new", "old", "owner", "segment", "tcp", "trusted")

    def __init__(self, owner: Owner, entry: Entry, segment: Segment, direction: int) -> None:
        self.owner, self.entry, self.segment, self.direction = owner, entry, segment, direction
        self.tcp: Tcp = entry.proto
        self.old: int = self.tcp.state
        self.new: int = TRANSITIONS[direction][segment.kind][self.old]
        self.trusted = False

    @property
    def settings(self) -> Settings:
        """The settings whose times count."""
        return settings_of(self.owner, self.entry)

    @property
    def established(self) -> bool:
        """Whether the connection is open and has been answered properly (nf_conntrack_tcp_established)."""
        return self.tcp.state == ESTABLISHED and bool(self.entry.status & ASSURED)


def tcp_packet(owner: Owner, entry: Entry, skb: Skb, hook: Hook, ctinfo: int) -> Outcome:
    """Track a segment of the entry; its state is a :class:`~pyiptables.conntrack.tcp_window.Tcp` in ``entry.proto``."""
    segment = read_segment(skb)
    if segment is None or _broken(owner, segment, skb, hook):
        return Outcome.INVALID
    if not entry.status & CONFIRMED and not _begin(owner, entry, segment):
        return Outcome.INVALID
    step = Step(owner, entry, segment, REPLY if ctinfo >= 3 else ORIGINAL)
    special = _SPECIAL.get(step.new)
    if special is not None:
        outcome = special(step)
        if outcome is not None:
            return outcome
    if not step.trusted:
        shift = offset_at(entry, 1 - step.direction, segment.ack - 1) if entry.seqadj is not None else 0
        action = in_window(step.tcp, step.direction, segment, owner.settings.tcp_be_liberal, shift)
        if action is Action.IGNORE:
            return Outcome.ACCEPT
        if action is Action.INVALID:
            _shorten(step)
            return Outcome.INVALID
    return _settle(step, ctinfo, len(skb.data))


def _broken(owner: Owner, segment: Segment, skb: Skb, hook: Hook) -> bool:
    """A wrong checksum (asked for only where the packet comes in), or flags that cannot stand together (tcp_error)."""
    if owner.settings.checksum and hook is Hook.PREROUTING and not transport_valid(skb, TCP):
        return True
    return segment.flags & 0x37 not in VALID_FLAGS


def _begin(owner: Owner, entry: Entry, segment: Segment) -> bool:
    """Start a connection from its first segment, or from the middle where that is allowed (tcp_new)."""
    first = TRANSITIONS[ORIGINAL][segment.kind][TcpState.NONE]
    if first == INVALID or (first != SYN_SENT and not owner.settings.tcp_loose):
        return False
    tcp = entry.proto = Tcp()
    opener, other = tcp.ends
    opener.end = opener.maxend = segment.end
    opener.maxwin = segment.window or 1
    if first == SYN_SENT:
        read_options(opener, segment.options)
    else:
        opener.maxend = segment.end + opener.maxwin & 0xFFFFFFFF
        opener.flags = other.flags = SACK_PERM | BE_LIBERAL  # scaling was agreed before we looked
    tcp.last_kind = NONE_SET
    return True


def _reopen(step: Step) -> Outcome | None:
    """A SYN: retransmitted, or after the end, where it opens a new connection if we saw the old one close."""
    if step.old < TIME_WAIT:
        return None
    tcp = step.tcp
    if (tcp.ends[0].flags | tcp.ends[1].flags) & CLOSE_INIT or (
        tcp.last_direction == step.direction and tcp.last_kind == RST_SET
    ):
        return Outcome.REPEAT if step.owner.kill(step.entry) else Outcome.DROP
    return _ignore(step)


def _ignore(step: Step) -> Outcome | None:
    """Let a segment pass unbelieved, noting it; or believe what answers one that we noted before."""
    tcp, segment, direction = step.tcp, step.segment, step.direction
    answers = tcp.last_kind == SYN_SET and tcp.last_direction != direction and segment.ack == tcp.last_end
    if segment.kind == SYNACK_SET and answers:
        _resynchronize(step)
        return None
    tcp.last_kind, tcp.last_direction = segment.kind, direction
    tcp.last_seq, tcp.last_end, tcp.last_window = segment.seq, segment.end, segment.window
    if segment.kind == SYN_SET and direction == ORIGINAL:
        offered = End()
        read_options(offered, segment.options)
        tcp.last_flags = offered.flags & (WINDOW_SCALE | SACK_PERM)
        tcp.last_scale = offered.scale
        if step.old == LAST_ACK:
            tcp.last_flags |= CHALLENGE_ACK
    if step.old == SYN_SENT and segment.kind == ACK_SET and direction == REPLY:
        tcp.last_ack = segment.ack
    return Outcome.ACCEPT


def _resynchronize(step: Step) -> None:
    """A SYN/ACK answers the SYN that we did not believe: the ends agree and we were wrong, so start from that SYN."""
    tcp = step.tcp
    step.old, step.new = SYN_SENT, SYN_RECV
    opener = tcp.ends[tcp.last_direction]
    opener.end = opener.maxend = tcp.last_end
    opener.maxwin = tcp.last_window or 1
    opener.scale = tcp.last_scale
    tcp.last_flags &= ~CHALLENGE_ACK
    opener.flags = tcp.last_flags
    answerer = tcp.ends[step.direction]
    answerer.end = answerer.maxend = answerer.maxwin = answerer.maxack = answerer.scale = 0
    answerer.flags &= BE_LIBERAL


def _invalid(step: Step) -> Outcome:
    """The table says that this cannot be, unless it is a client's keepalive while SYNPROXY waits for the server."""
    tcp = step.tcp
    waiting = step.entry.synproxy is not None and step.old == SYN_SENT and step.segment.kind == ACK_SET
    from_client = step.direction == ORIGINAL and tcp.last_direction == ORIGINAL
    if waiting and from_client and tcp.ends[ORIGINAL].end - 1 & 0xFFFFFFFF == step.segment.seq:
        return Outcome.ACCEPT
    return Outcome.INVALID


def _challenge(step: Step) -> Outcome | None:
    """The ACK after a SYN into a closing connection is a challenge (RFC 5961), not the last ACK."""
    tcp = step.tcp
    if (
        step.old == LAST_ACK
        and step.segment.kind == ACK_SET
        and tcp.last_direction != step.direction
        and tcp.last_kind == SYN_SET
        and tcp.last_flags & CHALLENGE_ACK
    ):
        tcp.last_flags &= ~CHALLENGE_ACK
        return Outcome.ACCEPT
    return None


def _open_at_once(step: Step) -> None:
    """Both ends sent a SYN."""
    step.tcp.last_flags |= SIMULTANEOUS_OPEN


def _answered_at_once(step: Step) -> None:
    """After both sent a SYN, the ACK from the other side completes the handshake."""
    if step.direction == REPLY and step.segment.kind == ACK_SET and step.tcp.last_flags & SIMULTANEOUS_OPEN:
        step.new = ESTABLISHED


def _reset(step: Step) -> Outcome | None:
    """A RST ends the connection only where its sequence number is what the other end waits for."""
    tcp, segment = step.tcp, step.segment
    if segment.kind != RST_SET:
        return None
    if step.old in CLOSING:
        step.trusted = True
        return None
    waiting = tcp.ends[1 - step.direction]
    if waiting.flags & MAXACK_SET and tcp.last_kind != SYN_SET:
        if segment.seq == 0 and not step.established:
            return None
        if before(segment.seq, waiting.maxack) and not step.owner.settings.tcp_ignore_invalid_rst:
            return Outcome.INVALID
        if not step.established or segment.seq == waiting.maxack:
            return None
        if tcp.last_kind == ACK_SET and tcp.last_direction == step.direction and segment.seq == tcp.last_end:
            return None
        step.new = step.old  # the receiver may answer with a challenge
    step.trusted = _answers_unbelieved(step)
    return None


def _answers_unbelieved(step: Step) -> bool:
    """Whether a RST answers a SYN or ACK that we had let through, so that the windows know nothing of it."""
    tcp, segment, status = step.tcp, step.segment, step.entry.status
    after_syn = status & SEEN_REPLY and tcp.last_kind == SYN_SET and tcp.last_direction != step.direction
    after_ack = not status & ASSURED and tcp.last_kind == ACK_SET
    if (after_syn or after_ack) and segment.ack == tcp.last_end:
        return True
    challenged = step.old == SYN_SENT and tcp.last_kind == ACK_SET and tcp.last_direction == REPLY
    return challenged and segment.seq == tcp.last_ack


_SPECIAL = {
    SYN_SENT: _reopen,
    SYN_RECV: _answered_at_once,
    TIME_WAIT: _challenge,
    CLOSE: _reset,
    SYN_SENT2: _open_at_once,
    INVALID: _invalid,
    IGNORE: _ignore,
}
"""What to do first when the table gives that state."""


def _shorten(step: Step) -> None:
    """Let a connection whose ends both try to close, out of our windows, end soon (nf_tcp_handle_invalid)."""
    tcp, entry, kind = step.tcp, step.entry, step.segment.kind
    if not entry.status & ASSURED or entry.status & FIXED_TIMEOUT or kind not in (FIN_SET, RST_SET):
        return
    if tcp.last_direction != step.direction and tcp.last_kind in (FIN_SET, RST_SET):
        left = entry.timeout - step.owner.now
        limit = step.settings.tcp[UNACKNOWLEDGED] * SECOND
        if left >= 120 * SECOND and left > limit:
            entry.timeout = step.owner.now + limit
        return
    tcp.last_kind, tcp.last_direction = kind, step.direction


def _timeout(step: Step) -> int:
    """Seconds that the connection gets: its state's, or less where one end is silent."""
    tcp, settings = step.tcp, step.settings
    timeouts = settings.tcp
    regular = timeouts[step.new]
    if tcp.retrans >= settings.tcp_max_retrans and regular > timeouts[MAX_RETRANS]:
        return timeouts[MAX_RETRANS]
    if step.segment.kind == RST_SET:
        return timeouts[CLOSE]
    if (tcp.ends[0].flags | tcp.ends[1].flags) & DATA_UNACKNOWLEDGED and regular > timeouts[UNACKNOWLEDGED]:
        return timeouts[UNACKNOWLEDGED]
    if tcp.last_window == 0 and regular > timeouts[MAX_RETRANS]:
        return timeouts[MAX_RETRANS]
    return regular


def _settle(step: Step, ctinfo: int, size: int) -> Outcome:
    """Take over the new state of a segment that is believed, and give the entry its time."""
    tcp, entry, segment = step.tcp, step.entry, step.segment
    tcp.last_kind, tcp.last_direction = segment.kind, step.direction
    tcp.state = step.new
    if step.old != step.new == FIN_WAIT:
        tcp.ends[step.direction].flags |= CLOSE_INIT
    timeout = _timeout(step)
    if not entry.status & SEEN_REPLY:
        if segment.flags & RST:  # the only answer was a refusal
            entry.account(step.direction, size)
            step.owner.kill(entry)
            return Outcome.ACCEPT
        if segment.kind == SYN_SET and step.old == SYN_SENT:  # a retransmitted SYN must not keep the entry alive
            return Outcome.ACCEPT
        if step.new == ESTABLISHED:
            timeout = min(timeout, step.settings.tcp[UNACKNOWLEDGED])
    elif not entry.status & ASSURED and step.old in (SYN_RECV, ESTABLISHED) and step.new == ESTABLISHED:
        entry.status |= ASSURED
    step.owner.refresh(entry, ctinfo, timeout, size)
    return Outcome.ACCEPT


def set_closing(owner: Owner, entry: Entry) -> None:
    """Mark a connection as ended, as REJECT's tcp-reset does (nf_conntrack_tcp_set_closing)."""
    if not entry.status & CONFIRMED or entry.original.protocol != TCP or entry.proto is None:
        return
    old, entry.proto.state = entry.proto.state, CLOSE
    if old != CLOSE and not entry.status & FIXED_TIMEOUT:
        entry.timeout = owner.now + settings_of(owner, entry).tcp[CLOSE] * SECOND
