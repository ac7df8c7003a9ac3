"""Replaying a long capture quickly: how packets fare, and all that is counted, without the story of each.

Three roads, each exact:

- the common segment of an open connection whose like has passed before (same flow, same TCP flags, same status and
  marks) is tracked in one stride, and counts where the one before it counted;
- a datagram of an answered UDP flow likewise;
- every other frame goes through the engine, which records nothing.

What was passed over is written to the rules' counters by :meth:`QuickReplay.settle`. A test holds the result equal to
that of :class:`~pyiptables.netfilter.replay.Replay`: fates, counters and connections.
"""

from __future__ import annotations

from typing import Any

from pyiptables.conntrack import Ctinfo, Entry
from pyiptables.conntrack.entry import ASSURED, CONFIRMED, SEEN_REPLY
from pyiptables.conntrack.stride import Pace, may_stride, stride
from pyiptables.host import Kind
from pyiptables.netfilter.engine import Engine
from pyiptables.netfilter.path import Ended
from pyiptables.netfilter.replay import Replay, Replayed, Role
from pyiptables.packet.link import Direction, Frame, LinkType
from pyiptables.packet.packet import Packet
from pyiptables.packet.skb import Skb

ETHERNET, IPV4_START = int(LinkType.ETHERNET), b"\x08\x00\x45"
TCP, UDP = 6, 17
COMMON_FLAGS = (0x10, 0x18)
"""ACK, and ACK with PSH."""
NO_OPTIONS, TIMESTAMPS = 0x50, 0x80
TIMESTAMP_START = b"\x01\x01\x08\x0a"
MOST_FLOWS = 1_000_000
OPEN_UDP = CONFIRMED | SEEN_REPLY
NOTHING = Ended("NOTHING", None, "the packet's way did not end", None)
STAYS = (Kind.LOCAL, Kind.BROADCAST, Kind.MULTICAST, Kind.ANYCAST)


class Fate:
    """How a packet fared: what a line of the summary says of it. Packets that fare alike share one; ``count`` is how many.

    ``start`` and ``end`` are interfaces, ``local`` for a process of the host, and ``?`` where routing did not come to
    decide. ``text`` is for whoever prints it to keep what was made of it.
    """

    __slots__ = ("count", "data", "end", "ended", "start", "state", "text", "translated")

    def __init__(self, data: bytes, start: str, end: str, state: str, ended: Ended, translated: Skb | None) -> None:
        self.data = data
        self.start = start
        self.end = end
        self.state = state
        self.ended = ended
        self.translated = translated
        self.count = 1
        self.text: Any = None


class Plan:
    """What the like of a packet does again: its connection's status and marks, whom it counts, and its fate."""

    __slots__ = ("bytes", "fate", "mark", "packets", "status", "touched")

    def __init__(self, entry: Entry, touched: list[Any], fate: Fate) -> None:
        self.status, self.mark = entry.status, entry.mark
        self.touched = touched
        self.fate = fate
        self.packets = self.bytes = 0


class Flow:
    """One direction of a connection, as its frames show it."""

    __slots__ = ("entry", "mtu", "plans", "pseudo", "way")

    def __init__(self, entry: Entry, way: int, mtu: int, pseudo: int) -> None:
        self.entry, self.way, self.mtu, self.pseudo = entry, way, mtu, pseudo
        self.plans: dict[int, Plan] = {}


