"""PPTP: the two GRE streams of a call, known by the call identifiers that both ends choose.

The client (PNS) opens the control connection. Under NAT its call identifier is replaced by the port that its control
connection got, so that two clients may have chosen the same. Source keys, which GRE packets do not carry, are kept in
the table for both directions.

Source: net/netfilter/nf_conntrack_pptp.c, net/ipv4/netfilter/nf_nat_pptp.c; RFC 2637.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyiptables.conntrack.entry import Entry
from pyiptables.conntrack.expect import Expectation, Policy
from pyiptables.conntrack.helpers.base import Call, Helper, addresses
from pyiptables.conntrack.nat import setup_info
from pyiptables.conntrack.nat_range import Manip
from pyiptables.conntrack.tuples import GRE, ORIGINAL, REPLY, Tuple, inverse
from pyiptables.hooks import Verdict

if TYPE_CHECKING:
    from pyiptables.conntrack.table import ConntrackTable

HEADERS = 12
"""Bytes of a control message before its own fields: length, type of packet, magic cookie, type of message."""
CONTROL, MAGIC = 1, 0x1A2B3C4D
OK = 1
START_REQUEST, START_REPLY, STOP_REQUEST, STOP_REPLY, ECHO_REQUEST, ECHO_REPLY = range(1, 7)
OUT_REQUEST, OUT_REPLY, IN_REQUEST, IN_REPLY, IN_CONNECT, CLEAR_REQUEST, DISCONNECT, WAN_ERROR, LINK_INFO = range(7, 16)
SIZES = (0, 144, 144, 4, 4, 0, 0, 156, 20, 208, 12, 16, 4, 136, 28, 12)
"""What a message of each type has to hold at least."""
NONE, ERROR, STOPPING, REQUESTED, CONFIRMED = range(5)
"""States of the session."""
NO_CALL, OUT_ASKED, OUT_OPEN, IN_ASKED, IN_ANSWERED, IN_OPEN, CLEARING = 0, 2, 3, 4, 5, 6, 7
"""States of the call."""


class Memory:
    """States, call identifiers (client's, server's) as the server sees them, and as they were before NAT."""

    __slots__ = ("call", "keys", "pac", "plain_pac", "plain_pns", "pns", "session")

    def __init__(self) -> None:
        self.session = self.call = self.pns = self.pac = self.plain_pns = self.plain_pac = 0
        self.keys: dict[int, tuple[int, int, int]] = {}


class Message:
    """A control message: its type and fields."""

    __slots__ = ("body", "kind")

    def __init__(self, kind: int, body: bytes) -> None:
        self.kind, self.body = kind, body

    def half(self, at: int) -> int:
        """The 16 bits at a place; 0 behind the end."""
        return int.from_bytes(self.body[at : at + 2].ljust(2, b"\0"), "big")

    def code(self, at: int) -> int:
        """The byte at a place; 0 behind the end."""
        return self.body[at] if at < len(self.body) else 0


def read_message(call: Call) -> Message | None:
    """The message that a segment begins with, or None."""
    at = call.payload_at()
    data = b"" if at is None else bytes(call.skb.data[at:])
    if len(data) < HEADERS or data[2:4] != CONTROL.to_bytes(2, "big") or data[4:8] != MAGIC.to_bytes(4, "big"):
        return None
    kind, body = data[8] << 8 | data[9], data[HEADERS:]
    return None if kind < len(SIZES) and len(body) < SIZES[kind] else Message(kind, body)


def pptp(call: Call) -> Verdict:
    """Read a segment of a control connection."""
    message = read_message(call) if call.established else None
    if message is None:
        return Verdict.ACCEPT
    tables = _FROM_CLIENT if call.way == ORIGINAL else _FROM_SERVER
    step = tables.get(message.kind)
    if step is None or not step(call, call.entry.help, message) or not call.mapped:
        return Verdict.ACCEPT
    return _map_client(call, message) if call.way == ORIGINAL else _map_server(call, message)


# What a message means; False: it does not fit the state, and nothing is done with it


def _nothing(call: Call, memory: Memory, message: Message) -> bool:
    return True


def _start(call: Call, memory: Memory, message: Message) -> bool:
    if memory.session != NONE:
        return False
    memory.session = REQUESTED
    return True


def _stop(call: Call, memory: Memory, message: Message) -> bool:
    memory.session = STOPPING
    return True


def _ask_out(call: Call, memory: Memory, message: Message) -> bool:
    if memory.session != CONFIRMED:
        return False
    memory.call, memory.pns = OUT_ASKED, message.half(0)
    return True


def _answer_in(call: Call, memory: Memory, message: Message) -> bool:
    if memory.call not in (IN_ASKED, IN_ANSWERED) or memory.pac != message.half(2):
        return False
    memory.call = NO_CALL
    if message.code(4) == OK:
        memory.call, memory.pns = IN_ANSWERED, message.half(0)
    return True


def _clear(call: Call, memory: Memory, message: Message) -> bool:
    if memory.session != CONFIRMED:
        return False
    memory.call = CLEARING
    return True


def _started(call: Call, memory: Memory, message: Message) -> bool:
    if memory.session < REQUESTED:
        return False
    memory.session = CONFIRMED if message.code(2) == OK else ERROR
    return True


def _stopped(call: Call, memory: Memory, message: Message) -> bool:
    if memory.session > STOPPING:
        return False
    memory.session = NONE if message.code(0) == OK else ERROR
    return True


def _answered_out(call: Call, memory: Memory, message: Message) -> bool:
    asked = memory.session == CONFIRMED and memory.call in (OUT_ASKED, OUT_OPEN)
    if not asked or memory.pns != message.half(2):
        return False
    memory.call = NO_CALL
    if message.code(4) == OK:
        memory.call, memory.pac = OUT_OPEN, message.half(0)
        _expect_streams(call, memory, message.half(2))
    return True


def _asked_in(call: Call, memory: Memory, message: Message) -> bool:
    if memory.session != CONFIRMED:
        return False
    memory.call, memory.pac = IN_ASKED, message.half(0)
    return True


def _connected(call: Call, memory: Memory, message: Message) -> bool:
    answered = memory.session == CONFIRMED and memory.call in (IN_ANSWERED, IN_OPEN)
    if not answered or memory.pns != message.half(0):
        return False
    memory.call = IN_OPEN
    _expect_streams(call, memory, message.half(0))
    return True


def _disconnected(call: Call, memory: Memory, message: Message) -> bool:
    memory.call = NO_CALL
    end_call(call.table, call.entry)
    return True


Step = Callable[[Call, Memory, Message], bool]
_FROM_CLIENT: dict[int, Step] = {
    START_REQUEST: _start,
    STOP_REQUEST: _stop,
    OUT_REQUEST: _ask_out,
    IN_REPLY: _answer_in,
    CLEAR_REQUEST: _clear,
    **dict.fromkeys((LINK_INFO, ECHO_REQUEST, ECHO_REPLY), _nothing),
}
_FROM_SERVER: dict[int, Step] = {
    START_REPLY: _started,
    STOP_REPLY: _stopped,
    OUT_REPLY: _answered_out,
    IN_REQUEST: _asked_in,
    IN_CONNECT: _connected,
    DISCONNECT: _disconnected,
    **dict.fromkeys((WAN_ERROR, LINK_INFO, ECHO_REQUEST, ECHO_REPLY), _nothing),
}


# NAT of call identifiers


def _map_client(call: Call, message: Message) -> Verdict:
    """Replace the client's identifier (pptp_outbound_pkt)."""
    memory = call.entry.help
    if message.kind not in (OUT_REQUEST, IN_REPLY, CLEAR_REQUEST):
        return Verdict.ACCEPT
    if message.kind == OUT_REQUEST:
        memory.plain_pns, memory.pns = memory.pns, call.entry.reply.dport
    done = call.mangle(HEADERS, 2, memory.pns.to_bytes(2, "big"))
    return Verdict.ACCEPT if done else Verdict.DROP


