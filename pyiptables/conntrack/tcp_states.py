"""How a TCP connection's state moves: one table for each direction.

We stand in the middle. Segments that pass may be lost behind us, and ends may send what we did not see, so the state is
our best guess at what the ends believe:

    NONE         nothing yet
    SYN_SENT     the opener's SYN
    SYN_SENT2    a SYN from the other side as well: both open at once
    SYN_RECV     a SYN/ACK
    ESTABLISHED  an ACK after it
    FIN_WAIT     the first FIN
    CLOSE_WAIT   an ACK after the first FIN
    LAST_ACK     a FIN from the other side
    TIME_WAIT    the last ACK
    CLOSE        a RST

A row says which kind of segment came, a column in which state; where they meet is the new state. Two answers are not
states. ``--``: such a segment is INVALID, the connection stays as it was. ``..``: the segment is let through but not
believed, because it may be right where we are wrong, and the answer to it will tell: a SYN into a connection that we
think is open, a SYN/ACK or ACK that answers a SYN we did not believe.

Source: the states and transitions of tcp_conntracks in net/netfilter/nf_conntrack_proto_tcp.c; RFC 9293, RFC 5961.
"""

from __future__ import annotations

from enum import IntEnum


class TcpState(IntEnum):
    """States of a connection (enum tcp_conntrack)."""

    NONE = 0
    SYN_SENT = 1
    SYN_RECV = 2
    ESTABLISHED = 3
    FIN_WAIT = 4
    CLOSE_WAIT = 5
    LAST_ACK = 6
    TIME_WAIT = 7
    CLOSE = 8
    SYN_SENT2 = 9


INVALID, IGNORE = 10, 11
"""Answers of the table that are not states."""

MAX_RETRANS, UNACKNOWLEDGED = 10, 11
"""Places in the timeouts behind the states."""

SYN_SET, SYNACK_SET, FIN_SET, ACK_SET, RST_SET, NONE_SET = range(6)
"""Kinds of segments: the rows of the table."""

_NAMES = {
    "NO": 0,
    "SS": 1,
    "SR": 2,
    "ES": 3,
    "FW": 4,
    "CW": 5,
    "LA": 6,
    "TW": 7,
    "CL": 8,
    "S2": 9,
    "--": INVALID,
    "..": IGNORE,
}

_FROM_OPENER = """
        NO  SS  SR  ES  FW  CW  LA  TW  CL  S2
syn     SS  SS  ..  ..  ..  ..  ..  SS  SS  S2   after the end a SYN opens anew
synack  --  --  SR  --  --  --  --  --  --  SR   only where both open at once
fin     --  --  FW  FW  LA  LA  LA  TW  CL  --   the first FIN, or the second
ack     ES  --  ES  ES  CW  CW  TW  TW  CL  --   out of nothing: picked up in the middle (tcp_loose)
rst     --  CL  CL  CL  CL  CL  CL  CL  CL  CL   believed if its sequence number is (see tcp.py)
none    --  --  --  --  --  --  --  --  --  --
"""

_FROM_OTHER = """
        NO  SS  SR  ES  FW  CW  LA  TW  CL  S2
syn     --  S2  --  --  --  --  --  SS  --  S2   both open at once; or opened anew from the other side
synack  --  SR  ..  ..  ..  ..  ..  ..  ..  SR   late, or the answer to a SYN that we did not believe
fin     --  --  FW  FW  LA  LA  LA  TW  CL  --
ack     --  ..  SR  ES  CW  CW  TW  TW  CL  ..   to a SYN: the other side holds a half-open connection
rst     --  CL  CL  CL  CL  CL  CL  CL  CL  CL
none    --  --  --  --  --  --  --  --  --  --
"""


def _read(text: str) -> tuple[tuple[int, ...], ...]:
    """The rows of a table as numbers."""
    return tuple(tuple(_NAMES[cell] for cell in line.split()[1:11]) for line in text.strip().splitlines()[1:])


TRANSITIONS = (_read(_FROM_OPENER), _read(_FROM_OTHER))
"""``TRANSITIONS[direction][kind of segment][state]`` is a state, INVALID or IGNORE."""
