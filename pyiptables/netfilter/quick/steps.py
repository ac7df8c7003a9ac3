"""Steps: packets of known connections that are not the most common ones, tracked without the engine.

These are the handshake, the first segments of their kind, the teardown, datagrams and pings. Each is taken only where the
connection's tracker has a plain way for it and the course is known; of all others :meth:`Steps.step` says so, having
changed nothing.
"""

from __future__ import annotations

from pyiptables.conntrack import Ctinfo, Entry, Tuple
from pyiptables.conntrack.entry import ASSURED, CONFIRMED, DYING, NAT_MASK, SECOND, SEEN_REPLY
from pyiptables.conntrack.stride import KINDS, SPECIAL, SYN_ACK, Pace, advance, answer, status_after
from pyiptables.conntrack.tcp_states import ACK_SET, SYNACK_SET, TcpState
from pyiptables.conntrack.tcp_window import SACK_PERM, Segment, highest_sack
from pyiptables.hooks import Family
from pyiptables.host import Kind
from pyiptables.netfilter.engine import Engine
from pyiptables.netfilter.quick.course import Course, Courses
from pyiptables.netfilter.quick.side import ICMP, TCP, UDP, Fate, Side
from pyiptables.netfilter.quick.story import Teller
from pyiptables.netfilter.replay import Replay, Role
from pyiptables.packet.link import IPV4, Direction, Frame, LinkType, decode
from pyiptables.packet.skb import PacketType, Skb
from pyiptables.trace.events import Event

ETHERNET, OUTBOUND = int(LinkType.ETHERNET), Direction.OUTBOUND
IPV4_START = b"\x08\x00\x45"
ECHOES = (b"\x08\x00", b"\x00\x00")
MOST_SIDES = 1_000_000
FEWEST_SIDES = 8192
"""Below so many, those of ended connections are not looked for."""
NO_PACE = Pace((0,) * len(TcpState), 0, 0, 0, 0)