class QuickReplay(Replay):
    """Replays frames without stories; :meth:`fare` answers for each what became of it.

    ``two_sided`` is for a capture that also holds what leaves the host: then every frame is made, to be compared, and
    nothing is passed over.
    """

    def __init__(self, engine: Engine, *, interface: str = "", two_sided: bool = False) -> None:
        super().__init__(engine, interface=interface)
        engine.fall_silent()
        engine.network.sends = self.two_sided = two_sided
        self.pace = Pace.of(engine.conntrack.settings)
        self.checked = engine.conntrack.settings.checksum
        self.flows: dict[str, dict[bytes, Flow]] = {}
        self.plans: list[Plan] = []

    @classmethod
    def following(cls, replay: Replay, *, two_sided: bool) -> QuickReplay:
        """Go on, without stories, where another replay stands."""
        made = cls(replay.engine, interface=replay.interface, two_sided=two_sided)
        made.counts, made.assumptions, made._expected = replay.counts, replay.assumptions, replay._expected
        return made

    def fare(self, frame: Frame) -> Fate | None:
        """How a frame's packet fared; None for a frame that is not sent through the rules."""
        data = frame.data
        if (
            data[12:15] == IPV4_START
            and frame.direction is not Direction.OUTBOUND
            and frame.linktype == ETHERNET
            and len(data) >= 42
            and not (data[20] & 0x3F or data[21])
        ):
            flows = self.flows.get(frame.interface)
            flow = flows.get(data[26:38] + data[:12] + data[23:24]) if flows is not None else None
            if flow is not None:
                fate = self._again(flow, data, frame.time_ns)
                if fate is not None:
                    return fate
        slow: Fate | None = self.feed(frame).fate
        return slow

    def settle(self) -> None:
        """Count what was passed over; after it, the engine's counters are whole."""
        for plan in self.plans:
            for counted in plan.touched:
                counted.packets += plan.packets
                counted.bytes += plan.bytes
            plan.packets = plan.bytes = 0

    def _again(self, flow: Flow, data: bytes, now: int) -> Fate | None:
        """The fate of a packet whose like has passed, or None where it may fare otherwise."""
        entry = flow.entry
        tcp = data[23] == TCP
        plan = flow.plans.get(data[47] if tcp and len(data) > 53 else 0)
        if plan is None or entry.status != plan.status or entry.mark != plan.mark or entry.timeout <= now:
            return None
        length = data[16] << 8 | data[17]
        behind = 14 + length
        if behind > len(data) or length > flow.mtu or data[22] < 2 or int.from_bytes(data[14:34], "big") % 0xFFFF:
            return None
        if tcp:
            offset = data[46]
            if offset == NO_OPTIONS:
                size = length - 40
            elif offset == TIMESTAMPS and data[54:58] == TIMESTAMP_START:
                size = length - 52
            else:
                return None
            if size < 0 or (self.checked and not self._sums_up(flow, data, length - 20, behind)):
                return None
            seq = int.from_bytes(data[38:42], "big")
            ack = int.from_bytes(data[42:46], "big")
            window = data[48] << 8 | data[49]
            if self.pace is None or not stride(
                entry, flow.way, seq, seq + size & 0xFFFFFFFF, ack, window, now, self.pace
            ):
                return None
        elif not self._datagram(flow, data, length, behind, now):
            return None
        if entry.counters is not None:
            entry.account(flow.way, length)
        plan.packets += 1
        plan.bytes += length
        plan.fate.count += 1
        return plan.fate

    @staticmethod
    def _sums_up(flow: Flow, data: bytes, size: int, behind: int) -> bool:
        """Whether the transport checksum is right."""
        value = int.from_bytes(data[34:behind], "big")
        if size & 1:
            value <<= 8
        return not (value + flow.pseudo + size) % 0xFFFF

    def _datagram(self, flow: Flow, data: bytes, length: int, behind: int, now: int) -> bool:
        """Track a datagram of an answered UDP flow, as udp_packet does."""
        entry, size = flow.entry, length - 20
        if size < 8 or (data[38] << 8 | data[39]) != size:
            return False
        if (data[40] or data[41]) and self.checked and not self._sums_up(flow, data, size, behind):
            return False
        fresh, stream = self.engine.conntrack.settings.udp
        old = now > (entry.proto or 0)
        if old and not entry.status & ASSURED:
            return False
        entry.timeout = now + (stream if old else fresh) * 1_000_000_000
        return True

    # the engine's road, watched

    def _through(self, packet: Packet, frame: Frame, role: Role) -> tuple[Replayed, list[tuple[str, bytes]]]:
        """Send a packet through the engine, and remember what its like will do again."""
        engine, services = self.engine, self.engine.services
        touched: list[Any] = []
        services.touched, asked = touched, services.asked
        engine.send(packet)
        services.touched = None
        fate = self._fate(packet)
        if services.asked == asked and role is Role.RECEIVED and not self.two_sided:
            self._remember(frame, touched, fate)
        sent = [(interface, data) for interface, _, data in engine.take_frames()] if self.two_sided else []
        return Replayed(frame, role, fate=fate), sent

    def _fate(self, packet: Packet) -> Fate:
        engine = self.engine
        skb, ended = engine.last, engine.network.ended or NOTHING
        start = "local" if packet.local else packet.interface
        if skb is None or skb.dst is None or skb.dst.refused:
            end = "?"
        else:
            end = "local" if skb.dst.kind in STAYS and not skb.dst.oif else skb.dst.oif
        changed = skb is not None and skb.data[: skb.thoff + 4][12:] != packet.data[: skb.thoff + 4][12:]
        return Fate(packet.data, start, end, engine.state, ended, skb if changed else None)

    def _remember(self, frame: Frame, touched: list[Any], fate: Fate) -> None:
        """Keep what a packet of an open connection did, where its like must do the same."""
        data, skb = frame.data, self.engine.last
        if skb is None or data[12:15] != IPV4_START or frame.linktype != ETHERNET or skb.frag_max_size:
            return
        entry: Entry | None = skb.nfct
        if entry is None or skb.ctinfo not in (Ctinfo.ESTABLISHED, Ctinfo.ESTABLISHED_REPLY) or fate.end == "lo":
            return
        if entry.helper is not None or entry.synproxy is not None:  # they look at every packet
            return
        if skb.protocol == TCP and len(data) > 53 and data[47] in COMMON_FLAGS and may_stride(entry):
            kind = data[47]
        elif skb.protocol == UDP and entry.status & OPEN_UDP == OPEN_UDP:
            kind = 0
        else:
            return
        flows = self.flows.setdefault(frame.interface, {})
        key = data[26:38] + data[:12] + data[23:24]
        flow = flows.get(key)
        if flow is None or flow.entry is not entry:
            if len(flows) >= MOST_FLOWS:
                flows.clear()
            mtu = skb.dst.mtu if skb.dst is not None and skb.dst.oif else 0
            pseudo = int.from_bytes(data[26:34], "big") + skb.protocol
            flow = flows[key] = Flow(entry, int(skb.ctinfo == Ctinfo.ESTABLISHED_REPLY), mtu or 0xFFFF, pseudo)
        plan = flow.plans[kind] = Plan(entry, touched, fate)
        self.plans.append(plan)
