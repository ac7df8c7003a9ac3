"""Packets that a scenario sends, right and wrong ones, and what can be seen of one that came out.

Source: RFC 791, 8200 (extension headers, fragments), 4302, 4303 (AH, ESP), 2784 (GRE), 9260 (SCTP), 4340 (DCCP),
3828 (UDP-Lite).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from pyiptables.hooks import Family
from pyiptables.packet.addresses import from_text, to_text
from pyiptables.packet.build import IpFields, icmp_message, ip_packet, pack, tcp_segment, udp_datagram
from pyiptables.packet.checksum import checksum, pseudo_sum

HOPOPT, ICMP, TCP, DCCP, ROUTING, FRAGMENT, GRE, ESP, AH = 0, 1, 6, 33, 43, 44, 47, 50, 51
UDP, ICMPV6, NO_NEXT, DEST_OPTIONS, SCTP, UDPLITE = 17, 58, 59, 60, 132, 136
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
WITH_PORTS = frozenset({TCP, UDP, SCTP, DCCP, UDPLITE})
EXTENSIONS = frozenset({HOPOPT, ROUTING, FRAGMENT, DEST_OPTIONS, AH})
MORE, DONT = 0x2000, 0x4000
LONGEST = 1400
"""The most payload of a fragment that is not asked for."""


@dataclass(frozen=True, slots=True)
class Header:
    """The network header of a packet to be; ``extensions`` are IPv6 headers, each without its next-header byte."""

    source: str
    destination: str
    ttl: int = 64
    tos: int = 0
    ident: int = 0
    fragment: int = 0
    options: bytes = b""
    extensions: tuple[tuple[int, bytes], ...] = ()

    @property
    def fields(self) -> IpFields:
        """What the builders of packets want."""
        (source, family), destination = from_text(self.source), from_text(self.destination)[0]
        return IpFields(family, source, destination, self.ttl, self.tos, self.ident, self.fragment, self.options)

    @property
    def six(self) -> bool:
        """Whether it is IPv6's."""
        return ":" in self.source

    def packet(self, protocol: int, payload: bytes, *, bad: bool = False) -> bytes:
        """The packet around a payload; ``bad`` spoils IPv4's header checksum."""
        kinds = [*(kind for kind, _ in self.extensions), protocol]
        chain = b"".join(bytes((after,)) + body for after, (_, body) in zip(kinds[1:], self.extensions, strict=True))
        whole = bytearray(ip_packet(self.fields, kinds[0], chain + payload))
        if bad and not self.six:
            whole[10] ^= 0x11
        return bytes(whole)


def tcp(
    header: Header, ports: tuple[int, int], flags: int, *, seq: int = 1000, ack: int = 0, window: int = 64240,
    options: bytes = b"", payload: bytes = b"", bad: bool = False,
) -> bytes:  # fmt: skip
    """A TCP segment in its packet; ``bad`` spoils its checksum."""
    ack = ack if flags & ACK else 0
    segment = tcp_segment(
        header.fields, *ports, flags, seq=seq & 0xFFFFFFFF, ack=ack & 0xFFFFFFFF, window=window, options=options,
        payload=payload,
    )  # fmt: skip
    return header.packet(TCP, spoiled(segment, 16) if bad else segment)


def udp(header: Header, ports: tuple[int, int], payload: bytes = b"", *, bad: bool = False) -> bytes:
    """A UDP datagram in its packet."""
    datagram = udp_datagram(header.fields, *ports, payload)
    return header.packet(UDP, spoiled(datagram, 6) if bad else datagram)


def icmp(
    header: Header, kind: int, code: int, rest: bytes = b"\0\0\0\0", payload: bytes = b"", *, bad: bool = False
) -> bytes:
    """An ICMP or ICMPv6 message in its packet."""
    message = icmp_message(header.fields, kind, code, rest, payload)
    return header.packet(ICMPV6 if header.six else ICMP, spoiled(message, 2) if bad else message)


def spoiled(data: bytes, at: int) -> bytes:
    """Data with a byte of its checksum changed."""
    return data[:at] + bytes((data[at] ^ 0x55,)) + data[at + 1 :]


