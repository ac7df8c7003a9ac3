"""Tracking DCCP connections, in kernels that do (before 6.17).

The table's sides are the client's and the server's, whoever opened: a Request from the server after the end swaps them.
``--`` is INVALID; ``..`` lets the packet pass without believing it, as for TCP.

    REQUEST   Request seen                         CLOSEREQ  CloseReq from the server
    RESPOND   Response from the server             CLOSING   Close seen
    PARTOPEN  Ack from the client                  TIMEWAIT  Reset seen
    OPEN      anything else from the server

Source: nf_conntrack_proto_dccp.c; RFC 4340.
"""

from __future__ import annotations

from enum import IntEnum

from pyiptables.conntrack.entry import ASSURED, CONFIRMED, SEEN_REPLY, Entry, Outcome, Owner, settings_of
from pyiptables.conntrack.tuples import DCCP, ORIGINAL, REPLY
from pyiptables.conntrack.validity import transport_valid
from pyiptables.hooks import Hook
from pyiptables.packet.skb import Skb


class DccpState(IntEnum):
    """States of a connection (enum ct_dccp_states)."""

    NONE = 0
    REQUEST = 1
    RESPOND = 2
    PARTOPEN = 3
    OPEN = 4
    CLOSEREQ = 5
    CLOSING = 6
    TIMEWAIT = 7


IGNORE, INVALID = 8, 9
REQUEST, RESPONSE, DATA, ACK, DATAACK, CLOSEREQ, CLOSE, RESET, SYNC, SYNCACK = range(10)
CLIENT, SERVER = 0, 1

_NAMES = {"NO": 0, "RQ": 1, "RS": 2, "PO": 3, "OP": 4, "CR": 5, "CG": 6, "TW": 7, "..": IGNORE, "--": INVALID}

_FROM_CLIENT = """
           NO  RQ  RS  PO  OP  CR  CG  TW
request    RQ  RQ  RS  ..  ..  ..  ..  RQ
response   --  ..  ..  ..  ..  ..  ..  --
data       --  --  --  --  OP  CR  CG  --
ack        --  --  PO  PO  OP  CR  CG  --
dataack    --  --  PO  PO  OP  CR  CG  --
closereq   --  --  --  --  --  --  --  --
close      --  --  --  CG  CG  CG  --  --
reset      --  TW  TW  TW  TW  TW  TW  ..
sync       --  ..  ..  ..  ..  ..  ..  ..
syncack    --  ..  ..  ..  ..  ..  ..  ..
"""

_FROM_SERVER = """
           NO  RQ  RS  PO  OP  CR  CG  TW
request    --  ..  ..  ..  ..  ..  ..  RQ
response   --  RS  RS  ..  ..  ..  ..  --
data       --  --  --  OP  OP  --  CG  --
ack        --  --  --  OP  OP  --  CG  --
dataack    --  --  --  OP  OP  --  CG  --
closereq   --  --  --  CR  CR  CR  CR  --
close      --  --  --  CG  CG  --  CG  --
reset      --  TW  TW  TW  TW  TW  TW  TW
sync       --  ..  ..  ..  ..  ..  ..  ..
syncack    --  ..  ..  ..  ..  ..  ..  ..
"""


def _read(text: str) -> tuple[tuple[int, ...], ...]:
    """The rows of a table, in the order of the packet types."""
    return tuple(tuple(_NAMES[cell] for cell in line.split()[1:]) for line in text.strip().splitlines()[1:])


TRANSITIONS = (_read(_FROM_CLIENT), _read(_FROM_SERVER))
"""``TRANSITIONS[role][packet type][state]``."""


class Dccp:
    """A connection: its state, each direction's role, the last packet, the Response's sequence number."""

    __slots__ = ("handshake", "last_direction", "last_kind", "roles", "state")

    def __init__(self, state: int = DccpState.NONE) -> None:
        self.state = state
        self.roles = [CLIENT, SERVER]
        self.last_kind = REQUEST
        self.last_direction = ORIGINAL
        self.handshake = 0


def dccp_packet(owner: Owner, entry: Entry, skb: Skb, hook: Hook, ctinfo: int) -> Outcome:
    """Track a DCCP packet; its state is a :class:`Dccp` in ``entry.proto``."""
    data, at = skb.data, skb.thoff
    kind = _kind(owner, skb, hook)
    if kind is None:
        return Outcome.INVALID
    direction = REPLY if ctinfo >= 3 else ORIGINAL
    if not entry.status & CONFIRMED:
        if TRANSITIONS[CLIENT][kind][DccpState.NONE] != DccpState.REQUEST:
            return Outcome.INVALID
        entry.proto = Dccp()
    if kind == RESET and not entry.status & SEEN_REPLY:
        entry.account(direction, len(data))
        owner.kill(entry)
        return Outcome.ACCEPT
    dccp: Dccp = entry.proto
    role, old = dccp.roles[direction], dccp.state
    new = TRANSITIONS[role][kind][old]
    sequence = int.from_bytes(data[at + 10 : at + 16], "big")
    if new == INVALID:
        return Outcome.INVALID
    if new == IGNORE:
        answered = dccp.last_direction != direction and dccp.last_kind == REQUEST and kind == RESPONSE
        if not answered:
            dccp.last_direction, dccp.last_kind = direction, kind
            return Outcome.ACCEPT
        dccp.roles[direction], dccp.roles[1 - direction] = SERVER, CLIENT
        dccp.handshake, new = sequence, DccpState.RESPOND
    elif new == DccpState.REQUEST and old == DccpState.TIMEWAIT and role == SERVER:
        dccp.roles[direction], dccp.roles[1 - direction] = CLIENT, SERVER
    elif new == DccpState.RESPOND and old == DccpState.REQUEST:
        dccp.handshake = sequence
    elif old == DccpState.RESPOND and kind == ACK and int.from_bytes(data[at + 18 : at + 24], "big") == dccp.handshake:
        entry.status |= ASSURED  # the acknowledgement of the Response
    dccp.last_direction, dccp.last_kind, dccp.state = direction, kind, new
    owner.refresh(entry, ctinfo, (settings_of(owner, entry).dccp or ())[new], len(data))
    return Outcome.ACCEPT


def _kind(owner: Owner, skb: Skb, hook: Hook) -> int | None:
    """The packet's type, or None when its header is broken (dccp_error)."""
    data, at = skb.data, skb.thoff
    size = len(data) - at
    if size < 12 or not 12 <= data[at + 4] * 4 <= size:
        return None
    coverage = data[at + 5] & 15
    covered = (coverage - 1) * 4 if coverage else size
    if covered > size:
        return None
    if owner.settings.checksum and hook is Hook.PREROUTING and not transport_valid(skb, DCCP, covered):
        return None
    kind = data[at + 8] >> 1 & 15
    extended = data[at + 8] & 1
    acknowledges = kind not in (REQUEST, DATA)
    if kind > SYNCACK or size < (16 if extended else 12) + (8 if acknowledges and extended else 4 * acknowledges):
        return None
    return kind
