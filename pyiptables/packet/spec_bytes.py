"""The bytes that a packet's fields make, and the fields that some bytes are made from."""

from __future__ import annotations

from dataclasses import replace

from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.packet.build import ip_packet
from pyiptables.packet.spec import DONT_FRAGMENT, MORE_FRAGMENTS, PacketSpec
from pyiptables.packet.transports import transport_of

FRAGMENT = 44
"""The protocol number of IPv6's fragment header."""
LONGEST = 65535


def to_bytes(spec: PacketSpec) -> bytes:
    """The network packet. PacketError when it would be longer than a packet can be."""
    fields, protocol = spec.ip_fields(), spec.protocol
    transport, room = transport_of(spec.family, protocol), LONGEST - (20 if spec.family is Family.IPV4 else 0)
    _fits(len(spec.payload) + (0 if spec.frag_offset else transport.header), room)
    content = spec.payload if spec.frag_offset else transport.build(spec, fields)
    if spec.family is Family.IPV6 and spec.fragment:
        word = spec.frag_offset | spec.more_fragments
        content = bytes((protocol, 0)) + word.to_bytes(2, "big") + spec.ident.to_bytes(4, "big") + content
        protocol = FRAGMENT
    _fits(len(content), room)
    return ip_packet(fields, protocol, content)


def _fits(size: int, room: int) -> None:
    if size > room:
        raise PacketError(f"the packet would have {size} bytes behind its network header, more than {room}")


def from_bytes(data: bytes, family: Family) -> PacketSpec | None:
    """The fields that make exactly these bytes, or None when no fields do (wrong checksum, unusual header ...)."""
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
            dont_fragment=bool(word & DONT_FRAGMENT),
            more_fragments=bool(word & MORE_FRAGMENTS),
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
