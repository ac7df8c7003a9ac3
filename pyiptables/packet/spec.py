"""What is said of a packet, field by field, and the bytes that it makes; and back from bytes to fields."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.packet.build import IpFields, ip_packet

DEFAULT_SPORT = 40000
DEFAULT_WINDOW = 64240
DEFAULT_TTL = 64
DEFAULT_SPI = 256
"""The lowest index that is not reserved (RFC 4302, 4303)."""
SYN = 0x02
FRAGMENT = 44
LONGEST = 65535
_DF, _MF = 0x4000, 0x2000


@dataclass(frozen=True, slots=True)
class PacketSpec:
    """A packet's fields. Those of a transport header count only for its protocol.

    ``frag_offset`` is in bytes, a multiple of 8; above 0 the packet is a later fragment, whose whole content is
    ``payload``. ``tcp_options`` is padded to words. ``icmp_id`` and ``icmp_seq`` are the two halves of the word behind
    the checksum, whatever the type makes of it.
    """

    family: Family
    source: int
    destination: int
    protocol: int
    sport: int = DEFAULT_SPORT
    dport: int = 0
    flags: int = SYN
    seq: int = 0
    ack_seq: int = 0
    window: int = DEFAULT_WINDOW
    tcp_options: bytes = b""
    icmp_type: int = 8
    icmp_code: int = 0
    icmp_id: int = 0
    icmp_seq: int = 0
    spi: int = DEFAULT_SPI
    ttl: int = DEFAULT_TTL
    tos: int = 0
    ident: int = 0
    dont_fragment: bool = False
    more_fragments: bool = False
    frag_offset: int = 0
    payload: bytes = b""

    @property
    def fragment(self) -> bool:
        """Whether it is a fragment, the first one or a later one."""
        return self.more_fragments or self.frag_offset > 0

    def ip_fields(self) -> IpFields:
        """Its network header."""
        word = (self.dont_fragment and _DF) | (self.more_fragments and _MF) | self.frag_offset // 8
        return IpFields(self.family, self.source, self.destination, self.ttl, self.tos, self.ident, word)


def to_bytes(spec: PacketSpec) -> bytes:
    """The network packet. PacketError when it would be longer than a packet can be."""
    from pyiptables.packet.transports import transport_of

    fields, protocol = spec.ip_fields(), spec.protocol
    if len(spec.payload) > LONGEST:
        raise PacketError(f"the packet would be longer than {LONGEST} bytes")
    build = transport_of(spec.family, protocol).build
    content = spec.payload if spec.frag_offset else build(spec, fields)
    if spec.family is Family.IPV6 and spec.fragment:
        word = spec.frag_offset | spec.more_fragments
        content = bytes((protocol, 0)) + word.to_bytes(2, "big") + spec.ident.to_bytes(4, "big") + content
        protocol = FRAGMENT
    if len(content) + (20 if spec.family is Family.IPV4 else 0) > LONGEST:
        raise PacketError(f"the packet would be longer than {LONGEST} bytes")
    return ip_packet(fields, protocol, content)


def from_bytes(data: bytes, family: Family) -> PacketSpec | None:
    """The fields that make exactly these bytes, or None when no fields do (wrong checksum, unusual header ...)."""
    from pyiptables.packet.transports import transport_of

    found = _network(data, family)
    if found is None:
        return None
    spec, content = found
    read = transport_of(family, spec.protocol).read
    whole = replace(spec, payload=content) if spec.frag_offset else read(spec, content)
    return whole if whole is not None and to_bytes(whole) == data else None


def _network(data: bytes, family: Family) -> tuple[PacketSpec, bytes] | None:
    """The fields of the network header, and what is behind it."""
    if len(data) < (20 if family is Family.IPV4 else 40):
        return None
    if family is Family.IPV4:
        word = int.from_bytes(data[6:8], "big")
        spec = PacketSpec(
            family,
            int.from_bytes(data[12:16], "big"),
            int.from_bytes(data[16:20], "big"),
            protocol=data[9],
            ttl=data[8],
            tos=data[1],
            ident=int.from_bytes(data[4:6], "big"),
            dont_fragment=bool(word & _DF),
            more_fragments=bool(word & _MF),
            frag_offset=(word & 0x1FFF) * 8,
        )
        return spec, data[20:]
    source, destination = int.from_bytes(data[8:24], "big"), int.from_bytes(data[24:40], "big")
    tos = int.from_bytes(data[:2], "big") >> 4 & 0xFF
    spec = PacketSpec(family, source, destination, protocol=data[6], ttl=data[7], tos=tos)
    if spec.protocol != FRAGMENT:
        return spec, data[40:]
    if len(data) < 48:
        return None
    word = int.from_bytes(data[42:44], "big")
    ident = int.from_bytes(data[44:48], "big")
    spec = replace(spec, protocol=data[40], ident=ident, more_fragments=bool(word & 1), frag_offset=word & 0xFFF8)
    return spec, data[48:]
