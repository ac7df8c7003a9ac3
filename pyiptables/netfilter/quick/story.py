"""Stories retold: what the walk recorded of one packet, said of another that takes the same course.

Packets of one course meet the same hooks, tables and rules. Their stories differ only in what is each packet's own (its
bytes, the frame that leaves) and what is its side's own: connection, next hop, and what NAT makes of its endpoints. A
course is only kept for retelling where the story it was learned from, retold, is that very story.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pyiptables.conntrack.nat_manip import status_bit
from pyiptables.conntrack.nat_range import Manip
from pyiptables.hooks import Family
from pyiptables.netfilter.link import ETHERNET, Neighbourhood
from pyiptables.packet.link import Frame
from pyiptables.packet.notation import endpoint_texts
from pyiptables.packet.skb import Skb
from pyiptables.trace import events
from pyiptables.trace.events import Event

if TYPE_CHECKING:
    from pyiptables.netfilter.quick.course import Course
    from pyiptables.netfilter.quick.side import Side

LINK = 14
UDP, ICMP = 17, 1
CHECK_AT = {6: 36, 17: 26, 1: 22}
"""Where the transport's checksum stands behind an IPv4 header without options."""
ENDS = ("source", "destination")
ALIKE = (
    events.HookEntered,
    events.TableEntered,
    events.TableLeft,
    events.RuleMatched,
    events.ChainEntered,
    events.ChainReturned,
    events.Delivered,
    events.Decided,
)
"""Events that are the same for all packets of a course."""


