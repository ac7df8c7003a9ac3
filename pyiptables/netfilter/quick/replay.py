"""Replaying a long capture quickly: how packets fare, and all that is counted, without the story of each.

A packet takes one of three roads, each exact:

- the common segment of an open TCP connection, whose like has passed before, is tracked in one stride and counts where
  its course counts (:meth:`QuickReplay.fare` itself);
- other packets of connections that are known, whose course is known, are tracked by the means of
  :mod:`pyiptables.conntrack.stride` (:class:`~pyiptables.netfilter.quick.steps.Steps`);
- every other frame goes through the engine, which records nothing, and whose walk is learned as a course.

What was passed over is written to the rules' counters by :meth:`QuickReplay.settle`. Tests hold the result equal to that
of :class:`~pyiptables.netfilter.replay.Replay`: fates, counters and connections.
"""

from __future__ import annotations

import struct

from pyiptables.conntrack.stride import stride
from pyiptables.hooks import Family
from pyiptables.host import Kind
from pyiptables.netfilter.engine import Engine
from pyiptables.netfilter.path import Ended
from pyiptables.netfilter.quick.course import Course
from pyiptables.netfilter.quick.side import TCP, Fate, Side
from pyiptables.netfilter.quick.steps import ETHERNET, OUTBOUND, Steps
from pyiptables.netfilter.quick.story import Teller
from pyiptables.netfilter.replay import Replay, Replayed, Role
from pyiptables.packet.link import Frame
from pyiptables.packet.packet import Packet

SEGMENT = struct.Struct(">H2xHBx14xIIBBH").unpack_from
"""Of an IPv4 header without options and a TCP header, from the length on: length, fragment, TTL, then TCP's fields."""
NO_OPTIONS, TIMESTAMPS = 0x50, 0x80
TIMESTAMP_START = b"\x01\x01\x08\x0a"
NO_SOURCE = bytes(4)
NOTHING = Ended("NOTHING", None, "the packet's way did not end", None)
STAYS = (Kind.LOCAL, Kind.BROADCAST, Kind.MULTICAST, Kind.ANYCAST)


class QuickReplay(Steps, Replay):
    """Replays frames without stories; :meth:`fare` answers for each what became of it.

    ``told`` keeps the stories that the engine records, for packets whose course was learned before to be told by them.
    ``two_sided`` is for a capture that also holds what leaves the host: then every frame is made, to be compared, and
    nothing is passed over.
    """

    def __init__(self, engine: Engine, *, interface: str = "", two_sided: bool = False, told: bool = False) -> None:
        super().__init__(engine, interface=interface)
        self.two_sided = two_sided
        if not told:
            engine.fall_silent()
            engine.network.sends = two_sided
        self.begin(engine)
        if told:
            self.teller = Teller(engine.network.neighbourhood, sends=engine.network.sends)

    @classmethod
    def following(cls, replay: Replay, *, two_sided: bool, told: bool = False) -> QuickReplay:
        """Go on where another replay stands."""
        made = cls(replay.engine, interface=replay.interface, two_sided=two_sided, told=told)
        made.counts, made.assumptions, made._expected = replay.counts, replay.assumptions, replay._expected
        return made

    def fare(self, frame: Frame) -> Fate | None:
        """How a frame's packet fared; None for a frame that is not sent through the rules."""
        _, now, interface, linktype, direction, data, _ = frame
        side: Side | None = None
        if len(data) > 53 and data[23] == TCP and linktype == ETHERNET and direction is not OUTBOUND:
            sides = self.sides.get(interface)
            side = sides.get(data[26:38]) if sides is not None else None
        if side is not None and data.startswith(side.head):
            length, fragment, ttl, seq, ack, offset, flags, window = SEGMENT(data, 16)
            open_, entry, behind = side.open.get(flags), side.entry, 14 + length
            if (
                open_ is not None
                and entry.status == side.status
                and entry.mark == side.mark
                and entry.timeout > now
                and not fragment & 0x3FFF
                and ttl >= side.least_ttl
                and behind <= len(data)
                and length <= side.mtu
                and not int.from_bytes(data[14:34], "big") % 0xFFFF
            ):
                if offset == NO_OPTIONS:
                    size = length - 40
                elif offset == TIMESTAMPS and data[54:58] == TIMESTAMP_START:
                    size = length - 52
                else:
                    size = -1
                if size >= 0 and (not self.checked or sums_up(data, behind, side.pseudo + length - 20)):
                    end = seq + size & 0xFFFFFFFF if size else seq
                    if stride(entry, side.way, seq, end, ack, window, now, self.pace):
                        self.latest = now
                        fate, course = open_
                        course.packets += 1
                        course.bytes += length
                        if entry.counters is not None:
                            entry.account(side.way, length)
                        return fate
        if not self.two_sided and linktype == ETHERNET and direction is not OUTBOUND:
            stepped = self.step(frame, side)
            if stepped is not None:
                self.latest = now
                return stepped
        slow: Fate | None = self.feed(frame).fate
        if slow is not None:  # a frame that is not sent through the rules leaves the clocks as they are
            self.latest = now
        return slow

    def settle(self) -> None:
        """Count what was passed over; after it, the engine's counters are whole, and its clocks show the last packet."""
        self.courses.settle()
        engine = self.engine
        engine.network.now = engine.conntrack.now = engine.services.now = self.latest or engine.network.now

    # the engine's road, watched

    def _through(self, packet: Packet, frame: Frame, role: Role) -> tuple[Replayed, list[tuple[str, bytes]]]:
        """Send a packet through the engine, and learn its course."""
        engine, services = self.engine, self.engine.services
        watched = role is Role.RECEIVED and not self.two_sided
        services.touched, services.looked = ([] if watched else None), 0
        trace = engine.send(packet)
        touched, services.touched = services.touched, None  # it was taken away where nothing can be learned
        fate = self._fate(packet)
        fate.trace = trace if engine.recorder is not None else None
        if touched is not None and engine.last is not None:
            self.learn(frame, engine.last, Course(services.looked, touched, fate.ended), trace.events)
        sent = [(interface, data) for interface, _, data in engine.take_frames()]
        return Replayed(frame, role, fate.trace, fate=fate), sent if self.two_sided else []

    def _fate(self, packet: Packet) -> Fate:
        engine = self.engine
        skb, ended = engine.last, engine.network.ended or NOTHING
        start = "local" if packet.local else packet.interface
        way = engine.network.routed
        end = "?" if way is None else "local" if way.kind in STAYS and not way.oif else way.oif or "?"
        fate = Fate(packet.data, start, end, engine.state, ended)
        if skb is None:
            return fate
        fate.connection = skb.nfct.original if skb.nfct is not None else None
        now = bytes(skb.data)
        if packet.local and packet.data[12:16] == NO_SOURCE and skb.family is Family.IPV4:  # routing filled it in
            sent_from = skb.nfct.original.src if skb.nfct is not None else skb.saddr
            now = now[:12] + NO_SOURCE + now[16:] if sent_from == skb.saddr else now
        if now[12 : skb.thoff + 4] != packet.data[12 : skb.thoff + 4]:
            fate.translated, fate.whole = now, not skb.frag_max_size
        return fate


def sums_up(data: bytes, behind: int, pseudo: int) -> bool:
    """Whether the transport checksum of a frame's IPv4 packet without options is right, ``pseudo`` being the rest of it."""
    value = int.from_bytes(data[34:behind], "big")
    if behind & 1:
        value <<= 8
    return not (value + pseudo) % 0xFFFF