class Steps(Replay):
    """The part of the quick replay that knows connections' sides, and steps with them."""

    def begin(self, engine: Engine) -> None:
        """Know nothing, of this engine."""
        settings = engine.conntrack.settings
        pace = Pace.of(settings)
        self.pace: Pace = pace or NO_PACE
        self.checked = settings.checksum
        self.latest = 0
        self.teller: Teller | None = None
        self.courses = Courses()
        self.sides: dict[str, dict[bytes, Side]] = {}
        """By interface of the capture, then by what :func:`key_of` reads off a frame."""
        self.entrances: dict[tuple[str, bytes], str] = {}
        self.prune_at = FEWEST_SIDES
        self.steps = engine.tracking and pace is not None and engine.family is Family.IPV4
        self.translates = "nat" in engine.tables

    def step(self, frame: Frame, side: Side | None) -> Fate | None:
        """How a packet of a known connection fared; None, and nothing changed, where the engine must be asked."""
        data = frame.data
        if not self.steps or data[12:15] != IPV4_START or len(data) < 42:
            return None
        length = data[16] << 8 | data[17]
        if 14 + length > len(data) or length < 28 or data[20] & 0x3F or data[21]:
            return None
        if int.from_bytes(data[14:34], "big") % 0xFFFF:
            return None
        if side is None or side.entry.status & DYING or not data.startswith(side.head):
            side = self.side_of(frame)
            if side is None:
                return None
        entry = side.entry
        if length > side.mtu or data[22] < side.least_ttl or entry.timeout <= frame.time_ns:
            return None
        protocol = data[23]
        if protocol == TCP:
            return self._segment(side, data, length, frame.time_ns)
        if protocol == UDP:
            return self._datagram(side, data, length, frame.time_ns)
        return self._ping(side, data, length, frame.time_ns)

    def learn(self, frame: Frame, skb: Skb, course: Course, told: tuple[Event, ...]) -> None:
        """Keep the course that the engine's walk took with a frame's packet, where the like of it will take it again.

        ``told`` is the story, where one is recorded.
        """
        if not self.steps or course.ended.verdict != "ACCEPT" or frame.linktype != ETHERNET:
            return
        if skb.ctinfo not in (Ctinfo.ESTABLISHED, Ctinfo.ESTABLISHED_REPLY) or skb.nfct is None or skb.ihl != 20:
            return
        data = frame.data
        if data[12:15] != IPV4_START or len(data) < 42 or data[20] & 0x3F or data[21]:
            return
        side = self.side_of(frame)
        if side is None or side.entry is not skb.nfct or side.route != skb.dst:
            return
        if self.courses.full:
            self.forget()
            side = self.side_of(frame)
        if side is not None and (self.teller is None or self.teller.learn(side, course, frame, told)):
            self.courses.learn(side, kind_of(data), course)

    def forget(self) -> None:
        """Settle all courses and know no side any more."""
        self.courses.forget()
        self.sides.clear()

    # sides

    def side_of(self, frame: Frame) -> Side | None:
        """The side that a frame with an IPv4 packet belongs to, made when it is new; None where it is not for steps."""
        data = frame.data
        key = key_of(data)
        if key is None:
            return None
        sides = self.sides.setdefault(frame.interface, {})
        side = sides.get(key)
        if side is not None and not side.entry.status & SPECIAL and data.startswith(side.head):
            return side
        conntrack = self.engine.conntrack
        conntrack.now = frame.time_ns
        found = conntrack.find(tuple_of(data))
        if found is None:
            return None
        entry, way = found
        if not may_step(entry, way) or (entry.status & NAT_MASK and not self.translates):
            return None
        name = self._entrance(frame)
        side = self._made(entry, way, data, name) if name else None
        if side is not None:
            self._prune(len(sides))
            self.sides.setdefault(frame.interface, sides)[key] = side
        return side

    def _made(self, entry: Entry, way: int, data: bytes, name: str) -> Side | None:
        """A side of an entry; None where its packets are neither forwarded nor delivered in the plain way."""
        came, goes = entry.tuple(way), entry.tuple(1 - way)
        route = self.engine.host.route(
            Family.IPV4, goes.src, src=came.src, iif=name, tos=data[15], protocol=came.protocol,
            sport=came.sport if came.protocol != ICMP else 0, dport=goes.sport if came.protocol != ICMP else 0,
            output=False,
        )  # fmt: skip
        if route.kind is not Kind.FORWARD and (route.kind is not Kind.LOCAL or route.oif):
            return None
        if entry.masq_ifindex and not way and entry.masq_ifindex != route.oif:
            return None
        return Side(entry, way, data, name, route)

    def _entrance(self, frame: Frame) -> str:
        """The interface where a frame comes in that is for this host, or ""."""
        place = frame.interface, frame.data[:14]
        name = self.entrances.get(place)
        if name is None:
            link = decode(frame)
            name = self._interface(frame, link)
            plain = link.ethertype == IPV4 and not link.problem and name not in ("lo", "local")
            received = plain and self._role(frame, link, name) is Role.RECEIVED
            if not received or self._packet_type(link, name) is not PacketType.HOST:
                name = ""
            if len(self.entrances) >= FEWEST_SIDES:
                self.entrances.clear()
            self.entrances[place] = name
        return name

    def _prune(self, count: int) -> None:
        """Forget the sides of connections that have ended, now and then; all, when there are too many."""
        if count < self.prune_at:
            return
        for name, sides in self.sides.items():
            self.sides[name] = {key: side for key, side in sides.items() if not side.entry.status & SPECIAL}
        left = max(map(len, self.sides.values()), default=0)
        if left >= MOST_SIDES:
            self.forget()
        self.prune_at = max(FEWEST_SIDES, 2 * left)

    # steps

    def _segment(self, side: Side, data: bytes, length: int, now: int) -> Fate | None:
        """Track a TCP segment that opens, keeps open or closes a connection in the ordinary way."""
        entry, flags = side.entry, data[47] if len(data) > 53 else 0
        header = (data[46] >> 2) & 0x3C if flags else 0
        status = status_after(entry, side.way, flags) if flags else None
        size = length - 20 - header
        if status is None or header < 20 or size < 0:
            return None
        fate = self._fate_of(side, data, flags, status)
        if fate is None or (self.checked and not self._sums_up(side, data, length)):
            return None
        seq, ack = int.from_bytes(data[38:42], "big"), int.from_bytes(data[42:46], "big")
        kind = SYNACK_SET if flags == SYN_ACK else KINDS[flags]
        end = seq + size + (flags & 1) + (flags >> 1 & 1) & 0xFFFFFFFF
        segment = Segment(seq, ack, end, data[48] << 8 | data[49], flags, kind, data[54 : 34 + header])
        if kind == SYNACK_SET:
            if not answer(entry, segment, now, self.pace, self.engine.conntrack.settings.tcp_be_liberal):
                return None
        else:
            peer = entry.proto.ends[1 - side.way]
            if peer.flags & SACK_PERM and segment.options and highest_sack(segment.options, ack) != ack:
                return None
            if not advance(entry, side.way, segment, now, self.pace):
                return None
        if (
            kind == ACK_SET
            and fate.course is not None
            and status & ASSURED
            and entry.proto.state == TcpState.ESTABLISHED
        ):
            side.open[flags] = fate, fate.course
        return self._taken(side, fate, length, status)

    def _datagram(self, side: Side, data: bytes, length: int, now: int) -> Fate | None:
        """Track a UDP datagram of an answered flow, or its first answer, as udp_packet does."""
        entry, size = side.entry, length - 20
        if (data[38] << 8 | data[39]) != size or not (side.way or entry.status & SEEN_REPLY):
            return None
        old = bool(entry.status & SEEN_REPLY) and now > (entry.proto or 0)
        status = entry.status | (SEEN_REPLY if side.way else 0) | (ASSURED if old else 0)
        fate = self._fate_of(side, data, 0, status)
        if fate is None:
            return None
        if (data[40] or data[41]) and self.checked and not self._sums_up(side, data, length):
            return None
        fresh, stream = self.engine.conntrack.settings.udp
        entry.timeout = now + (stream if old else fresh) * SECOND
        return self._taken(side, fate, length, status)

    def _ping(self, side: Side, data: bytes, length: int, now: int) -> Fate | None:
        """Track an echo request of an answered flow, or a reply, as icmp_packet does."""
        entry = side.entry
        if not (side.way or entry.status & SEEN_REPLY):
            return None
        status = entry.status | (SEEN_REPLY if side.way else 0)
        fate = self._fate_of(side, data, kind_of(data), status)
        if fate is None:
            return None
        value = int.from_bytes(data[34 : 14 + length], "big") << (8 if length & 1 else 0)
        if self.checked and (not value or value % 0xFFFF):
            return None
        entry.timeout = now + self.engine.conntrack.settings.icmp * SECOND
        return self._taken(side, fate, length, status)

    def _fate_of(self, side: Side, data: bytes, kind: int, status: int) -> Fate | None:
        """The fate of a side's packets of a kind, once the entry has that status; None where the course is not known."""
        mark = side.entry.mark
        if status == side.status and mark == side.mark:
            fate = side.fates.get(kind)
            if fate is not None:
                return fate
        course = self.courses.find(side, kind, status, mark)
        if course is None or (self.teller is not None and not self.teller.fits(side, course, data)):
            return None
        if status != side.status or mark != side.mark:
            side.renew(status, mark)
        fate = side.fates[kind] = side.fate(data, course)
        return fate

    def _taken(self, side: Side, fate: Fate, length: int, status: int) -> Fate:
        """Count a packet that was tracked."""
        entry, course = side.entry, fate.course
        entry.status = status
        if entry.counters is not None:
            entry.account(side.way, length)
        if course is not None:
            course.packets += 1
            course.bytes += length
        return fate

    @staticmethod
    def _sums_up(side: Side, data: bytes, length: int) -> bool:
        """Whether the transport checksum is right."""
        value = int.from_bytes(data[34 : 14 + length], "big") << (8 if length & 1 else 0)
        return not (value + side.pseudo + length - 20) % 0xFFFF


