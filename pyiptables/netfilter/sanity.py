"""What the kernel checks of a packet before any hook sees it.

Source: net/ipv4/ip_input.c (ip_rcv_core), net/ipv6/ip6_input.c (ip6_rcv_core), net/ipv6/exthdrs.c (ip6_parse_tlv).
"""

from __future__ import annotations

from dataclasses import dataclass

from pyiptables.hooks import Family
from pyiptables.packet.checksum import ones_sum

LOOPBACK = bytes(15) + b"\x01"
HOP_BY_HOP = 0
PAD1, PADN, ROUTER_ALERT, JUMBO = 0, 1, 5, 0xC2
MOST_PADDING, MOST_OPTIONS = 7, 8
"""Bytes of padding in a row, and options in a header (net.ipv6.max_hbh_opts_number)."""
HEADER_FIELD, UNKNOWN_OPTION = 0, 2
"""Codes of ICMPv6's parameter problem."""
IGNORE, DISCARD = 0, 1
"""What the two highest bits of an unknown option ask for; 2 and 3 ask for an error too, 3 not for multicasts."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A packet cut to the length its header says, or the reason why it is dropped (``data`` is then empty).

    ``problem`` is the code and the pointer of the parameter problem that its sender is told of.
    """

    data: bytes
    reason: str = ""
    problem: tuple[int, int] | None = None


def check(data: bytes, family: Family, *, loopback: bool = False) -> Checked:
    """Check what a frame carries as a packet of a family; ``loopback`` says that it did not come in from outside."""
    return _ipv4(data) if family is Family.IPV4 else _ipv6(data, loopback)


def check_sent(data: bytes, family: Family) -> Checked:
    """Check what a process of this host sends as a whole packet (raw_send_hdrinc, rawv6_send_hdrinc)."""
    if family is Family.IPV4:
        return _ipv4(data)
    if len(data) < 40 or data[0] >> 4 != 6:
        return Checked(b"", f"{len(data)} bytes are no IPv6 packet")
    return Checked(data)


def _ipv4(data: bytes) -> Checked:
    if len(data) < 20:
        return Checked(b"", f"truncated: {len(data)} bytes are no IPv4 header")
    if data[0] >> 4 != 4:
        return Checked(b"", f"the version is {data[0] >> 4}, not 4")
    head = (data[0] & 15) * 4
    if head < 20:
        return Checked(b"", f"the header length is {head} bytes, less than 20")
    if len(data) < head:
        return Checked(b"", f"truncated: {len(data)} bytes of a header of {head}")
    if ones_sum(data[:head]) != 0xFFFF:
        return Checked(b"", "the header checksum is wrong")
    length = data[2] << 8 | data[3]
    if len(data) < length:
        return Checked(b"", f"truncated: {len(data)} bytes of a packet of {length}")
    if length < head:
        return Checked(b"", f"the total length is {length} bytes, less than the header's {head}")
    return Checked(data[:length])


def _ipv6(data: bytes, loopback: bool) -> Checked:
    if len(data) < 40:
        return Checked(b"", f"truncated: {len(data)} bytes are no IPv6 header")
    if data[0] >> 4 != 6:
        return Checked(b"", f"the version is {data[0] >> 4}, not 6")
    source, destination = data[8:24], data[24:40]
    if not loopback and LOOPBACK in (source, destination):
        return Checked(b"", "the loopback address came in from outside")
    scope = destination[1] & 15 if destination[0] == 0xFF else None
    if scope == 0:
        return Checked(b"", "the destination is multicast of a reserved scope")
    if scope == 1 and not loopback:
        return Checked(b"", "a multicast that stays on its interface came in from outside")
    if source[0] == 0xFF:
        return Checked(b"", "the source is a multicast address")
    length = data[4] << 8 | data[5]
    if length or data[6] != HOP_BY_HOP:
        if len(data) < 40 + length:
            return Checked(b"", f"truncated: {len(data)} bytes of a packet of {40 + length}")
        data = data[: 40 + length]
    return _hop_by_hop(data) if data[6] == HOP_BY_HOP else Checked(data)


def _hop_by_hop(data: bytes) -> Checked:
    """Walk over the options for every node on the way; the packet, or why it goes no further."""
    if len(data) < 48 or len(data) < 40 + (data[41] + 1) * 8:
        return Checked(b"", "truncated: the hop-by-hop options reach behind the packet's end")
    at, end = 42, 40 + (data[41] + 1) * 8
    padding = count = 0
    while at < end:
        if data[at] != PAD1 and (at + 1 == end or at + 2 + data[at + 1] > end):
            return Checked(b"", "a hop-by-hop option reaches behind its header")
        size = 1 if data[at] == PAD1 else data[at + 1] + 2
        if data[at] in (PAD1, PADN):
            padding += size
            if padding > MOST_PADDING or any(data[at + 2 : at + size]):
                return Checked(b"", "the hop-by-hop options have more padding than is needed, or not of zeros")
        else:
            padding, count = 0, count + 1
            if count > MOST_OPTIONS:
                return Checked(b"", f"there are more than {MOST_OPTIONS} hop-by-hop options")
            refused = _option(data, at)
            if refused is not None:
                return refused
        at += size
    return Checked(data)


def _option(data: bytes, at: int) -> Checked | None:
    """Why an option at a place ends the packet's way; None when it does not."""
    kind, size = data[at], data[at + 1]
    if kind == ROUTER_ALERT:
        return None if size == 2 else Checked(b"", f"the router alert has {size} bytes, not 2")
    if kind == JUMBO:
        return _jumbo(data, at)
    action = kind >> 6
    if action == IGNORE:
        return None
    text = f"the hop-by-hop option {kind} is not known"
    silent = action == DISCARD or (action == 3 and data[24] == 0xFF)
    return Checked(data, text, None if silent else (UNKNOWN_OPTION, at))


def _jumbo(data: bytes, at: int) -> Checked | None:
    if data[at + 1] != 4 or at & 3 != 2:
        return Checked(b"", "the jumbo option does not stand at its place")
    length = int.from_bytes(data[at + 2 : at + 6], "big")
    if length <= 65535:
        return Checked(data, f"a jumbo length of {length} bytes needs no jumbo option", (HEADER_FIELD, at + 2))
    if data[4] or data[5]:
        return Checked(data, "the packet has a jumbo length and another", (HEADER_FIELD, at))
    if length > len(data) - 40:
        return Checked(b"", f"truncated: {len(data)} bytes of a packet of {40 + length}")
    return None
