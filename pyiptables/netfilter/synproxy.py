"""SYNPROXY: answering clients in a server's place, and standing between the two from then on.

::

    client                      here                         server
      SYN ──────────────────────▶ (target: nothing is remembered but a cookie)
      ◀────────── SYN+ACK, window 0
      ACK ──────────────────────▶ (target: the cookie is right)
                                  SYN ───────────────────────▶   a connection begins
                                  ◀─────────────────── SYN+ACK   (hook: it never reaches the client)
                                  ACK ───────────────────────▶
      ◀──────────────────── ACK, the window opens

The client knows the cookie as the server's first number, the server has one of its own: the difference shifts all
numbers of the connection, and timestamps likewise. What the client offered (scaling, SACK, ECN) is kept in the low bits
of the timestamp that it echoes.

The kernel's cookies come from a secret of its own, so those here have other numbers. An ACK that follows a SYN which was
answered is believed, whatever cookie it has, and the trace says so: in a capture that is how the client answered the
real one. Without that SYN it is not.

Source: net/netfilter/nf_synproxy_core.c, net/ipv4/netfilter/ipt_SYNPROXY.c, net/ipv4/syncookies.c, ipv6/syncookies.c.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

from pyiptables.conntrack import ConntrackTable, Entry, Status, Tuple, begin_adjustment, direction
from pyiptables.conntrack.entry import Synproxy
from pyiptables.conntrack.nat_manip import replace_sum
from pyiptables.conntrack.tcp_states import TcpState
from pyiptables.conntrack.validity import transport_valid
from pyiptables.extensions.targets._services import SynproxyRequest
from pyiptables.hooks import Family, Verdict
from pyiptables.netfilter.path import NetworkLayer
from pyiptables.packet.build import TCP, IpFields, ip_packet, tcp_segment
from pyiptables.packet.skb import Skb
from pyiptables.trace import events

FIN, SYN, RST, ACK, ECE, CWR = 1, 2, 4, 16, 64, 128
WORD = 0xFFFFFFFF
DONT_FRAGMENT = 0x4000
MSS = {Family.IPV4: (536, 1300, 1440, 1460), Family.IPV6: (1220, 1420, 1440, 8940)}
"""The segment sizes that a cookie can hold."""
COOKIE_AGE = 120_000_000_000
MOST_COOKIES = 65536
NO_SCALE, SACK_BIT, ECN_BIT, COOKIE_BITS = 0xF, 0x10, 0x20, 0x3F
"""What a timestamp cookie holds: the window scale, whether SACK and ECN were offered."""
MAX_SCALE = 14


@dataclass(frozen=True, slots=True)
class Options:
    """The TCP options of a segment; None or False where it has them not. ``timestamps`` are value and echo."""

    mss: int | None = None
    scale: int | None = None
    timestamps: tuple[int, int] | None = None
    sack: bool = False
    ecn: bool = False

    def encoded(self) -> bytes:
        """As SYNPROXY writes them, each aligned to words."""
        parts = [] if self.mss is None else [bytes((2, 4)) + self.mss.to_bytes(2, "big")]
        if self.timestamps is not None:
            parts.append(bytes((4, 2) if self.sack else (1, 1)) + bytes((8, 10)))
            parts += [(stamp & WORD).to_bytes(4, "big") for stamp in self.timestamps]
        elif self.sack:
            parts.append(bytes((1, 1, 4, 2)))
        if self.scale is not None:
            parts.append(bytes((1, 3, 3, self.scale)))
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP header's fields."""

    sport: int
    dport: int
    seq: int
    ack: int
    flags: int
    window: int
    options: Options | None


@dataclass(slots=True)
class Cookie:
    """A SYN that was answered: its number, ours, which segment size ours holds, and when."""

    isn: int
    ours: int
    size: int
    time: int