def may_step(entry: Entry, way: int) -> bool:
    """Whether nothing looks at a connection's packets but its protocol's tracker and the rules."""
    if entry.status & (CONFIRMED | SPECIAL) != CONFIRMED or entry.helper is not None or entry.synproxy is not None:
        return False
    if entry.seqadj is not None or entry.original == entry.reply:
        return False
    return entry.original.protocol != TCP or entry.proto is not None


def key_of(data: bytes) -> bytes | None:
    """What a frame's packet is found by: addresses and ports for TCP, longer or shorter for the others; None: not at all."""
    protocol = data[23]
    if protocol == TCP:
        return data[26:38] if len(data) > 53 else None
    if protocol == UDP:
        return data[23:24] + data[26:38]
    if protocol == ICMP and data[34:36] in ECHOES:
        return data[26:36] + data[38:40] + b"\1\1"
    return None


def tuple_of(data: bytes) -> Tuple:
    """The tuple of a frame's packet that has a key."""
    src, dst = int.from_bytes(data[26:30], "big"), int.from_bytes(data[30:34], "big")
    if data[23] == ICMP:
        return Tuple(Family.IPV4, src, dst, ICMP, data[38] << 8 | data[39], data[34] << 8 | data[35])
    return Tuple(Family.IPV4, src, dst, data[23], data[34] << 8 | data[35], data[36] << 8 | data[37])


def kind_of(data: bytes) -> int:
    """TCP's flags, ICMP's type and code, 0 for UDP."""
    if data[23] == TCP:
        return data[47]
    return data[34] << 8 | data[35] if data[23] == ICMP else 0