def udplite(header: Header, ports: tuple[int, int], payload: bytes, coverage: int = 0) -> bytes:
    """A UDP-Lite datagram whose checksum covers its first bytes (0: all)."""
    head = struct.pack(">HHHH", *ports, coverage, 0)
    covered = (head + payload)[: coverage or None]
    total = _pseudo(header, UDPLITE, 8 + len(payload))
    return header.packet(UDPLITE, head[:6] + struct.pack(">H", checksum(covered, total) or 0xFFFF) + payload)


def dccp(header: Header, ports: tuple[int, int], kind: int, seq: int, ack: int = 0) -> bytes:
    """A DCCP packet with long sequence numbers: 0 request, 1 response, 2 data, 3 ack, 4 dataack, 5 closereq, 6 close, 7 reset."""
    body = {0: b"\0\0\0\x07", 1: b"\0\0\0\x07", 7: b"\x01\0\0\0"}.get(kind, b"")
    acked = b"" if kind in (0, 2) else struct.pack(">HHI", 0, ack >> 32, ack & 0xFFFFFFFF)
    words = (16 + len(acked) + len(body)) // 4
    head = struct.pack(">HHBBHBBHI", *ports, words, 0, 0, kind << 1 | 1, 0, seq >> 32 & 0xFFFF, seq & 0xFFFFFFFF)
    whole = bytearray(head + acked + body + (b"data" if kind in (2, 4) else b""))
    whole[6:8] = checksum(whole, _pseudo(header, DCCP, len(whole))).to_bytes(2, "big")
    return header.packet(DCCP, bytes(whole))


def sctp(header: Header, ports: tuple[int, int], tag: int, chunks: Sequence[tuple[int, int, bytes]]) -> bytes:
    """An SCTP packet of chunks (type, flags, value), with its CRC32c."""
    body = b"".join(
        struct.pack(">BBH", kind, flags, 4 + len(value)) + value + bytes(-len(value) % 4)
        for kind, flags, value in chunks
    )
    head = struct.pack(">HHI", *ports, tag)
    return header.packet(SCTP, head + struct.pack("<I", crc32c(head + bytes(4) + body)) + body)


def crc32c(data: bytes) -> int:
    """The checksum of SCTP (RFC 9260, appendix A)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def gre(header: Header, payload: bytes, *, key: int | None = None, version: int = 0, call: int = 0) -> bytes:
    """A GRE packet, plain or with a key; version 1 is PPTP's, with a call id."""
    if version:
        return header.packet(GRE, struct.pack(">HHHHI", 0x3001, 0x880B, len(payload), call, 1) + payload)
    flags = 0x2000 if key is not None else 0
    return header.packet(
        GRE, struct.pack(">HH", flags, 0x0800) + (struct.pack(">I", key or 0) if flags else b"") + payload
    )


def esp(header: Header, spi: int, payload: bytes) -> bytes:
    """An ESP packet."""
    return header.packet(ESP, struct.pack(">II", spi, 1) + payload)


def ah_body(spi: int) -> bytes:
    """An authentication header without its next-header byte."""
    return b"\x04" + struct.pack(">HII", 0, spi, 1) + bytes(12)


