"""One direction of a connection, as its frames show it, and how its packets fare."""

from __future__ import annotations

import struct
from typing import Any

from pyiptables.conntrack import Entry, Tuple, inverse
from pyiptables.conntrack.entry import NAT_MASK
from pyiptables.host import Decision
from pyiptables.netfilter.path import Ended
from pyiptables.netfilter.quick.course import Course
from pyiptables.netfilter.quick.story import retold_event
from pyiptables.packet.link import Frame
from pyiptables.trace.events import Logged, Trace

TCP, UDP, ICMP = 6, 17, 1
NO_LIMIT = 0xFFFF
ENDPOINTS = struct.Struct(">IIHH").pack


class Fate:
    """How a packet fared: what a line of the summary says of it. Packets that fare alike share one.

    ``data`` is the packet, or as much of it as tells its endpoints and its kind; ``start`` and ``end`` are interfaces,
    ``local`` for a process of the host, and ``?`` where routing did not come to decide. ``translated`` is the packet's
    beginning as it left, None where NAT changed nothing, and ``whole`` whether it had come in one piece. ``course`` counts
    the packets, None where there is only this one. ``trace`` is the packet's own story, where it was recorded. ``text`` is
    for whoever prints it to keep what was made of it.
    """

    __slots__ = (
        "connection",
        "course",
        "data",
        "end",
        "ended",
        "side",
        "start",
        "state",
        "text",
        "trace",
        "translated",
        "whole",
    )

    def __init__(self, data: bytes, start: str, end: str, state: str, ended: Ended) -> None:
        self.data = data
        self.start = start
        self.end = end
        self.state = state
        self.ended = ended
        self.translated: bytes | None = None
        self.whole = True
        self.course: Course | None = None
        self.side: Side | None = None
        self.text: Any = None
        self.trace: Trace | None = None
        self.connection: Tuple | None = None

    def logged(self, frame: Frame) -> list[Any]:
        """The lines that the packet of a frame leaves in the kernel's log, where stories are told."""
        if self.trace is not None:
            return self.trace.of(Logged)
        story = self.course.story if self.course is not None else None
        if story is None or self.side is None:
            return []
        return [retold_event(event, self.side, frame) for event in story.logged]


class Side:
    """One direction of an open connection, on the interface where its frames come in.

    ``head`` is what all its frames begin with (link-layer header, version, TOS); ``came`` and ``goes`` are the tuples of its
    packets as they come in, and once NAT has changed them; ``place`` is what else a course always hangs on. ``fates`` are
    good as long as the entry has ``status`` and ``mark``; ``open`` are those of segments of an open TCP connection, by
    their flags. ``telling`` is what stories of its packets need to be told; ``text`` is for whoever prints it.
    """

    __slots__ = (
        *(
            "came",
            "end",
            "entry",
            "fates",
            "goes",
            "head",
            "least_ttl",
            "mark",
            "mtu",
            "open",
            "own",
            "place",
            "pseudo",
        ),
        *("route", "start", "status", "telling", "text", "way"),
    )

    def __init__(self, entry: Entry, way: int, data: bytes, start: str, route: Decision) -> None:
        self.entry, self.way, self.start, self.route = entry, way, start, route
        self.came: Tuple = entry.tuple(way)
        self.goes: Tuple = inverse(entry.tuple(1 - way))
        self.head = data[:16]
        self.pseudo = int.from_bytes(data[26:34], "big") + data[23]
        self.end = route.oif or "local"
        self.least_ttl = 2 if route.oif else 0
        self.mtu = (route.mtu or NO_LIMIT) if route.oif else NO_LIMIT
        self.place = (start, route.oif, route.kind, self.came.protocol, way)
        self.own: dict[tuple[int, int, int], Course] = {}
        self.text: Any = None
        self.telling: Any = None
        self.renew(entry.status, entry.mark)

    def renew(self, status: int, mark: int) -> None:
        """Forget the fates, which were those of another status or mark."""
        self.status, self.mark = status, mark
        self.fates: dict[int, Fate] = {}
        self.open: dict[int, tuple[Fate, Course]] = {}

    def fate(self, data: bytes, course: Course) -> Fate:
        """The fate of a packet, a frame of this side, that takes a course."""
        fate = Fate(data[14:54], self.start, self.end, "ESTABLISHED", course.ended)
        if self.status & NAT_MASK:
            goes = self.goes
            ports = (goes.sport, goes.dport) if goes.protocol != ICMP else (data[34] << 8 | data[35], 0)
            fate.translated = data[14:26] + ENDPOINTS(goes.src, goes.dst, *ports)
        fate.course, fate.side, fate.connection = course, self, self.entry.original
        return fate
