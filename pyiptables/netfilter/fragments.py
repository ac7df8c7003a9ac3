"""What a fragment is in each family: where it stands in its datagram, how a datagram is put together and taken apart.

Source: net/ipv4/ip_fragment.c, net/ipv4/ip_output.c (ip_do_fragment), net/ipv6/netfilter/nf_conntrack_reasm.c,
net/ipv6/ip6_output.c (ip6_fragment), RFC 791, RFC 8200.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.checksum import checksum

DONT_FRAGMENT, MORE_FRAGMENTS = 0x4000, 0x2000
FRAGMENT_HEADER, AUTHENTICATION = 44, 51
SMALLEST_MTU6 = 1280
BEFORE_FRAGMENT = frozenset({0, 43, 60})
"""Extension headers that stand before the fragment header: hop-by-hop, routing, destination options."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A fragment: the datagram it belongs to, its place and bytes, and the header that its first fragment lends.

    ``size`` is the fragment's own, header included. For IPv6, ``head`` ends where the fragment header stood, and its last
    next-header field names what is behind.
    """

    key: tuple[Any, ...]
    begin: int
    payload: bytes
    more: bool
    head: bytes
    size: int
    keep_whole: bool = False


def piece_of(skb: Any) -> Piece | None:
    """The fragment that a packet is, or None when it is whole (or its headers cannot be followed)."""
    if skb.family is Family.IPV6:
        return _piece6(skb)
    if not (skb.fragoff or skb.more_fragments):
        return None
    data = skb.data
    key = (skb.saddr, skb.daddr, data[4] << 8 | data[5], skb.protocol)
    payload = bytes(data[skb.ihl :])
    return Piece(
        key, skb.fragoff * 8, payload, skb.more_fragments, bytes(data[: skb.ihl]), len(data), bool(data[6] & 0x40)
    )


def fragment_header(data: bytes | bytearray) -> tuple[int, int] | None:
    """Where the fragment header of an IPv6 packet stands, and where the field that announces it; None when there is none."""
    place = _fragment_place(data)
    return place if place is not None and place[0] + 8 <= len(data) else None


def cut_short(skb: Any) -> bool:
    """Whether an IPv6 packet ends inside its fragment header."""
    place = _fragment_place(skb.data)
    return place is not None and place[0] + 8 > len(skb.data)


def _fragment_place(data: bytes | bytearray) -> tuple[int, int] | None:
    """The same, though the header may not be whole (find_prev_fhdr)."""
    following, at, named_at = data[6], 40, 6
    while (following in BEFORE_FRAGMENT or following == AUTHENTICATION) and at + 2 <= len(data):
        size = (data[at + 1] + 2) * 4 if following == AUTHENTICATION else (data[at + 1] + 1) * 8
        following, named_at, at = data[at], at, at + size
    return (at, named_at) if following == FRAGMENT_HEADER else None


LEAST_TRANSPORT = {6: 20, 17: 8, 58: 8}
"""How much of a transport header a first IPv6 fragment must hold; 1 byte of any other."""


def ends_in_headers(skb: Any) -> bool:
    """Whether a first IPv6 fragment ends before its transport header does (ipv6frag_thdr_truncated, RFC 8200 4.5)."""
    return not skb.unfound and skb.thoff + LEAST_TRANSPORT.get(skb.protocol, 1) > len(skb.data)


def _piece6(skb: Any) -> Piece | None:
    data = skb.data
    found = fragment_header(data)
    if found is None:
        return None
    at, named_at = found
    word = data[at + 2] << 8 | data[at + 3]
    key = (skb.saddr, skb.daddr, bytes(data[at + 4 : at + 8]))
    head = bytearray(data[:at])
    head[named_at] = data[at]
    return Piece(key, word & ~7, bytes(data[at + 8 :]), bool(word & 1), bytes(head), len(data))


def joined(family: Family, head: bytes, payload: bytes, keep_whole: bool) -> bytearray:
    """The datagram of a first fragment's header and all payloads in order."""
    made = bytearray(head)
    if family is Family.IPV6:
        made[4:6] = (len(head) - 40 + len(payload)).to_bytes(2, "big")
        return made + payload
    made[2:4] = (len(head) + len(payload)).to_bytes(2, "big")
    made[6:8] = (DONT_FRAGMENT if keep_whole else 0).to_bytes(2, "big")
    _sum(made)
    return made + payload