def _map_server(call: Call, message: Message) -> Verdict:
    """Give the client its identifier back (pptp_inbound_pkt)."""
    place = {OUT_REPLY: 2, IN_CONNECT: 0, WAN_ERROR: 0, DISCONNECT: 0, LINK_INFO: 0}.get(message.kind)
    if place is None:
        return Verdict.ACCEPT
    done = call.mangle(HEADERS + place, 2, call.entry.help.plain_pns.to_bytes(2, "big"))
    return Verdict.ACCEPT if done else Verdict.DROP


# The streams


def _expect_streams(call: Call, memory: Memory, peer: int) -> None:
    """Expect GRE in both directions, and note the source keys (exp_gre)."""
    table, entry, pac = call.table, call.entry, memory.pac
    original, reply = entry.original, entry.reply
    forth = call.expectation(GRE, original.src, original.dst, pac, sport=peer)
    back = call.expectation(GRE, reply.src, reply.dst, peer, sport=pac)
    halves = [0, 0]
    if call.mapped:
        memory.plain_pac = pac
        halves = [memory.pns, memory.plain_pns]
        forth.wanted = forth.wanted._replace(sport=memory.plain_pns)
        back.wanted = back.wanted._replace(dport=memory.pns)
    for way, each in ((ORIGINAL, forth), (REPLY, back)):
        each.direction = way
        each.arrived = _arrival(table, halves[way]) if call.mapped else _arrival(table, None)
    if not call.expect(forth):
        return
    if not call.expect(back):
        table.expectations.remove(forth)
        return
    for way, each in ((ORIGINAL, forth), (REPLY, back)):
        wanted = each.wanted
        key = wanted.src, wanted.dst, wanted.dport
        if memory.keys.setdefault(way, key) != key:
            table.expectations.remove(forth)
            table.expectations.remove(back)
            return
        table.gre_keys.setdefault(key, (wanted.sport, entry))


