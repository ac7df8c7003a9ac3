"""Frames as a capture holds them, and their link layers: what protocol they carry, from whom, for whom.

Source: the link-layer types of draft-ietf-opsawg-pcaplinktype; what the kernel keeps of a header is that of
net/ethernet/eth.c (eth_type_trans) and net/core/skbuff.c (skb_vlan_untag).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from pyiptables.packet.skb import PacketType

IPV4 = 0x0800
IPV6 = 0x86DD
ETHERTYPES_802 = {True: 0x0001, False: 0x0004}
"""What the kernel calls a frame with a length in place of a type: raw IPX (its payload begins ffff), else LLC."""
VLAN_TAGS = frozenset({0x8100, 0x88A8})
"""Types after which a VLAN tag follows (802.1Q, 802.1ad); the kernel knows no others."""
_FAMILIES = {2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6}
"""AF_INET, and AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, Darwin."""
_PPP_PROTOCOLS = {0x0021: IPV4, 0x0057: IPV6}
_NETLINK = 824
"""ARPHRD_NETLINK: a cooked frame of it has a netlink family where others have their Ethernet type."""


class LinkType(IntEnum):
    """The link-layer types that can be decoded, numbered as in capture files (LINKTYPE_*)."""

    NULL = 0
    ETHERNET = 1
    PPP = 9
    RAW_BSD = 12
    RAW_OPENBSD = 14
    PPP_HDLC = 50
    RAW = 101
    C_HDLC = 104
    LOOP = 108
    LINUX_SLL = 113
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


class Direction(IntEnum):
    """Which way a frame passed its interface, as far as the capture says."""

    UNKNOWN = 0
    INBOUND = 1
    OUTBOUND = 2


class Frame(NamedTuple):
    """One captured frame.

    ``number`` counts from 1 through the whole file, ``time_ns`` is nanoseconds since 1970, ``interface`` is "" where
    the capture names none, ``linktype`` is a number of :class:`LinkType` or another. ``original_length`` is the frame's
    length on the wire, which is more than ``data`` when the capture cut it.
    """

    number: int
    time_ns: int
    interface: str
    linktype: int
    direction: Direction
    data: bytes
    original_length: int


class Link(NamedTuple):
    """What a frame's link layer says.

    ``ethertype`` is 0x0800, 0x86DD or another protocol; 0 with a ``problem`` when it cannot be told. ``payload`` is the
    frame's bytes from ``offset`` on. ``mac`` is the header as the kernel has it once VLAN tags are off: 14 bytes for
    Ethernet, else none. ``source`` and ``destination`` are hardware addresses of 6 bytes, or None where the link type
    does not carry them. ``packet_type`` and ``interface_index`` are those of cooked captures, None elsewhere. ``vlans``
    are the VLAN ids, outermost first; id 0 only gives a priority and is left out. ``problem`` is empty, or says in
    words why the frame cannot be read; the rest is then empty.
    """

    ethertype: int
    offset: int
    payload: bytes
    mac: bytes = b""
    source: bytes | None = None
    destination: bytes | None = None
    packet_type: PacketType | None = None
    interface_index: int | None = None
    vlans: tuple[int, ...] = ()
    problem: str = ""


def decode(frame: Frame) -> Link:
    """Read a frame's link layer. Raises nothing: a frame that cannot be read is a Link with a ``problem``."""
    decoder = _DECODERS.get(frame.linktype)
    if decoder is None:
        return _problem(f"link type {frame.linktype} is not known")
    return decoder(frame.data)


def _problem(text: str) -> Link:
    return Link(0, 0, b"", problem=text)


def _short(data: bytes, header: str, size: int) -> Link:
    return _problem(f"frame of {len(data)} bytes is too short for {header} ({size} bytes)")


def _ethernet(data: bytes) -> Link:
    if len(data) < 14:
        return _short(data, "an Ethernet header", 14)
    kind, offset = data[12] << 8 | data[13], 14
    mac = data[:14]
    vlans: tuple[int, ...] = ()
    if kind in VLAN_TAGS:
        kind, offset, vlans = _untag(data, kind, offset)
        if kind in VLAN_TAGS:
            return _problem(f"frame of {len(data)} bytes ends inside a VLAN tag")
        mac = data[:12] + data[offset - 2 : offset]
    if kind < 0x600:
        kind = ETHERTYPES_802[data[offset : offset + 2] == b"\xff\xff"]
    return Link(kind, offset, data[offset:], mac, data[6:12], data[:6], None, None, vlans)