def _sum(head: bytearray) -> None:
    head[10:12] = b"\0\0"
    head[10:12] = checksum(head).to_bytes(2, "big")


def _sizes(length: int, room: int, came: tuple[int, ...]) -> tuple[int, ...]:
    """The payload sizes to send: as they came where those still fit, else as large as they may be."""
    if sum(came) == length and max(came, default=0) <= room and not any(size & 7 for size in came[:-1]):
        return came
    step = room & ~7
    return tuple(min(step, length - at) for at in range(0, length, step)) if step > 0 else (length,)


def taken_apart(skb: Any, mtu: int) -> Iterator[bytes]:
    """The packets that go out for a datagram: itself, or its fragments where it is too large or came in fragments."""
    size, most = len(skb.data), skb.frag_max_size
    if skb.family is Family.IPV6:
        if most and size > most:
            yield from _apart6(skb, max(min(mtu, most), SMALLEST_MTU6))
        else:
            yield bytes(skb.data)
    elif size > mtu or most:
        yield from _apart4(skb, min(mtu, most or mtu))
    else:
        yield bytes(skb.data)


def _apart4(skb: Any, mtu: int) -> Iterator[bytes]:
    """IPv4 fragments. The kernel has looked at the options of packets that came in only, so that others keep theirs."""
    data = skb.data
    head = bytearray(data[: (data[0] & 15) * 4])
    payload = bytes(data[len(head) :])
    keep = (data[6] << 8 | data[7]) & DONT_FRAGMENT
    at = 0
    sizes = _sizes(len(payload), mtu - len(head), skb.fragments)
    for size in sizes:
        more = MORE_FRAGMENTS if at + size < len(payload) else 0
        head[2:4] = (len(head) + size).to_bytes(2, "big")
        head[6:8] = (keep | more | at >> 3).to_bytes(2, "big")
        _sum(head)
        yield bytes(head) + payload[at : at + size]
        if at == 0 and skb.iif:
            _drop_uncopied_options(head)
        at += size


def _drop_uncopied_options(head: bytearray) -> None:
    """Later fragments repeat only options whose copy bit is set; the others become no-operations (ip_options_fragment)."""
    at = 20
    while at < len(head) and head[at] != 0:
        size = 1 if head[at] == 1 else head[at + 1] if at + 1 < len(head) else 0
        if size < 1 or at + size > len(head):
            return
        if not head[at] & 0x80:
            head[at : at + size] = b"\x01" * size
        at += size


def _apart6(skb: Any, mtu: int) -> Iterator[bytes]:
    """IPv6 fragments; the identification, which the kernel draws at random, is the one that the datagram came with."""
    data = skb.data
    following, at, named_at = data[6], 40, 6
    while following in BEFORE_FRAGMENT and at + 8 <= len(data):
        following, named_at, at = data[at], at, at + (data[at + 1] + 1) * 8
    head, payload = bytearray(data[:at]), bytes(data[at:])
    head[named_at] = FRAGMENT_HEADER
    done = 0
    for size in _sizes(len(payload), mtu - at - 8, skb.fragments):
        more = done + size < len(payload)
        head[4:6] = (len(head) - 40 + 8 + size).to_bytes(2, "big")
        place = (done | more).to_bytes(2, "big")
        yield bytes(head) + bytes((following, 0)) + place + skb.frag_id + payload[done : done + size]
        done += size
