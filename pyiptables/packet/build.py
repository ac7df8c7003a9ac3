"""Building packets: headers with their lengths and checksums.

Source: RFC 791, 792, 768, 9293, 8200, 4443. Addresses are numbers of the family's width.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyiptables.hooks import Family
from pyiptables.packet.checksum import checksum, pseudo_sum

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58


def pack(address: int, family: Family) -> bytes:
    """An address in network byte order."""
    return address.to_bytes(family.bits // 8, "big")


@dataclass(frozen=True, slots=True)
class IpFields:
    """The fields of a network header that are not lengths or checksums. ``fragment`` is the flags-and-offset word."""

    family: Family
    source: int
    destination: int
    ttl: int = 64
    tos: int = 0
    ident: int = 0
    fragment: int = 0
    options: bytes = b""


def ip_packet(fields: IpFields, protocol: int, payload: bytes) -> bytes:
    """A network packet; IPv4 options are padded to words, the header checksum is right."""
    if fields.family is Family.IPV6:
        front = (6 << 28 | fields.tos << 20).to_bytes(4, "big") + len(payload).to_bytes(2, "big")
        front += bytes((protocol, fields.ttl))
        return front + pack(fields.source, fields.family) + pack(fields.destination, fields.family) + payload
    options = fields.options + b"\0" * (-len(fields.options) % 4)
    length = 20 + len(options) + len(payload)
    head = bytearray((0x45 + len(options) // 4, fields.tos))
    head += length.to_bytes(2, "big") + fields.ident.to_bytes(2, "big") + fields.fragment.to_bytes(2, "big")
    head += bytes((fields.ttl, protocol, 0, 0)) + pack(fields.source, fields.family)
    head += pack(fields.destination, fields.family) + options
    head[10:12] = checksum(head).to_bytes(2, "big")
    return bytes(head) + payload


def _transport_sum(fields: IpFields, protocol: int, size: int) -> int:
    family = fields.family
    return pseudo_sum(pack(fields.source, family), pack(fields.destination, family), protocol, size)


def tcp_segment(
    fields: IpFields,
    sport: int,
    dport: int,
    flags: int,
    *,
    seq: int = 0,
    ack: int = 0,
    window: int = 65535,
    options: bytes = b"",
    payload: bytes = b"",
) -> bytes:
    """A TCP segment with its checksum; options are padded to words with no-operations."""
    options += b"\x01" * (-len(options) % 4)
    head = sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + seq.to_bytes(4, "big") + ack.to_bytes(4, "big")
    head += bytes(((5 + len(options) // 4) << 4, flags)) + window.to_bytes(2, "big")
    segment = bytearray(head + b"\0\0\0\0" + options + payload)
    segment[16:18] = checksum(segment, _transport_sum(fields, TCP, len(segment))).to_bytes(2, "big")
    return bytes(segment)


def udp_datagram(fields: IpFields, sport: int, dport: int, payload: bytes = b"") -> bytes:
    """A UDP datagram with its checksum."""
    size = 8 + len(payload)
    datagram = bytearray(
        sport.to_bytes(2, "big") + dport.to_bytes(2, "big") + size.to_bytes(2, "big") + b"\0\0" + payload
    )
    value = checksum(datagram, _transport_sum(fields, UDP, size)) or 0xFFFF
    datagram[6:8] = value.to_bytes(2, "big")
    return bytes(datagram)


def icmp_message(fields: IpFields, kind: int, code: int, rest: bytes = b"\0\0\0\0", payload: bytes = b"") -> bytes:
    """An ICMP or ICMPv6 message (by the family) with its checksum; ``rest`` is the header's last four bytes."""
    message = bytearray(bytes((kind, code, 0, 0)) + rest + payload)
    total = _transport_sum(fields, ICMPV6, len(message)) if fields.family is Family.IPV6 else 0
    message[2:4] = checksum(message, total).to_bytes(2, "big")
    return bytes(message)
