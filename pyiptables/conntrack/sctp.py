"""Tracking SCTP associations.

A packet carries chunks, and each moves the association. A row is a chunk, a column the state in which it comes:

    CLOSED             nothing, or the association has ended (a first INIT comes here as well)
    COOKIE_WAIT        INIT seen from the opener, or its INIT ACK
    COOKIE_ECHOED      COOKIE ECHO seen
    ESTABLISHED        COOKIE ACK seen
    SHUTDOWN_SENT      SHUTDOWN from the opener
    SHUTDOWN_RECD      SHUTDOWN from the other side
    SHUTDOWN_ACK_SENT  SHUTDOWN ACK seen
    HEARTBEAT_SENT     a HEARTBEAT began the entry: a further path of an association that we know elsewhere

``--`` is INVALID. Chunks without a row (DATA, SACK ...) change nothing. Every packet must carry the verification tag
that its receiver chose; the exceptions are those of RFC 9260 section 8.5.1.

Source: nf_conntrack_proto_sctp.c.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from pyiptables.conntrack.entry import ASSURED, CONFIRMED, Entry, Outcome, Owner, settings_of
from pyiptables.conntrack.tuples import ORIGINAL, REPLY
from pyiptables.conntrack.validity import sctp_checksum
from pyiptables.hooks import Hook
from pyiptables.packet.skb import Skb


class SctpState(IntEnum):
    """States of an association (enum sctp_conntrack)."""

    NONE = 0
    CLOSED = 1
    COOKIE_WAIT = 2
    COOKIE_ECHOED = 3
    ESTABLISHED = 4
    SHUTDOWN_SENT = 5
    SHUTDOWN_RECD = 6
    SHUTDOWN_ACK_SENT = 7
    HEARTBEAT_SENT = 8


INVALID = 9
DATA, INIT, INIT_ACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN, SHUTDOWN_ACK = 0, 1, 2, 4, 5, 6, 7, 8
ERROR, COOKIE_ECHO, COOKIE_ACK, SHUTDOWN_COMPLETE = 9, 10, 11, 14

_NAMES = {"NO": 0, "CL": 1, "CW": 2, "CE": 3, "ES": 4, "SS": 5, "SR": 6, "SA": 7, "HS": 8, "--": INVALID}

_FROM_OPENER = """
                   NO  CL  CW  CE  ES  SS  SR  SA  HS
1  init            CL  CL  CW  CE  ES  CL  CL  SA  CW
2  init_ack        CL  CL  CW  CE  ES  SS  SR  SA  CL
6  abort           CL  CL  CL  CL  CL  CL  CL  CL  CL
7  shutdown        CL  CL  CW  CE  SS  SS  SR  SA  CL
8  shutdown_ack    SA  CL  CW  CE  ES  SA  SA  SA  SA
9  error           CL  CL  CW  CE  ES  SS  SR  SA  CL
10 cookie_echo     CL  CL  CE  CE  ES  SS  SR  SA  CL
11 cookie_ack      CL  CL  CW  ES  ES  SS  SR  SA  CL
14 shutdown_compl  CL  CL  CW  CE  ES  SS  SR  CL  CL
4  heartbeat       HS  CL  CW  CE  ES  SS  SR  SA  HS
5  heartbeat_ack   CL  CL  CW  CE  ES  SS  SR  SA  HS
"""

_FROM_OTHER = """
                   NO  CL  CW  CE  ES  SS  SR  SA  HS