def options_header(options: bytes) -> bytes:
    """Hop-by-hop or destination options without their next-header byte, padded to eight bytes."""
    gap = -(2 + len(options)) % 8
    padding = b"" if not gap else b"\0" if gap == 1 else b"\x01" + bytes((gap - 2,)) + bytes(gap - 2)
    return bytes(((2 + len(options) + gap) // 8 - 1,)) + options + padding


def routing_header(kind: int, left: int, addresses: Sequence[str]) -> bytes:
    """A routing header without its next-header byte."""
    hops = b"".join(pack(from_text(address)[0], Family.IPV6) for address in addresses)
    return bytes((len(hops) // 8, kind, left)) + bytes(4) + hops


def cut(packet: bytes, sizes: Sequence[int], ident: int) -> list[bytes]:
    """The fragments of a packet whose payload is divided by ``sizes``; the rest is one more, or several when it is long."""
    sizes = [*sizes, *(LONGEST for _ in range(len(packet) // LONGEST))]
    return _cut6(packet, sizes, ident) if packet[0] >> 4 == 6 else _cut4(packet, sizes, ident)


def _cut4(packet: bytes, sizes: Sequence[int], ident: int) -> list[bytes]:
    head, payload = bytearray(packet[: (packet[0] & 15) * 4]), packet[(packet[0] & 15) * 4 :]
    return [_piece4(head, part, ident, at, last=last) for at, part, last in _parts(payload, sizes)]


def _piece4(head: bytearray, part: bytes, ident: int, at: int, *, last: bool) -> bytes:
    made = bytearray(head)
    word = (made[6] << 8 | made[7]) & DONT | at >> 3 | (0 if last else MORE)
    made[2:8] = struct.pack(">HHH", len(made) + len(part), ident, word)
    made[10:12] = b"\0\0"
    made[10:12] = checksum(made).to_bytes(2, "big")
    return bytes(made) + part


def _cut6(packet: bytes, sizes: Sequence[int], ident: int) -> list[bytes]:
    """Hop-by-hop and routing headers stay in front of the fragment header of each piece."""
    at, place = 40, 6
    while packet[place] in (HOPOPT, ROUTING):
        place, at = at, at + (packet[at + 1] + 1) * 8
    after = packet[place]
    found = []
    for offset, part, last in _parts(packet[at:], sizes):
        made = bytearray(packet[:at])
        made[place] = FRAGMENT
        made += struct.pack(">BBHI", after, 0, offset | (0 if last else 1), ident) + part
        made[4:6] = (len(made) - 40).to_bytes(2, "big")
        found.append(bytes(made))
    return found


def _parts(payload: bytes, sizes: Sequence[int]) -> list[tuple[int, bytes, bool]]:
    found, at = [], 0
    for size in sizes:
        if at + size < len(payload):
            found.append((at, payload[at : at + size], False))
            at += size
    return [*found, (at, payload[at:], True)]


def _pseudo(header: Header, protocol: int, size: int) -> int:
    fields = header.fields
    return pseudo_sum(pack(fields.source, fields.family), pack(fields.destination, fields.family), protocol, size)


class View:
    """What a receiver reads in a packet: addresses, protocol, ports, and what TCP and ICMP need for an answer."""

    __slots__ = ("body", "destination", "dport", "flags", "ident", "protocol", "raw", "source", "sport")

    def __init__(self, packet: bytes) -> None:
        self.raw = packet
        family = Family.IPV6 if packet[0] >> 4 == 6 else Family.IPV4
        at, size = (8, 16) if family is Family.IPV6 else (12, 4)
        self.source = self.destination = ""
        self.sport = self.dport = self.flags = self.ident = self.protocol = 0
        self.body = b""
        if len(packet) < at + 2 * size:
            return
        self.source, self.destination = (
            to_text(int.from_bytes(packet[place : place + size], "big"), family) for place in (at, at + size)
        )
        self.protocol, self.body = _body6(packet) if family is Family.IPV6 else _body4(packet)
        body = self.body
        if self.protocol in WITH_PORTS and len(body) >= 4:
            self.sport, self.dport = struct.unpack(">HH", body[:4])
        if self.protocol == TCP and len(body) >= 20:
            self.flags = body[13]
        if self.protocol in (ICMP, ICMPV6) and len(body) >= 8:
            self.ident = body[4] << 8 | body[5]


def _body4(packet: bytes) -> tuple[int, bytes]:
    if (packet[6] << 8 | packet[7]) & 0x1FFF:
        return FRAGMENT, b""
    return packet[9], packet[(packet[0] & 15) * 4 :]


def _body6(packet: bytes) -> tuple[int, bytes]:
    protocol, at = packet[6], 40
    while protocol in EXTENSIONS and at + 8 <= len(packet):
        if protocol == FRAGMENT and (packet[at + 2] << 8 | packet[at + 3]) & 0xFFF8:
            return FRAGMENT, b""
        size = 8 if protocol == FRAGMENT else (packet[at + 1] + 2) * 4 if protocol == AH else (packet[at + 1] + 1) * 8
        protocol, at = packet[at], at + size
    return protocol, packet[at:]