def read_segment(skb: Any) -> Segment | None:
    """The segment, or None when its header is cut short; its options are None when they do not fit."""
    data, at = skb.data, skb.thoff
    if len(data) < at + 20:
        return None
    end = at + (data[at + 12] >> 4) * 4
    options = read_options(bytes(data[at + 20 : end])) if at + 20 <= end <= len(data) else None
    numbers = [int.from_bytes(data[at + place : at + place + 4], "big") for place in (4, 8)]
    ports = [int.from_bytes(data[at + place : at + place + 2], "big") for place in (0, 2, 14)]
    return Segment(ports[0], ports[1], numbers[0], numbers[1], data[at + 13], ports[2], options)


def read_options(raw: bytes) -> Options:
    """The options up to the first that is broken (synproxy_parse_options)."""
    found, at = Options(), 0
    while at < len(raw) and raw[at]:
        if raw[at] == 1:
            at += 1
            continue
        if at + 2 > len(raw) or raw[at + 1] < 2 or at + raw[at + 1] > len(raw):
            break
        kind, value = raw[at], raw[at + 2 : at + raw[at + 1]]
        at += raw[at + 1]
        if (kind, len(value)) == (2, 2):
            found = replace(found, mss=int.from_bytes(value, "big"))
        elif (kind, len(value)) == (3, 1):
            found = replace(found, scale=min(value[0], MAX_SCALE))
        elif (kind, len(value)) == (8, 8):
            found = replace(found, timestamps=(int.from_bytes(value[:4], "big"), int.from_bytes(value[4:], "big")))
        elif (kind, len(value)) == (4, 0):
            found = replace(found, sack=True)
    return found


