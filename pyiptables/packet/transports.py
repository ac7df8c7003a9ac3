"""Transport headers of packets that are described by their fields: each protocol's bytes, and its fields from bytes.

Source: RFC 9293 (TCP), 768 (UDP), 3828 (UDP-Lite), 792 and 4443 (ICMP), 9260 (SCTP), 4340 (DCCP), 2784 (GRE), 4303
(ESP), 4302 (AH). A reader answers None for less than a header; what it cannot say is found by building again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pyiptables.hooks import Family
from pyiptables.packet import build
from pyiptables.packet.build import IpFields
from pyiptables.packet.checksum import checksum, pseudo_sum
from pyiptables.packet.spec import PacketSpec

TCP, UDP, DCCP, GRE, ESP, AH, SCTP, UDPLITE = 6, 17, 33, 47, 50, 51, 132, 136
PORT_PROTOCOLS = frozenset({TCP, UDP, DCCP, SCTP, UDPLITE})
"""Protocols that begin with a source and a destination port."""
ICMP_PROTOCOLS = {Family.IPV4: 1, Family.IPV6: 58}
SCTP_INIT = bytes.fromhex("01000014000000010000ffff0001000100000001")
"""The chunk that a connection begins with: tag 1, one stream each way."""
_DCCP_SERVICE = bytes(4)
_AH_ICV = bytes(12)


@dataclass(frozen=True, slots=True)
class Transport:
    """How a protocol's packets are built from fields and read back; ``header`` is the least size of its header."""

    header: int
    build: Callable[[PacketSpec, IpFields], bytes]
    read: Callable[[PacketSpec, bytes], PacketSpec | None]


def transport_of(family: Family, protocol: int) -> Transport:
    """The protocol's transport; for one without a header that is known here, its payload as it is."""
    if protocol == ICMP_PROTOCOLS[family]:
        return _ICMP
    return _TRANSPORTS.get(protocol, _PLAIN)


def _number(data: bytes, at: int, size: int = 2) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _ports(spec: PacketSpec) -> bytes:
    return spec.sport.to_bytes(2, "big") + spec.dport.to_bytes(2, "big")


def _with_sum(message: bytearray, place: int, fields: IpFields, protocol: int) -> bytes:
    """The message with its checksum over itself and the pseudo-header."""
    source, destination = build.pack(fields.source, fields.family), build.pack(fields.destination, fields.family)
    total = checksum(message, pseudo_sum(source, destination, protocol, len(message)))
    message[place : place + 2] = total.to_bytes(2, "big")
    return bytes(message)


def _build_tcp(spec: PacketSpec, fields: IpFields) -> bytes:
    return build.tcp_segment(
        fields,
        spec.sport,
        spec.dport,
        spec.flags,
        seq=spec.seq,
        ack=spec.ack_seq,
        window=spec.window,
        options=spec.tcp_options,
        payload=spec.payload,
    )


def _read_tcp(spec: PacketSpec, data: bytes) -> PacketSpec | None:
    size = (data[12] >> 4) * 4 if len(data) >= 20 else 0
    if size < 20:
        return None
    return replace(
        spec,
        sport=_number(data, 0),
        dport=_number(data, 2),
        seq=_number(data, 4, 4),
        ack_seq=_number(data, 8, 4),
        flags=data[13],
        window=_number(data, 14),
        tcp_options=data[20:size],
        payload=data[size:],
    )


def _build_udp(spec: PacketSpec, fields: IpFields) -> bytes:
    return build.udp_datagram(fields, spec.sport, spec.dport, spec.payload)


def _build_udplite(spec: PacketSpec, fields: IpFields) -> bytes:
    """A coverage of 0: the checksum is over all of it."""
    return _with_sum(bytearray(_ports(spec) + bytes(4) + spec.payload), 6, fields, UDPLITE)


def _build_dccp(spec: PacketSpec, fields: IpFields) -> bytes:
    """A REQUEST with a sequence number of 48 bits, whose header is five words."""
    head = _ports(spec) + bytes((5, 0, 0, 0, 1, 0)) + spec.seq.to_bytes(6, "big") + _DCCP_SERVICE
    return _with_sum(bytearray(head + spec.payload), 6, fields, DCCP)