def _untag(data: bytes, kind: int, offset: int) -> tuple[int, int, tuple[int, ...]]:
    """Walk over VLAN tags from ``offset``: the type behind them, where it ends, the ids; a cut tag's own type."""
    vlans = []
    while kind in VLAN_TAGS and offset + 4 <= len(data):
        vlan = (data[offset] & 15) << 8 | data[offset + 1]
        if vlan:
            vlans.append(vlan)
        kind = data[offset + 2] << 8 | data[offset + 3]
        offset += 4
    return kind, offset, tuple(vlans)


def _cooked_v1(data: bytes) -> Link:
    if len(data) < 16:
        return _short(data, "a Linux cooked header", 16)
    packet_type, hardware, length = data[0] << 8 | data[1], data[2] << 8 | data[3], data[4] << 8 | data[5]
    link = _cooked(data, 16, data[14] << 8 | data[15], hardware, packet_type)
    return link if link.problem or length != 6 else link._replace(source=data[6:12])


def _cooked_v2(data: bytes) -> Link:
    if len(data) < 20:
        return _short(data, "a Linux cooked v2 header", 20)
    link = _cooked(data, 20, data[0] << 8 | data[1], data[8] << 8 | data[9], data[10])
    if link.problem:
        return link
    source = data[12:18] if data[11] == 6 else None
    return link._replace(source=source, interface_index=int.from_bytes(data[4:8], "big"))


def _cooked(data: bytes, offset: int, kind: int, hardware: int, packet_type: int) -> Link:
    if hardware == _NETLINK:
        return _problem("a netlink message, not a frame")
    if packet_type > PacketType.LOOPBACK:
        return _problem(f"packet type {packet_type} of the cooked header is not known")
    vlans: tuple[int, ...] = ()
    if kind in VLAN_TAGS:
        kind, offset, vlans = _untag(data, kind, offset)
        if kind in VLAN_TAGS:
            return _problem(f"frame of {len(data)} bytes ends inside a VLAN tag")
    return Link(kind, offset, data[offset:], packet_type=PacketType(packet_type), vlans=vlans)


def _raw(data: bytes) -> Link:
    if not data:
        return _short(data, "an IP header", 20)
    version = data[0] >> 4
    if version == 4:
        return Link(IPV4, 0, data)
    if version == 6:
        return Link(IPV6, 0, data)
    return _problem(f"IP version {version} is neither 4 nor 6")


def _ipv4(data: bytes) -> Link:
    return Link(IPV4, 0, data)


def _ipv6(data: bytes) -> Link:
    return Link(IPV6, 0, data)


def _null(data: bytes) -> Link:
    """BSD loopback: an address family in the capturing host's byte order (null) or the network's (loop)."""
    if len(data) < 4:
        return _short(data, "a loopback header", 4)
    little, big = int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big")
    kind = _FAMILIES.get(min(little, big))
    if kind is None:
        return _problem(f"address family {min(little, big)} of the loopback header is not known")
    return Link(kind, 4, data[4:])


def _ppp(data: bytes) -> Link:
    """PPP (RFC 1661), with or without the HDLC framing's address and control bytes; or Cisco's HDLC."""
    if data[:2] in {b"\x0f\x00", b"\x8f\x00"}:
        return _cisco_hdlc(data)
    offset = 2 if data[:2] == b"\xff\x03" else 0
    if len(data) > offset and data[offset] & 1:
        protocol, offset = data[offset], offset + 1
    elif len(data) < offset + 2:
        return _short(data, "a PPP header", offset + 2)
    else:
        protocol, offset = data[offset] << 8 | data[offset + 1], offset + 2
    kind = _PPP_PROTOCOLS.get(protocol)
    if kind is None:
        return _problem(f"PPP protocol 0x{protocol:04x} is neither IPv4 nor IPv6")
    return Link(kind, offset, data[offset:])


def _cisco_hdlc(data: bytes) -> Link:
    if len(data) < 4:
        return _short(data, "a Cisco HDLC header", 4)
    return Link(data[2] << 8 | data[3], 4, data[4:])


_DECODERS: dict[int, Callable[[bytes], Link]] = {
    LinkType.NULL: _null,
    LinkType.ETHERNET: _ethernet,
    LinkType.PPP: _ppp,
    LinkType.RAW_BSD: _raw,
    LinkType.RAW_OPENBSD: _raw,
    LinkType.PPP_HDLC: _ppp,
    LinkType.RAW: _raw,
    LinkType.C_HDLC: _cisco_hdlc,
    LinkType.LOOP: _null,
    LinkType.LINUX_SLL: _cooked_v1,
    LinkType.IPV4: _ipv4,
    LinkType.IPV6: _ipv6,
    LinkType.LINUX_SLL2: _cooked_v2,
}