1  init            --  CL  CW  CE  ES  SS  SR  SA  --
2  init_ack        --  CW  CW  CE  ES  SS  SR  SA  --
6  abort           --  CL  CL  CL  CL  CL  CL  CL  --
7  shutdown        --  CL  CW  CE  SR  SS  SR  SA  --
8  shutdown_ack    --  CL  CW  CE  ES  SA  SA  SA  --
9  error           --  CL  CW  CL  ES  SS  SR  SA  --
10 cookie_echo     --  CL  CE  CE  ES  SS  SR  SA  --
11 cookie_ack      --  CL  CW  ES  ES  SS  SR  SA  --
14 shutdown_compl  --  CL  CW  CE  ES  SS  SR  CL  --
4  heartbeat       --  CL  CW  CE  ES  SS  SR  SA  HS
5  heartbeat_ack   --  CL  CW  CE  ES  SS  SR  SA  ES
"""


def _read(text: str) -> dict[int, tuple[int, ...]]:
    """The rows of a table: chunk type to new states."""
    rows = (line.split() for line in text.strip().splitlines()[1:])
    return {int(row[0]): tuple(_NAMES[cell] for cell in row[2:]) for row in rows}


TRANSITIONS = (_read(_FROM_OPENER), _read(_FROM_OTHER))
"""``TRANSITIONS[direction][chunk type][state]``."""

ALONE = frozenset({INIT, INIT_ACK, SHUTDOWN_COMPLETE})
FIRST = frozenset({COOKIE_ECHO, COOKIE_ACK})
OUT_OF_THE_BLUE = frozenset({ABORT, SHUTDOWN_COMPLETE, COOKIE_ACK})
TAGGED_THEIR_WAY = frozenset({INIT, ABORT, SHUTDOWN_COMPLETE, COOKIE_ECHO, SHUTDOWN_ACK, HEARTBEAT, HEARTBEAT_ACK})
"""Chunks that must be alone; that must come first; that cannot begin; whose tag has its own rule."""


class Sctp:
    """An association: its state, the verification tag expected in each direction, and who sent an INIT."""

    __slots__ = ("heartbeat_failed", "init", "last_direction", "state", "tags")

    def __init__(self, state: int = SctpState.NONE) -> None:
        self.state = state
        self.tags = [0, 0]
        self.init = [False, False]
        self.heartbeat_failed = False
        self.last_direction = 0


class _Chunk:
    """One chunk: type, flags, and the initiate tag where it has one."""

    __slots__ = ("flags", "kind", "length", "tag")

    def __init__(self, data: bytes | bytearray, at: int) -> None:
        self.kind, self.flags = data[at], data[at + 1]
        self.length = data[at + 2] << 8 | data[at + 3]
        whole = len(data) >= at + 20  # the fixed part of INIT must be there
        self.tag = int.from_bytes(data[at + 4 : at + 8], "big") if whole else None


def _chunks(data: bytes | bytearray, at: int) -> Iterator[_Chunk]:
    """The chunks of the packet; a length of 0 ends them, which :func:`_well_formed` has refused."""
    while at + 4 <= len(data):
        chunk = _Chunk(data, at)
        yield chunk
        if not chunk.length:
            return
        at += chunk.length + 3 & ~3


def _well_formed(chunks: list[_Chunk]) -> bool:
    """At least one chunk, none empty, and those that must be alone or first are (do_basic_checks)."""
    alone = False
    for number, chunk in enumerate(chunks):
        alone = alone or chunk.kind in ALONE
        if (number and (alone or chunk.kind in FIRST)) or not chunk.length:
            return False
    return bool(chunks)


def sctp_packet(owner: Owner, entry: Entry, skb: Skb, hook: Hook, ctinfo: int) -> Outcome:
    """Track an SCTP packet; its state is an :class:`Sctp` in ``entry.proto``."""
    data, at = skb.data, skb.thoff
    if len(data) < at + 12:
        return Outcome.INVALID
    if owner.settings.checksum and hook is Hook.PREROUTING and sctp_checksum(data, at) != data[at + 8 : at + 12]:
        return Outcome.INVALID
    tag = int.from_bytes(data[at + 4 : at + 8], "big")
    chunks = list(_chunks(data, at + 12))
    if not _well_formed(chunks):
        return Outcome.INVALID
    kinds = {chunk.kind for chunk in chunks}
    if not entry.status & CONFIRMED and (kinds & OUT_OF_THE_BLUE or not _begin(entry, chunks, tag)):
        return Outcome.INVALID
    sctp: Sctp = entry.proto
    direction = REPLY if ctinfo >= 3 else ORIGINAL
    if not kinds & TAGGED_THEIR_WAY and tag != sctp.tags[direction]:
        return Outcome.INVALID
    refresh = True
    for chunk in chunks:
        verdict = _tag_fits(sctp, chunk, tag, direction, plain=refresh and DATA not in kinds)
        if verdict is None:
            refresh = False
            continue
        if not verdict:
            return Outcome.INVALID
        old = sctp.state
        new = TRANSITIONS[direction][chunk.kind][old] if chunk.kind in TRANSITIONS[direction] else old
        if new == INVALID or not _note_tags(sctp, chunk, direction):
            return Outcome.INVALID
        if chunk.kind == INIT and old == new == SctpState.CLOSED and entry.status & CONFIRMED:
            refresh = False  # a retransmitted INIT must not keep the entry alive
        sctp.state = new
        if old != new == SctpState.ESTABLISHED:
            entry.status |= ASSURED
    if refresh:
        owner.refresh(entry, ctinfo, settings_of(owner, entry).sctp[sctp.state], len(data))
    return Outcome.ACCEPT


def _begin(entry: Entry, chunks: list[_Chunk], tag: int) -> bool:
    """Start an association from its first packet (sctp_new)."""
    sctp = entry.proto = Sctp()
    for chunk in chunks:
        if TRANSITIONS[ORIGINAL].get(chunk.kind, (0,))[0] in (SctpState.NONE, INVALID):
            return False
        if chunk.kind == INIT:
            if tag or chunk.tag is None:
                return False
            sctp.tags[REPLY] = chunk.tag
        elif chunk.kind == HEARTBEAT:
            sctp.tags[ORIGINAL] = tag
        elif chunk.kind == SHUTDOWN_ACK:
            sctp.tags[REPLY] = tag
    return True


def _tag_fits(sctp: Sctp, chunk: _Chunk, tag: int, direction: int, *, plain: bool) -> bool | None:
    """The tag rules that hang on the chunk; None: let the packet pass, but leave the chunk aside."""
    kind, own, peer = chunk.kind, sctp.tags[direction], sctp.tags[1 - direction]
    if kind == INIT:
        return tag == 0
    if kind in (ABORT, SHUTDOWN_COMPLETE):
        return tag == (peer if chunk.flags & 1 else own)
    if kind == COOKIE_ECHO:
        return tag == own
    if kind == COOKIE_ACK:
        sctp.init = [False, False]
    elif kind in (HEARTBEAT, HEARTBEAT_ACK):
        return _heartbeat(sctp, kind, tag, direction, plain=plain)
    return True


def _heartbeat(sctp: Sctp, kind: int, tag: int, direction: int, *, plain: bool) -> bool | None:
    """A heartbeat may come with new tags, when the association was set up anew on a path that we do not see."""
    if not sctp.tags[direction]:
        sctp.tags[direction] = tag
    elif tag == sctp.tags[direction]:
        sctp.heartbeat_failed = False
    elif not plain:
        return False
    elif kind == HEARTBEAT:
        sctp.heartbeat_failed, sctp.last_direction = True, direction
        return None
    elif not sctp.heartbeat_failed or sctp.last_direction == direction:
        return False
    else:
        sctp.heartbeat_failed = False
        sctp.tags[direction], sctp.tags[1 - direction] = tag, 0
    return True


def _note_tags(sctp: Sctp, chunk: _Chunk, direction: int) -> bool:
    """Keep the tag that an INIT or INIT ACK asks for; False where it contradicts what is known."""
    other = 1 - direction
    if chunk.kind not in (INIT, INIT_ACK):
        return True
    if chunk.tag is None:
        return False
    if chunk.kind == INIT:
        if sctp.init[direction] and sctp.init[other]:
            sctp.init[other] = False
        sctp.init[direction] = True
    else:
        known = sctp.tags[other]
        if not sctp.init[other] and known and known != chunk.tag:
            return False
        if sctp.init[direction] and sctp.init[other] and known != chunk.tag:
            return False
    sctp.tags[other] = chunk.tag
    return True
