"""Replaying a capture of a host: which frames came in, which a local process sent, which are forwarded copies.

A capture of a real host holds both sides. What came in and what a process sent is sent through the engine again; the
outgoing copy of a forwarded packet is held against what the simulation sent. Frames in, outcomes out; no I/O.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pyiptables.conntrack import invert, tuple_at
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.netfilter.engine import Engine
from pyiptables.packet.build import pack
from pyiptables.packet.checksum import checksum, pseudo_sum
from pyiptables.packet.link import IPV4, IPV6, Direction, Frame, Link, decode
from pyiptables.packet.packet import Packet
from pyiptables.packet.skb import PacketType
from pyiptables.trace.events import Sent, Trace

LOCAL_INTERFACE = "local"
"""The name under which captures hold what local processes send, before it is routed."""
KEPT = 65536
"""How many frames that the simulation sent are remembered, to be found in the capture."""


class Role(Enum):
    """What a captured frame is to the host."""

    RECEIVED = "received"
    SENT = "sent by the host itself"
    COPY = "outgoing copy, as the simulation sends it"
    UNEXPECTED = "outgoing frame that the simulation does not send"
    LOOPED = "copy on the loopback interface"
    OTHER_HOST = "for another host's MAC"
    NOT_IP = "not IP"
    OTHER_FAMILY = "of the other family"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One frame of a capture and what came of it; ``trace`` is None for a frame that was not sent through the engine."""

    frame: Frame
    role: Role
    trace: Trace | None = None
    note: str = ""
    fate: Any = None


