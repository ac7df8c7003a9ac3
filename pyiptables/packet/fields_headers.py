"""Fields of headers beside TCP, UDP and ICMP: of IPsec, SCTP, DCCP, mobility, and of the IPv6 extension headers.

Source: net/ipv6/exthdrs_core.c (ipv6_find_hdr) and the headers' own definitions in include/uapi/linux.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.fields import TCP_FLAG_NAMES, byte_at, ports, readable, word_at
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


def walk_options(options: bytes | bytearray) -> Iterator[int]:
    """Where each option of TCP or DCCP begins: options 0 and 1 are one byte, others say their length (0 counts as 1)."""
    at = 0
    while at < len(options):
        yield at
        long = options[at] > 1 and at + 1 < len(options)
        at += options[at + 1] or 1 if long else 1


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


def tcp_offset(skb: Any) -> int:
    """Where matches that do not care for fragments look for a TCP header.

    ip6_tables does not say where a later fragment's data begins: they then read the IPv6 header (ip6_packet_match).
    """
    return 0 if skb.fragoff and skb.family is Family.IPV6 else int(skb.thoff)


ECE, CWR = 0x40, 0x80
ECN_FLAG_NAMES = {**TCP_FLAG_NAMES, "ECE": ECE, "CWR": CWR}

tcp_ecn = SimpleNamespace(
    header=Readable("a whole TCP header", lambda skb: tcp_offset(skb) + 20 <= len(skb.data), hotdrop=False),
    flags=Field(
        "tcp.ecn",
        8,
        lambda skb: skb.data[tcp_offset(skb) + 13],
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

sctp = SimpleNamespace(
    header=readable("a whole SCTP header", 12),
    sport=ports.source,
    dport=ports.destination,
)

DCCP_TYPES = (
    "REQUEST", "RESPONSE", "DATA", "ACK", "DATAACK", "CLOSEREQ", "CLOSE", "RESET", "SYNC", "SYNCACK",
)  # fmt: skip
"""Types of DCCP packets in the order of their numbers; those above are reserved."""

dccp = SimpleNamespace(
    header=readable("a whole DCCP header", 12),
    sport=ports.source,
    dport=ports.destination,
    type=Field(
        "dccp.type",
        4,
        lambda skb: skb.data[skb.thoff + 8] >> 1 & 15,
        lambda kind: DCCP_TYPES[kind] if kind < len(DCCP_TYPES) else str(kind),
    ),
)
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

    return Readable("a header no longer than the packet", present)


def _link_type(skb: Any) -> int:
    """Whom the frame was for; one that this host sent and got back counts by its address (pkttype_mt)."""
    if skb.pkt_type != PacketType.LOOPBACK:
        return int(skb.pkt_type)
    multicast = skb.family is Family.IPV6 or skb.daddr >> 28 == 0xE
    return int(PacketType.MULTICAST if multicast else PacketType.BROADCAST)


link = SimpleNamespace(type=Field("meta.pkttype", 3, _link_type, lambda kind: PacketType(kind).name.lower()))
"""Of the frame that the packet came in."""


SEGMENT_ROUTING = 4
"""The type of a routing header that does segment routing."""


def _sound_segments(skb: Any) -> bool:
    """Whether there is a segment routing header, whole, with no more segments left than it has."""
    data, at = skb.data, find_header(skb, ROUTING)
    if at < 0 or at + 8 > len(data) or at + header_size(ROUTING, data[at + 1]) > len(data):
        return False
    return bool(data[at + 2] == SEGMENT_ROUTING and data[at + 3] <= data[at + 4])


def _segment(choose: Callable[[int, int], int | None]) -> Callable[[Any], int | None]:
    """A getter of an address of the segment list: which one, ``choose`` tells from segments left and last entry."""

    def get(skb: Any) -> int | None:
        at = find_header(skb, ROUTING)
        place = choose(skb.data[at + 3], skb.data[at + 4])
        return None if place is None else number(skb.data, at + 8 + place * 16, 16)

    return get


segment_routing = SimpleNamespace(
    header=Readable("a sound segment routing header", _sound_segments, hotdrop=False),
    next_header=Field("srh.next_hdr", 8, number_in(ROUTING, 0, 1)),
    length=Field("srh.hdr_len", 8, number_in(ROUTING, 1, 1)),
    segments_left=Field("srh.segs_left", 8, number_in(ROUTING, 3, 1)),
    last_entry=Field("srh.last_entry", 8, number_in(ROUTING, 4, 1)),
    tag=Field("srh.tag", 16, number_in(ROUTING, 6, 2)),
    psid=Field("srh.psid", 128, _segment(lambda left, last: left + 1 if left != last else None)),
    nsid=Field("srh.nsid", 128, _segment(lambda left, last: left - 1 if left else None)),
    lsid=Field("srh.lsid", 128, _segment(lambda left, last: 0)),
)
"""Of the segment routing header; ``length`` is the field itself, in units of 8 bytes. Read ``header`` first."""

HEADERS = {
    "hop-by-hop": 0x80,
    "ipv6-opts": 0x40,
    "ipv6-route": 0x20,
    "ipv6-frag": 0x10,
    "ah": 0x08,
    "esp": 0x04,
    "ipv6-nonxt": 0x02,
    "protocol": 0x01,
}
"""The bits of ``headers.present``, in the order in which ip6tables lists them (MASK_*)."""
_BITS = {HOP_BY_HOP: 0x80, DESTINATION: 0x40, ROUTING: 0x20, FRAGMENT: 0x10, AUTHENTICATION: 0x08}


def headers_present(skb: Any) -> int | None:
    """Which extension headers an IPv6 packet has; None where the chain breaks off (ipv6header_mt6)."""
    data, kind, at, bits = skb.data, skb.data[6], FIXED_HEADER, 0
    while kind in _BITS or kind in (ESP, NONE):
        if kind == NONE:
            return bits | HEADERS["ipv6-nonxt"]
        if at + 2 > len(data):
            return None
        if kind == ESP:
            return bits | HEADERS["esp"]
        bits |= _BITS[kind]
        kind, at = data[at], at + header_size(kind, data[at + 1])
        if at > len(data):
            break
    return bits if kind in (NONE, ESP) else bits | HEADERS["protocol"]


headers = SimpleNamespace(
    chain=Readable("whole extension headers", lambda skb: headers_present(skb) is not None, hotdrop=False),
    present=Field(
        "ip.headers",
        8,
        headers_present,
        lambda bits: ",".join(name for name, bit in HEADERS.items() if bits & bit),
    ),
)
"""Of the chain of IPv6 extension headers."""


def _has_eui64(skb: Any) -> int | None:
    """Whether the source address ends as the frame's source makes it (eui64_mt6); None without an Ethernet header."""
    if len(skb.mac) != 14:
        return None
    mac = skb.mac[6:12]
    identifier = bytes((mac[0] ^ 2, mac[1], mac[2], 0xFF, 0xFE, *mac[3:]))
    return int(skb.mac[12:] == b"\x86\xdd" and bytes(skb.data[16:24]) == identifier)


eui64 = Field("ip.saddr.eui64", 1, _has_eui64, lambda same: "the frame's" if same else "not the frame's")
"""Whether the source address ends in the EUI-64 of the frame's source."""