class SynProxy:
    """The proxy of one host. ``secret`` makes its cookies, so that the same secret repeats them."""

    def __init__(self, network: NetworkLayer, table: ConntrackTable, secret: int) -> None:
        self.network = network
        self.table = table
        self.secret = secret.to_bytes(8, "big")
        self.cookies: dict[Tuple, Cookie] = {}

    # the target

    def answer(self, skb: Any, request: SynproxyRequest) -> Verdict | None:
        """Answer a SYN, or check an ACK and open the connection to the server; other segments go on."""
        segment = read_segment(skb)
        if segment is None or not transport_valid(skb, TCP) or segment.options is None:
            return Verdict.DROP
        if segment.flags & (SYN | ACK | FIN | RST) == SYN:
            self._synack(skb, segment, segment.options, request)
            self.network.decide("STOLEN", skb.hook, "SYNPROXY answered in the server's place")
            return Verdict.STOLEN
        if segment.flags & (SYN | ACK | FIN | RST) != ACK:
            return None
        return self._client_ack(skb, segment, segment.options, segment.seq)

    def _synack(self, skb: Any, segment: Segment, offered: Options, request: SynproxyRequest) -> None:
        """Answer a client's SYN with a cookie."""
        ecn = request.ecn and segment.flags & (ECE | CWR) == ECE | CWR
        mss = request.mss if request.mss is not None and offered.mss is not None else None
        options = Options(mss=mss)
        if offered.timestamps is not None and request.timestamp:
            scale = offered.scale if request.window_scale is not None else None
            sack = offered.sack and request.sack_permitted
            low = (NO_SCALE if scale is None else scale) | SACK_BIT * sack | ECN_BIT * ecn
            stamp = (self.network.now // 1_000_000 & ~COOKIE_BITS | low) & WORD
            shown = None if scale is None else request.window_scale
            options = Options(mss, shown, (stamp, offered.timestamps[0]), sack, ecn)
        cookie = self._cookie(skb, segment, offered.mss or 0)
        made = self._segment(
            skb, segment, SYN | ACK | ECE * options.ecn, cookie, segment.seq + 1, 0, options, back=True
        )
        made.nfct, made.ctinfo = skb.nfct, 3 if skb.nfct is not None else 0
        self._emit(made, "SYN+ACK by SYNPROXY")

    def _client_ack(self, skb: Any, segment: Segment, options: Options, seq: int) -> Verdict:
        """Check the cookie that an ACK returns, and open the connection to the server (synproxy_recv_client_ack)."""
        mss = self._check(skb, segment)
        if not mss:
            self.network.decide("DROP", skb.hook, "SYNPROXY: no SYN was answered that this ACK belongs to")
            return Verdict.DROP
        options = replace(options, mss=mss)
        if options.timestamps is not None:
            low = options.timestamps[1]
            scale = low & NO_SCALE
            options = replace(
                options,
                scale=options.scale if scale == NO_SCALE else scale,
                sack=options.sack or bool(low & SACK_BIT),
                ecn=bool(low & ECN_BIT),
            )
        flags = SYN | (ECE | CWR) * options.ecn
        # The server does not look at the acknowledgement of a SYN: it tells the hook below which cookie there was.
        made = self._segment(skb, segment, flags, seq - 1, segment.ack - 1, segment.window, options)
        made.nfct, made.ctinfo = self._template(skb.family), 2
        self._emit(made, "SYN by SYNPROXY")
        self.network.decide("STOLEN", skb.hook, "SYNPROXY opens the connection to the server")
        return Verdict.STOLEN

    @staticmethod
    def _template(family: Family) -> Entry:
        nobody = Tuple(family, 0, 0, 0, 0, 0)
        template = Entry(nobody, nobody, status=int(Status.TEMPLATE))
        template.synproxy = Synproxy()
        return template

    # cookies

    def _cookie(self, skb: Any, segment: Segment, mss: int) -> int:
        """A number that only this proxy can have given, with a segment size in it."""
        flow = self._flow(skb, segment)
        sizes = MSS[skb.family]
        size = max((at for at, each in enumerate(sizes) if mss >= each), default=0)
        text = repr((int(skb.family), flow.src, flow.dst, flow.sport, flow.dport, segment.seq)).encode()
        ours = int.from_bytes(blake2b(text, digest_size=4, key=self.secret).digest(), "big")
        self.cookies.pop(flow, None)
        if len(self.cookies) >= MOST_COOKIES:
            del self.cookies[next(iter(self.cookies))]
        self.cookies[flow] = Cookie(segment.seq, ours, size, self.network.now)
        return ours

    def _check(self, skb: Any, segment: Segment) -> int:
        """The segment size in the cookie that comes back; 0 when it is not one."""
        cookie = self.cookies.get(self._flow(skb, segment))
        if cookie is None or self.network.now - cookie.time > COOKIE_AGE:
            return 0
        sizes = MSS[skb.family]
        if (segment.seq - 1 - cookie.isn) & WORD == 0 and (segment.ack - 1 - cookie.ours) & WORD >= len(sizes):
            self.network.note(events.Assumed("the cookie is the one that the host gave: its secret is not known"))
            cookie.ours = segment.ack - 1 & WORD
        # Both numbers count in the sum that holds the size, so a keepalive, which is one behind, shows another size.
        shown = cookie.size + (segment.ack - 1 - cookie.ours) - (segment.seq - 1 - cookie.isn) & 0xFFFFFF
        return sizes[shown] if shown < len(sizes) else 0

    @staticmethod
    def _flow(skb: Any, segment: Segment) -> Tuple:
        return Tuple(skb.family, skb.saddr, skb.daddr, TCP, segment.sport, segment.dport)

    # the hook, where packets of a proxied connection leave

    def hook(self, skb: Any) -> Verdict:
        """Shift what has to be shifted, and take the server's SYN+ACK in (ipv4_synproxy_hook)."""
        entry: Entry | None = skb.nfct
        if entry is None or entry.synproxy is None or skb.iif == "lo" or skb.protocol != TCP:
            return Verdict.ACCEPT
        segment = read_segment(skb)
        if segment is None:
            return Verdict.DROP
        way, state = direction(skb.ctinfo), entry.proto.state
        reopened = state == TcpState.CLOSE and not way and segment.flags & (SYN | ACK) == SYN
        if state == TcpState.CLOSE and way and segment.flags & RST:
            begin_adjustment(entry, way, entry.synproxy.isn - segment.seq + 1)
        elif reopened or state == TcpState.SYN_SENT:
            if reopened:
                entry.synproxy.tsoff = 0
            verdict = self._opening(skb, segment, entry.synproxy, way)
            if verdict is not Verdict.ACCEPT:
                return verdict
        elif state == TcpState.SYN_RECV and segment.flags & (SYN | ACK) == SYN | ACK:
            return self._opened(skb, segment, entry, entry.synproxy)
        _shift_timestamp(skb, entry.synproxy.tsoff, way)
        return Verdict.ACCEPT

    def _opening(self, skb: Any, segment: Segment, proxy: Synproxy, way: int) -> Verdict:
        """The SYN to the server; or a client's keepalive, for which the SYN is sent again."""
        options = segment.options
        if options is None:
            return Verdict.DROP
        if not segment.flags & SYN and segment.flags & ACK and not way:
            return self._client_ack(skb, segment, options, segment.seq + 1)
        proxy.isn = segment.ack
        if options.timestamps is not None:
            proxy.its = options.timestamps[1]
        return Verdict.ACCEPT

    def _opened(self, skb: Any, segment: Segment, entry: Entry, proxy: Synproxy) -> Verdict:
        """The server's SYN+ACK: acknowledge it in the client's name, and open the client's window."""
        if segment.options is None:
            return Verdict.DROP
        stamps = segment.options.timestamps
        if stamps is not None:
            proxy.tsoff = stamps[0] - proxy.its & WORD
        echoed = Options(timestamps=None if stamps is None else (stamps[1], stamps[0]))
        window = entry.proto.ends[0].maxwin & 0xFFFF
        made = self._segment(skb, segment, ACK, segment.ack, segment.seq + 1, window, echoed, back=True)
        self._emit(made, "ACK by SYNPROXY")
        begin_adjustment(entry, direction(skb.ctinfo), proxy.isn - segment.seq)
        window = segment.window >> (segment.options.scale or 0)
        made = self._segment(skb, segment, ACK, segment.seq + 1, segment.ack, window, Options(timestamps=stamps))
        made.nfct, made.ctinfo = entry, 3
        self._emit(made, "ACK by SYNPROXY")
        self.network.decide("STOLEN", skb.hook, "SYNPROXY keeps the server's SYN+ACK")
        return Verdict.STOLEN

    # making segments

    def _segment(
        self,
        skb: Any,
        cause: Segment,
        flags: int,
        seq: int,
        ack: int,
        window: int,
        options: Options,
        *,
        back: bool = False,
    ) -> Skb:
        """A segment between the ends of the cause, or ``back`` to its sender."""
        source, destination, sport, dport = skb.saddr, skb.daddr, cause.sport, cause.dport
        if back:
            source, destination, sport, dport = destination, source, dport, sport
        ttl = self.network.default_ttl(skb.family)
        fields = IpFields(skb.family, source, destination, ttl, fragment=DONT_FRAGMENT)
        body = tcp_segment(
            fields, sport, dport, flags, seq=seq & WORD, ack=ack & WORD, window=window, options=options.encoded()
        )
        made = Skb(ip_packet(fields, TCP, body), skb.family)
        made.tstamp, made.number, made.host = skb.tstamp, skb.number, skb.host
        return made

    def _emit(self, made: Skb, what: str) -> None:
        """Send it, where there is a way."""
        decision = self.network.host.route(made.family, made.daddr, src=made.saddr, output=True)
        if not decision.refused:
            self.network.emit(made, decision, what)


def _shift_timestamp(skb: Any, offset: int, way: int) -> None:
    """Show each end the timestamps that it knows: the server's value less, the client's echo more."""
    data, at = skb.data, skb.thoff
    end = at + (data[at + 12] >> 4) * 4
    if not offset or end > len(data):
        return
    place = at + 20
    while place < end and data[place]:
        if data[place] == 1:
            place += 1
            continue
        if place + 1 == end or data[place + 1] < 2 or place + data[place + 1] > end:
            return
        if data[place] == 8 and data[place + 1] == 10:
            stamp, change = (place + 2, -offset) if way else (place + 6, offset)
            old = bytes(data[stamp : stamp + 4])
            new = (int.from_bytes(old, "big") + change & WORD).to_bytes(4, "big")
            data[stamp : stamp + 4] = new
            check = replace_sum(int.from_bytes(data[at + 16 : at + 18], "big"), old, new)
            data[at + 16 : at + 18] = check.to_bytes(2, "big")
            return
        place += data[place + 1]
