"""What conditions look at in a packet, so that packets which are alike in it are known to fare alike.

Of packets that belong to open connections and came in on one interface in one way, a condition can only tell apart by
what its fields say. :func:`looks_of` says which those are, in the few classes of :class:`Look`. A condition that is not
known to look at nothing else is UNSURE: what it answers is never taken for what it will answer.
"""

from __future__ import annotations

from enum import IntFlag

from pyiptables.predicate import Always, Field, Masked, Named, Predicate, Readable, Test, Within, leaves


class Look(IntFlag):
    """What was looked at; interfaces, protocol, direction and conntrack's state always count, and have no bit."""

    SOURCE = 1
    DESTINATION = 2
    SOURCE_PORT = 4
    DESTINATION_PORT = 8
    KIND = 16
    """TCP's flags, ICMP's type and code."""
    STATUS = 32
    MARK = 64
    """The connection's mark."""
    LINK = 128
    """The link-layer header."""
    REMARKED = 256
    """Nothing was looked at, but what routing may look at (mark, TOS) was changed: good for this connection only."""
    UNSURE = 512


UNSURE, REMARKED = int(Look.UNSURE), int(Look.REMARKED)
SOURCE, DESTINATION = int(Look.SOURCE), int(Look.DESTINATION)
TUPLES = int(Look.SOURCE | Look.DESTINATION | Look.SOURCE_PORT | Look.DESTINATION_PORT)

_OF_FIELDS = {
    "ip.saddr": SOURCE,
    "ip.daddr": DESTINATION,
    "ip.protocol": 0,
    "ip.fragoff": 0,
    "tcp.sport": int(Look.SOURCE_PORT),
    "tcp.dport": int(Look.DESTINATION_PORT),
    "udp.sport": int(Look.SOURCE_PORT),
    "udp.dport": int(Look.DESTINATION_PORT),
    "ports.source": int(Look.SOURCE_PORT),
    "ports.destination": int(Look.DESTINATION_PORT),
    "tcp.flags": int(Look.KIND),
    "icmp.type": int(Look.KIND),
    "icmp.code": int(Look.KIND),
    "meta.iif": 0,
    "meta.oif": 0,
    "meta.mark": 0,
    "meta.mac_source": int(Look.LINK),
    "meta.pkttype": int(Look.LINK),
    "ct.state": 0,
    "ct.entry": 0,
    "ct.direction": 0,
    "ct.protocol": 0,
    "ct.status": int(Look.STATUS),
    "ct.mark": int(Look.MARK),
    **{f"ct.{way}_{end}": TUPLES for way in ("original", "reply") for end in ("src", "dst", "sport", "dport")},
}
"""By name of a field; all others are UNSURE. The packet's mark follows from the rest: it comes in with none."""
_OF_TESTS = {"addrtype.saddr": SOURCE, "addrtype.daddr": DESTINATION}


def looks_of(predicate: Predicate) -> int:
    """The :class:`Look` bits of a condition."""
    found = 0
    for leaf in leaves(predicate):
        match leaf:
            case Within(field=field) | Masked(field=field) | Named(field=field):
                found |= field_looks(field)
            case Test(name=name):
                found |= _OF_TESTS.get(name, UNSURE)
            case Always() | Readable():  # a packet that is too short for its header has no connection
                pass
            case _:
                found |= UNSURE
    return found


def field_looks(field: Field) -> int:
    """The bits of one field."""
    return _OF_FIELDS.get(field.name, UNSURE)