def _build_sctp(spec: PacketSpec, fields: IpFields) -> bytes:
    """The payload is its chunks. The verification tag is 0."""
    head = _ports(spec) + bytes(4)
    return head + crc32c(head + bytes(4) + spec.payload).to_bytes(4, "little") + spec.payload


def _port_reader(size: int) -> Callable[[PacketSpec, bytes], PacketSpec | None]:
    """A reader of the two ports and of the payload behind a header of that size."""

    def read(spec: PacketSpec, data: bytes) -> PacketSpec | None:
        if len(data) < size:
            return None
        return replace(spec, sport=_number(data, 0), dport=_number(data, 2), payload=data[size:])

    return read


def _read_dccp(spec: PacketSpec, data: bytes) -> PacketSpec | None:
    found = _port_reader(20)(spec, data)
    return None if found is None else replace(found, seq=_number(data, 12, 4))


def _build_icmp(spec: PacketSpec, fields: IpFields) -> bytes:
    rest = spec.icmp_id.to_bytes(2, "big") + spec.icmp_seq.to_bytes(2, "big")
    return build.icmp_message(fields, spec.icmp_type, spec.icmp_code, rest, spec.payload)


def _read_icmp(spec: PacketSpec, data: bytes) -> PacketSpec | None:
    if len(data) < 8:
        return None
    identifier, sequence = _number(data, 4), _number(data, 6)
    return replace(spec, icmp_type=data[0], icmp_code=data[1], icmp_id=identifier, icmp_seq=sequence, payload=data[8:])


def _build_gre(spec: PacketSpec, fields: IpFields) -> bytes:
    """No key, no checksum; it says that the payload is a packet of the family of its own carrier."""
    return bytes((0, 0)) + (b"\x08\x00" if fields.family is Family.IPV4 else b"\x86\xdd") + spec.payload


def _read_gre(spec: PacketSpec, data: bytes) -> PacketSpec | None:
    return replace(spec, payload=data[4:]) if len(data) >= 4 else None


def _build_esp(spec: PacketSpec, fields: IpFields) -> bytes:
    """Sequence number 1."""
    return spec.spi.to_bytes(4, "big") + (1).to_bytes(4, "big") + spec.payload


def _read_esp(spec: PacketSpec, data: bytes) -> PacketSpec | None:
    return replace(spec, spi=_number(data, 0, 4), payload=data[8:]) if len(data) >= 8 else None


def _build_ah(spec: PacketSpec, fields: IpFields) -> bytes:
    """No next header, sequence number 1, an integrity check value of 12 zero bytes."""
    return bytes((59, 4, 0, 0)) + spec.spi.to_bytes(4, "big") + (1).to_bytes(4, "big") + _AH_ICV + spec.payload


def _read_ah(spec: PacketSpec, data: bytes) -> PacketSpec | None:
    return replace(spec, spi=_number(data, 4, 4), payload=data[24:]) if len(data) >= 24 else None


_ICMP = Transport(8, _build_icmp, _read_icmp)
_PLAIN = Transport(0, lambda spec, _: spec.payload, lambda spec, data: replace(spec, payload=data))
_TRANSPORTS = {
    TCP: Transport(20, _build_tcp, _read_tcp),
    UDP: Transport(8, _build_udp, _port_reader(8)),
    UDPLITE: Transport(8, _build_udplite, _port_reader(8)),
    DCCP: Transport(20, _build_dccp, _read_dccp),
    SCTP: Transport(12, _build_sctp, _port_reader(12)),
    GRE: Transport(4, _build_gre, _read_gre),
    ESP: Transport(8, _build_esp, _read_esp),
    AH: Transport(24, _build_ah, _read_ah),
}


def crc32c(data: bytes) -> int:
    """The checksum of SCTP (RFC 9260, appendix A), as a number whose bytes go out lowest first."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF
