"""Fields of headers beside TCP, UDP and ICMP: of IPsec, SCTP, DCCP, mobility, and of the IPv6 extension headers.

Source: net/ipv6/exthdrs_core.c (ipv6_find_hdr) and the headers' own definitions in include/uapi/linux.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.fields import TCP_FLAG_NAMES, byte_at, readable, word_at
from pyiptables.packet.skb import PacketType
from pyiptables.predicate import Field, Readable

HOP_BY_HOP, ROUTING, FRAGMENT, ESP, AUTHENTICATION, NONE, DESTINATION = 0, 43, 44, 50, 51, 59, 60
WALKED = frozenset({HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, NONE, DESTINATION})
"""Headers behind which ipv6_find_hdr looks further (NONE only so that it says "not there")."""

FIXED_HEADER = 40
ABSENT, BROKEN = -1, -2


def header_size(kind: int, length: int) -> int:
    """The bytes of an extension header whose length field says ``length``."""
    if kind == FRAGMENT:
        return 8
    return (length + 2) * 4 if kind == AUTHENTICATION else (length + 1) * 8


def find_header(skb: Any, target: int) -> int:
    """Where an IPv6 packet's first header of that kind begins; ABSENT, or BROKEN where the chain leaves the packet."""
    data, kind, at = skb.data, skb.data[6], FIXED_HEADER
    while kind in WALKED and kind != NONE:
        # The routing and the fragment header are read as far as the kernel needs them to go on.
        if at + (4 if kind in (ROUTING, FRAGMENT) else 2) > len(data):
            return BROKEN
        if kind == target:
            return at
        if kind == FRAGMENT and (data[at + 2] << 8 | data[at + 3]) & ~7:
            return ABSENT
        kind, at = data[at], at + header_size(kind, data[at + 1])
    return at if kind == target else ABSENT


def extension_header(name: str, target: int, length: int) -> Readable:
    """The condition that ``length`` bytes of an extension header are there; a packet that breaks off before is dropped."""

    def present(skb: Any) -> bool:
        at = find_header(skb, target)
        if at == BROKEN or (at != ABSENT and at + length > len(skb.data)):
            skb.hotdrop = True
            return False
        return at != ABSENT

    return Readable(name, present, hotdrop=False)


def number_in(target: int, place: int, size: int) -> Callable[[Any], int | None]:
    """A getter of a number of ``size`` bytes at an offset from an extension header."""

    def get(skb: Any) -> int | None:
        at = find_header(skb, target)
        return None if at < 0 else number(skb.data, at + place, size)

    return get


def number_at(place: int, size: int) -> Callable[[Any], int | None]:
    """A getter of a number of ``size`` bytes at an offset from the transport header."""
    return lambda skb: number(skb.data, skb.thoff + place, size)


def number(data: bytes | bytearray, at: int, size: int) -> int | None:
    """The number of ``size`` bytes at an offset, None where the data ends before."""
    return int.from_bytes(data[at : at + size], "big") if at + size <= len(data) else None


def size_in(target: int) -> Callable[[Any], int | None]:
    """A getter of an extension header's own length in bytes."""

    def get(skb: Any) -> int | None:
        at = find_header(skb, target)
        return None if at < 0 or at + 2 > len(skb.data) else header_size(target, skb.data[at + 1])

    return get


def traffic_class(skb: Any) -> int:
    """IPv4's type of service or IPv6's traffic class."""
    data = skb.data
    return int(data[1]) if skb.family is Family.IPV4 else (data[0] << 4 | data[1] >> 4) & 0xFF


traffic = SimpleNamespace(
    tos=Field("ip.tos", 8, traffic_class, hex),
    dscp=Field("ip.dscp", 6, lambda skb: traffic_class(skb) >> 2, hex),
    ecn=Field("ip.ecn", 2, lambda skb: traffic_class(skb) & 3),
)
"""Of the byte that IPv4 calls type of service and IPv6 traffic class."""

ECE, CWR = 0x40, 0x80
ECN_FLAG_NAMES = {**TCP_FLAG_NAMES, "ECE": ECE, "CWR": CWR}

tcp_ecn = SimpleNamespace(
    header=readable("a whole TCP header", 20, hotdrop=False),
    flags=Field(
        "tcp.ecn",
        8,
        byte_at(13),
        lambda flags: ",".join(name for name, bit in ECN_FLAG_NAMES.items() if flags & bit) or "NONE",
    ),
)
"""The TCP flags together with ECE and CWR."""

ah = SimpleNamespace(
    header=readable("a whole AH header", 12),
    spi=Field("ah.spi", 32, number_at(4, 4)),
)
"""Of the authentication header of IPv4, where it is a transport protocol."""

ah6 = SimpleNamespace(
    header=extension_header("a whole AH header", AUTHENTICATION, 12),
    spi=Field("ah.spi", 32, number_in(AUTHENTICATION, 4, 4)),
    length=Field("ah.length", 32, size_in(AUTHENTICATION)),
    reserved=Field("ah.reserved", 16, number_in(AUTHENTICATION, 2, 2)),
)
"""Of the authentication header of IPv6, where it is an extension header; ``length`` is in bytes."""

esp = SimpleNamespace(
    header=readable("a whole ESP header", 8),
    spi=Field("esp.spi", 32, number_at(0, 4)),
)

ipcomp = SimpleNamespace(
    header=readable("a whole IPComp header", 4),
    cpi=Field("ipcomp.cpi", 16, word_at(2)),
)

sctp = SimpleNamespace(header=readable("a whole SCTP header", 12))
"""The ports are those of :data:`pyiptables.packet.fields.ports`."""

DCCP_TYPES = (
    "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK",
)  # fmt: skip
"""Types of DCCP packets in the order of their numbers; those above are reserved."""

dccp = SimpleNamespace(
    header=readable("a whole DCCP header", 12),
    type=Field(
        "dccp.type",
        4,
        lambda skb: skb.data[skb.thoff + 8] >> 1 & 15,
        lambda kind: DCCP_TYPES[kind] if kind < len(DCCP_TYPES) else str(kind),
    ),
)
"""The ports are those of :data:`pyiptables.packet.fields.ports`."""

mobility = SimpleNamespace(
    header=readable("a whole mobility header", 6),
    last=Readable("no header after it", lambda skb: bool(skb.data[skb.thoff] == NONE)),
    type=Field("mh.type", 8, byte_at(2)),
)
"""Of the mobility header: the kernel drops one that says that another header follows."""

fragment = SimpleNamespace(
    header=extension_header("a whole fragment header", FRAGMENT, 8),
    id=Field("frag.id", 32, number_in(FRAGMENT, 4, 4)),
    reserved=Field("frag.reserved", 8, number_in(FRAGMENT, 1, 1)),
    offset=Field("frag.offset", 16, number_in(FRAGMENT, 2, 2), hex),
)
"""Of the fragment header; ``offset`` is the whole word: the offset, two reserved bits and "more fragments"."""

routing = SimpleNamespace(
    header=extension_header("a routing header", ROUTING, 4),
    type=Field("rt.type", 32, number_in(ROUTING, 2, 1)),
    segments_left=Field("rt.segsleft", 32, number_in(ROUTING, 3, 1)),
    length=Field("rt.length", 32, size_in(ROUTING)),
    reserved=Field("rt.reserved", 32, number_in(ROUTING, 4, 4)),
)
"""Of the routing header; ``length`` is in bytes."""


def fits(target: int) -> Readable:
    """The condition that an extension header does not say it is longer than the packet."""

    def present(skb: Any) -> bool:
        at = find_header(skb, target)
        return at + header_size(target, skb.data[at + 1]) <= len(skb.data)

    return Readable("a header no longer than the packet", present, hotdrop=False)


def _link_type(skb: Any) -> int:
    """Whom the frame was for; one that this host sent and got back counts by its address (pkttype_mt)."""
    if skb.pkt_type != PacketType.LOOPBACK:
        return int(skb.pkt_type)
    multicast = skb.family is Family.IPV6 or skb.daddr >> 28 == 0xE
    return int(PacketType.MULTICAST if multicast else PacketType.BROADCAST)


link = SimpleNamespace(type=Field("meta.pkttype", 3, _link_type, lambda kind: PacketType(kind).name.lower()))
"""Of the frame that the packet came in."""