class Replay:
    """Sends a capture's frames through an engine.

    ``interface`` names the interface of frames whose capture does not say. ``counts`` counts frames by role;
    ``assumptions`` collects, in words and once each, what had to be assumed.
    """

    def __init__(self, engine: Engine, *, interface: str = "") -> None:
        self.engine = engine
        self.host: Host = engine.host
        self.interface = interface
        self.counts: Counter[Role] = Counter()
        self.assumptions: dict[str, None] = {}
        self._expected: OrderedDict[tuple[str, bytes], int] = OrderedDict()

    def feed(self, frame: Frame) -> Replayed:
        """Take the next frame of the capture."""
        replayed = self._feed(frame)
        self.counts[replayed.role] += 1
        return replayed

    @property
    def unseen(self) -> int:
        """How many frames the simulation sent for received packets that the capture does not hold (of the latest)."""
        return sum(self._expected.values())

    def _feed(self, frame: Frame) -> Replayed:
        link = decode(frame)
        if link.problem:
            return Replayed(frame, Role.UNREADABLE, note=link.problem)
        if link.ethertype not in (IPV4, IPV6):
            return Replayed(frame, Role.NOT_IP, note=f"EtherType {link.ethertype:#06x}")
        if link.ethertype != (IPV4 if self.engine.family is Family.IPV4 else IPV6):
            return Replayed(frame, Role.OTHER_FAMILY)
        name = self._interface(frame, link)
        if name == LOCAL_INTERFACE:
            return self._send(frame, link, Role.SENT, "")
        role = self._role(frame, link, name)
        if role is Role.COPY:
            self.engine.network.answers_timestamps = False
            return self._copy(frame, link, name)
        if role is Role.LOOPED:
            return Replayed(frame, role)
        return self._send(frame, link, role, name)

    def is_two_sided(self, frames: Iterable[Frame]) -> bool:
        """Whether any of the frames leaves the host: the capture then holds what the host sends, too."""
        for frame in frames:
            link = decode(frame)
            name = self._interface(frame, link) if not link.problem else LOCAL_INTERFACE
            if name != LOCAL_INTERFACE and self._outgoing(frame, link, name):
                return True
        return False

    # telling frames apart

    def _interface(self, frame: Frame, link: Link) -> str:
        """The interface a frame passed: as captured, as said, by index, by MAC, or the only one there is."""
        if frame.interface and frame.interface != "any":
            return frame.interface
        if link.interface_index is not None:
            for interface in self.host.interfaces:
                if interface.index == link.interface_index:
                    return interface.name
        if self.interface:
            return self.interface
        macs = (link.destination, link.source)
        for interface in self.host.interfaces:
            if interface.mac and any(interface.mac) and interface.mac in macs:
                return interface.name
        others = [interface.name for interface in self.host.interfaces if interface.name != "lo"]
        chosen = others[0] if others else "eth0"
        self.assumptions[f"frames whose interface the capture does not say are taken to be on {chosen}"] = None
        return chosen

    def _role(self, frame: Frame, link: Link, name: str) -> Role:
        outgoing = self._outgoing(frame, link, name)
        if name == "lo":
            return Role.SENT if outgoing or frame.direction is Direction.UNKNOWN else Role.LOOPED
        if not outgoing:
            other = self._packet_type(link, name) is PacketType.OTHERHOST
            return Role.OTHER_HOST if other else Role.RECEIVED
        return Role.COPY

    def _outgoing(self, frame: Frame, link: Link, name: str) -> bool:
        """By the direction that the capture records, else by MAC, else by the source address."""
        if frame.direction is not Direction.UNKNOWN:
            return frame.direction is Direction.OUTBOUND
        if link.packet_type is not None:
            return link.packet_type is PacketType.OUTGOING
        interface = self.host.interface(name)
        if interface is not None and any(interface.mac) and link.source is not None:
            return link.source == interface.mac
        return self._source_is_local(link)

    def _source_is_local(self, link: Link) -> bool:
        payload = link.payload
        if self.engine.family is Family.IPV4:
            return len(payload) >= 20 and self.host.is_local(Family.IPV4, int.from_bytes(payload[12:16], "big"))
        return len(payload) >= 40 and self.host.is_local(Family.IPV6, int.from_bytes(payload[8:24], "big"))

    def _packet_type(self, link: Link, name: str) -> PacketType:
        """Whom the link layer says a frame is for (eth_type_trans)."""
        if link.packet_type is not None:
            return PacketType(link.packet_type)
        destination = link.destination
        if destination is None:
            return PacketType.HOST
        if destination[0] & 1:
            return PacketType.BROADCAST if destination == b"\xff" * 6 else PacketType.MULTICAST
        interface = self.host.interface(name)
        if interface is None or not any(interface.mac) or destination == interface.mac:
            return PacketType.HOST
        return PacketType.OTHERHOST

    # sending

    def _send(self, frame: Frame, link: Link, role: Role, name: str, data: bytes | None = None) -> Replayed:
        local = role is Role.SENT
        packet = Packet(
            data=link.payload if data is None else data,
            interface="" if local else name,
            time=frame.time_ns,
            mac=b"" if local else link.mac,
            packet_type=PacketType.HOST if local else self._packet_type(link, name),
            number=frame.number,
            raw=local and frame.interface == LOCAL_INTERFACE,
        )
        replayed, sent = self._through(packet, frame, role)
        for interface, data_sent in sent:
            self._expect(interface, data_sent)
        return replayed

    def _through(self, packet: Packet, frame: Frame, role: Role) -> tuple[Replayed, list[tuple[str, bytes]]]:
        """Send a packet through the engine: what came of it, and the frames that left."""
        trace = self.engine.send(packet)
        return Replayed(frame, role, trace), [(event.interface, event.frame) for event in trace.of(Sent)]

    def _copy(self, frame: Frame, link: Link, name: str) -> Replayed:
        """An outgoing frame: one that the simulation sent, one that a local process did, or one not expected."""
        key = (name, same(link.payload))
        count = self._expected.get(key, 0)
        if count:
            if count == 1:
                del self._expected[key]
            else:
                self._expected[key] = count - 1
            return Replayed(frame, Role.COPY)
        data = self._as_sent(link.payload)
        if data is None:
            return Replayed(frame, Role.UNEXPECTED)
        replayed = self._send(frame, link, Role.SENT, name, data)
        self._forget(name, link.payload)  # what it became on the wire is this very frame
        return replayed

    def _as_sent(self, payload: bytes) -> bytes | None:
        """The packet as the local process sent it, NAT on the way out undone; None when no local process can have."""
        family = self.engine.family
        if len(payload) < (20 if family is Family.IPV4 else 40):
            return payload
        head = (payload[0] & 15) * 4 if family is Family.IPV4 else 40
        tup = tuple_at(payload, 0, family) if head <= len(payload) else None
        answer = invert(tup) if tup is not None else None
        found = self.engine.conntrack.find(answer) if answer is not None else None
        if tup is not None and found is not None:
            entry, direction = found
            before = entry.tuple(1 - direction)
            if before != tup and self.host.is_local(family, before.src):
                return rewritten(payload, before.src, before.sport, family)
        source = payload[12:16] if family is Family.IPV4 else payload[8:24]
        return payload if self.host.is_local(family, int.from_bytes(source, "big")) else None

    def _expect(self, interface: str, frame: bytes) -> None:
        data = frame[14:] if len(frame) >= 14 and frame[12:14] in (b"\x08\0", b"\x86\xdd") else frame
        key = (interface, same(data))
        self._expected[key] = self._expected.get(key, 0) + 1
        if len(self._expected) > KEPT:
            self._expected.popitem(last=False)

    def _forget(self, interface: str, data: bytes) -> None:
        self._expected.pop((interface, same(data)), None)


def same(data: bytes) -> bytes:
    """What two sightings of one packet have in common: all but the IPv4 identification and header checksum."""
    if len(data) < 20 or data[0] >> 4 != 4:
        return data
    return data[:4] + data[6:10] + data[12:]


def rewritten(data: bytes, source: int, port: int, family: Family) -> bytes:
    """A packet with another source address and, for TCP and UDP, another source port; checksums are made anew."""
    made = bytearray(data)
    start, size, head = (12, 4, (data[0] & 15) * 4) if family is Family.IPV4 else (8, 16, 40)
    made[start : start + size] = pack(source, family)
    protocol = data[9] if family is Family.IPV4 else data[6]
    place = {6: 16, 17: 6}.get(protocol)
    if place is not None and head + place + 2 <= len(made):
        made[head : head + 2] = port.to_bytes(2, "big")
        made[head + place : head + place + 2] = b"\0\0"
        total = pseudo_sum(
            bytes(made[start : start + size]), bytes(made[start + size : start + 2 * size]), protocol, len(made) - head
        )
        made[head + place : head + place + 2] = checksum(made[head:], total).to_bytes(2, "big")
    if family is Family.IPV4:
        made[10:12] = b"\0\0"
        made[10:12] = checksum(made[:head]).to_bytes(2, "big")
    return bytes(made)