class Telling:
    """What is a side's own in its packets' stories, and how to make their bytes at each stage.

    ``connection`` is the tuple, ``words`` the route's; ``before`` and ``after`` are the endpoints as they come and go, and
    ``changed`` says which differ. ``link`` is the link-layer header of what leaves, None where it is not known.
    """

    __slots__ = ("after", "before", "changed", "connection", "ends", "kind", "link", "mac", "sums", "words")

    def __init__(self, side: Side, data: bytes, neighbourhood: Neighbourhood) -> None:
        packet = data[LINK:]
        skb = Skb(packet, Family.IPV4, iif=side.start)
        self.connection = side.entry.original
        self.words = side.route.words
        self.mac = side.head[:LINK]
        self.kind = side.came.protocol
        bits = [side.status & status_bit(manip, side.way) for manip in (Manip.DST, Manip.SRC)]
        self.sums, self.ends = translations(side, bool(bits[0]), bool(bits[1]))
        self.before = endpoint_texts(skb)
        self.after = endpoint_texts(Skb(self.moved(packet, LAST, 0), Family.IPV4))
        self.changed = tuple(map(str.__ne__, self.before, self.after))
        self.link = link_of(side, neighbourhood)

    def moved(self, packet: bytes, stage: int, hops: int = 1) -> bytes:
        """A packet as it is at a stage: as it came, its destination changed, ``hops`` less, its source changed."""
        sums = self.sums[stage]
        hops = hops if stage >= FORWARDED else 0
        if sums is None and not hops:
            return packet
        delta, moved = sums or (0, 0)
        source, destination, sport, dport = self.ends[stage]
        rest = ((packet[10] << 8 | packet[11]) ^ 0xFFFF) + delta - (hops << 8)
        check = ((rest % 0xFFFF or 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")
        head = packet[:8] + bytes((packet[8] - hops, packet[9])) + check + source + destination
        if sums is None:
            return head + packet[20:]
        at = CHECK_AT[self.kind]
        said = packet[at] << 8 | packet[at + 1]
        value = (((said ^ 0xFFFF) + moved) % 0xFFFF or 0xFFFF) ^ 0xFFFF
        if self.kind == UDP:
            value = (value or 0xFFFF) if said else 0
        total = value.to_bytes(2, "big")
        if self.kind == ICMP:
            return head + packet[20:22] + total + sport + packet[26:]
        return head + sport + dport + packet[24:at] + total + packet[at + 2 :]

    def frame(self, data: bytes) -> bytes:
        """The frame that leaves for a frame of this side."""
        return (self.link or b"") + self.moved(data[LINK : LINK + (data[16] << 8 | data[17])], LAST)


ARRIVED, REDIRECTED, FORWARDED, LAST = range(4)
"""Stages of a packet: as it came, its destination changed, its TTL less, its source changed."""
Sums = tuple[int, int] | None
Ends = tuple[bytes, bytes, bytes, bytes]


def translations(side: Side, destination: bool, source: bool) -> tuple[list[Sums], list[Ends]]:
    """For each stage, what the checksums of header and transport change by (None: NAT has not touched it), and the ends."""
    came, goes = side.came, side.goes
    sums: list[Sums] = []
    ends: list[Ends] = []
    for stage in range(4):
        to = goes if destination and stage >= REDIRECTED else came
        by = goes if source and stage >= LAST else came
        address = by.src + to.dst - came.src - came.dst
        ports = by.sport + to.dport - came.sport - came.dport
        if came.protocol == ICMP:
            by = goes if (destination and stage >= REDIRECTED) or (source and stage >= LAST) else came
            ports = by.sport - came.sport
        touched = (destination and stage >= REDIRECTED) or (source and stage >= LAST)
        sums.append((address, ports if came.protocol == ICMP else address + ports) if touched else None)
        who = goes if source and stage >= LAST else came
        places = who.src.to_bytes(4, "big"), to.dst.to_bytes(4, "big")
        ends.append((*places, by.sport.to_bytes(2, "big"), (to.dport & 0xFFFF).to_bytes(2, "big")))
    return sums, ends


def link_of(side: Side, neighbourhood: Neighbourhood) -> bytes | None:
    """The link-layer header of what a side's packets become; None where its next hop is not known, or it stays here."""
    if not side.route.oif or not side.route.mtu:
        return None
    host = neighbourhood.host
    interface = host.interface(side.route.oif)
    if interface is None or len(interface.mac) != 6:
        return b""
    mac = neighbourhood.unicast(side.route, Family.IPV4)
    return mac + interface.mac + b"\x08\0" if mac is not None else None


def retold(found: tuple[Event, ...], side: Side, frame: Frame) -> tuple[Event, ...]:
    """The events of a story, said of a packet of a side whose :class:`Telling` is there."""
    return tuple(retold_event(event, side, frame) for event in found)


def retold_event(event: Event, side: Side, frame: Frame) -> Event:
    """An event of a story, said of a packet of a side."""
    own, data = side.telling, frame.data
    match event:
        case events.Arrived():
            return events.Arrived(frame.number, frame.time_ns, Family.IPV4, side.start, False, data[LINK:])
        case events.Tracked():
            return events.Tracked(event.state, event.reply, event.detail, own.connection)
        case events.Routed():
            return events.Routed(event.kind, own.words, event.out_interface, event.again)
        case events.Changed(what="source" | "destination"):
            place = ENDS.index(event.what)
            return events.Changed(event.what, own.before[place], own.after[place])
        case events.Sent():
            return events.Sent(event.interface, own.frame(data), ETHERNET if own.link else event.linktype)
        case LoggedAt():
            packet = own.moved(data[LINK : LINK + (data[16] << 8 | data[17])], event.stage)
            return events.Logged(
                frame.time_ns, event.prefix, event.level, event.flags, Family.IPV4, event.in_interface,
                event.out_interface, own.mac, event.mark, packet, event.trace,
            )  # fmt: skip
    return event


@dataclass(frozen=True, slots=True)
class LoggedAt(events.Logged):
    """A line in the kernel's log about the packet as it was at a stage."""

    stage: int = 0


def staged(event: Event, side: Side, data: bytes) -> Event:
    """An event of a packet, a frame of a side; with the stage for one that tells of the packet's bytes."""
    if not isinstance(event, events.Logged):
        return event
    packet = data[LINK : LINK + (data[16] << 8 | data[17])]
    for stage in range(4) if side.route.oif else (ARRIVED, REDIRECTED):
        if side.telling.moved(packet, stage) == event.data:
            said = {field.name: getattr(event, field.name) for field in fields(event)}
            return LoggedAt(**said | {"data": b"", "mac": b""}, stage=stage)
    return event


class Teller:
    """Decides which courses can be retold, and of whom. ``sends`` is whether stories tell of frames that leave."""

    def __init__(self, neighbourhood: Neighbourhood, *, sends: bool) -> None:
        self.neighbourhood = neighbourhood
        self.sends = sends

    def learn(self, side: Side, course: Course, frame: Frame, found: tuple[Event, ...]) -> bool:
        """Whether a course, learned from a frame of a side, can be retold; keeps its story if so."""
        leaves = [place for place, event in enumerate(found) if isinstance(event, events.Sent)]
        if leaves != ([len(found) - 2] if self.sends and side.route.oif else []):
            return False
        own = self._own(side, frame.data)
        changes = {event.what for event in found if isinstance(event, events.Changed)}
        if {end for end, changed in zip(ENDS, own.changed, strict=True) if changed} != changes & set(ENDS):
            return False
        if (leaves and own.link is None) or not all(map(may_be_retold, found)):
            return False
        kept = tuple(staged(event, side, frame.data) for event in found)
        if any(type(event) is events.Logged for event in kept) or retold(kept, side, frame) != found:
            return False
        course.story = Story(found, kept, own.changed)
        return True

    def fits(self, side: Side, course: Course, data: bytes) -> bool:
        """Whether a course's story can be told of a side's packets."""
        story, own = course.story, self._own(side, data)
        leaves = own.link is not None or not (self.sends and side.route.oif)
        return story is not None and leaves and bool(story.changed == own.changed)

    def _own(self, side: Side, data: bytes) -> Telling:
        if side.telling is None:
            side.telling = Telling(side, data, self.neighbourhood)
        telling: Telling = side.telling
        return telling


class Story:
    """A course's events, as recorded of the packet it was learned from.

    ``logged`` are those of the kernel's log, ready to be retold; ``text`` is for whoever prints them.
    """

    __slots__ = ("changed", "events", "logged", "text")

    def __init__(self, found: tuple[Event, ...], kept: tuple[Event, ...], changed: tuple[Any, ...]) -> None:
        self.events = found
        self.logged = [event for event in kept if isinstance(event, LoggedAt)]
        self.changed = changed
        self.text: Any = None


def may_be_retold(event: Event) -> bool:
    """Whether an event is the same for all packets of a course, or is known how to be made for another."""
    if isinstance(event, events.Changed):
        return event.what in (*ENDS, "mark", "trace")
    return isinstance(event, (*ALIKE, events.Arrived, events.Tracked, events.Routed, events.Sent, events.Logged))