def _arrival(table: ConntrackTable, half: int | None) -> Callable[[Entry, Expectation], None]:
    """What to do when a stream begins: the other direction is its answer; NAT as the control connection has it."""

    def arrived(entry: Entry, expected: Expectation) -> None:
        master, way = expected.master, expected.direction
        if half is None:
            _unexpect(table, inverse(expected.wanted), entry)
            return
        memory, ends = master.help, master.tuple(1 - way)
        if way == ORIGINAL:  # for a stream that the server begins the kernel looks up keys of 0, and finds nothing
            _unexpect(table, Tuple(ends.family, ends.src, ends.dst, GRE, memory.pac, memory.pns), entry)
        setup_info(table, entry, addresses(ends.dst, half if way == ORIGINAL else None), Manip.SRC)
        setup_info(table, entry, addresses(ends.src, half if way == REPLY else None), Manip.DST)

    return arrived


def _unexpect(table: ConntrackTable, tup: Tuple, entry: Entry) -> bool:
    """Close the expectation that a tuple meets."""
    other = table.expectations.find(tup, entry.zone.id, table.now)
    if other is not None:
        table.expectations.remove(other)
    return other is not None


def end_call(table: ConntrackTable, entry: Entry) -> None:
    """End the streams, or no longer expect them (pptp_destroy_siblings)."""
    memory: Memory | None = entry.help
    if memory is None:
        return
    table.forget_gre_keys(entry)
    for tup, keys in ((entry.original, (memory.pns, memory.pac)), (entry.reply, (memory.pac, memory.pns))):
        stream = Tuple(tup.family, tup.src, tup.dst, GRE, *keys)
        found = table.find(stream, entry.zone)
        if found is not None:
            table.kill(found[0])
        else:
            _unexpect(table, stream, entry)


PPTP = Helper("pptp", 1723, (Policy(2, 300),), pptp, Memory, end_call)
