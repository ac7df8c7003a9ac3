"""The fields that matches look at: each one declared once, with its name, its width and how to read it off a packet.

A getter answers None when the packet does not have the field. Headers behind the network header are only read from a
packet's first fragment; matches that need them say so with a :class:`~pyiptables.predicate.Readable`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pyiptables.packet.addresses import to_text
from pyiptables.predicate import Field, Readable

TCP_FLAG_NAMES = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}


def byte_at(place: int) -> Any:
    """A getter of the byte at an offset from the transport header."""

    def get(skb: Any) -> int | None:
        at = skb.thoff + place
        return skb.data[at] if at < len(skb.data) else None

    return get


def word_at(place: int) -> Any:
    """A getter of the 16-bit word at an offset from the transport header."""

    def get(skb: Any) -> int | None:
        at = skb.thoff + place
        data = skb.data
        return data[at] << 8 | data[at + 1] if at + 2 <= len(data) else None

    return get


def readable(name: str, length: int, *, hotdrop: bool = True) -> Readable:
    """The condition that ``length`` bytes of transport header are there (skb_header_pointer); else hotdrop."""
    return Readable(name, lambda skb: skb.thoff + length <= len(skb.data), hotdrop)


def tcp_option(skb: Any, kind: int) -> bool | None:
    """Whether a TCP segment has an option of that kind; None when its options cannot be read (xt_tcpudp.c)."""
    data, at = skb.data, skb.thoff
    end = at + (data[at + 12] >> 4) * 4
    if end > len(data) or end - at < 20:
        return None
    at += 20
    while at < end:
        if data[at] == kind:
            return True
        if data[at] < 2 or at + 1 >= end:
            at += 1
        else:
            at += data[at + 1] or 1
    return False


def flags_to_text(flags: int) -> str:
    """TCP flags as iptables writes a list of them: ``SYN,ACK``, ``NONE``."""
    return ",".join(name for name, bit in TCP_FLAG_NAMES.items() if flags & bit) or "NONE"


def _address(attribute: str) -> Field:
    return Field(f"ip.{attribute}", 128, lambda skb: getattr(skb, attribute), str)


ip = SimpleNamespace(
    saddr=_address("saddr"),
    daddr=_address("daddr"),
    protocol=Field("ip.protocol", 8, lambda skb: skb.protocol),
    fragoff=Field("ip.fragoff", 13, lambda skb: skb.fragoff),
    ttl=Field("ip.ttl", 8, lambda skb: skb.ttl),
    length=Field(
        "ip.length", 16, lambda skb: len(skb.data) - 40 if skb.family == 10 else skb.data[2] << 8 | skb.data[3]
    ),
)
"""Of the network header; ``length`` is IPv4's total length, and IPv6's payload length."""

tcp = SimpleNamespace(
    header=readable("a whole TCP header", 20),
    sport=Field("tcp.sport", 16, word_at(0)),
    dport=Field("tcp.dport", 16, word_at(2)),
    flags=Field("tcp.flags", 6, lambda skb: skb.data[skb.thoff + 13] & 0x3F, flags_to_text),
)
"""Of the TCP header; read ``header`` first."""

udp = SimpleNamespace(
    header=readable("a whole UDP header", 8),
    sport=Field("udp.sport", 16, word_at(0)),
    dport=Field("udp.dport", 16, word_at(2)),
)
"""Of the UDP header; read ``header`` first."""

ports = SimpleNamespace(
    header=readable("both ports", 4),
    source=Field("ports.source", 16, word_at(0)),
    destination=Field("ports.destination", 16, word_at(2)),
)
"""The two ports that TCP, UDP, UDP-Lite, SCTP and DCCP all begin with."""

icmp = SimpleNamespace(
    header=readable("an ICMP type and code", 4),
    type=Field("icmp.type", 8, byte_at(0)),
    code=Field("icmp.code", 8, byte_at(1)),
)
"""Of the ICMP or ICMPv6 header; read ``header`` first."""

meta = SimpleNamespace(
    iif=Field("meta.iif", 0, lambda skb: skb.iif),
    oif=Field("meta.oif", 0, lambda skb: skb.oif),
    mark=Field("meta.mark", 32, lambda skb: skb.mark, hex),
    mac_source=Field("meta.mac_source", 48, lambda skb: int.from_bytes(skb.mac[6:12], "big") if len(skb.mac) == 14 else None),
)
"""What the kernel knows about a packet beside its bytes."""


def whole_or_first_fragment(*, hotdrop_offset_one: bool = True) -> Readable:
    """The condition that the packet is no later fragment; TCP's own match drops fragments that begin inside its header."""

    def present(skb: Any) -> bool:
        if skb.fragoff == 0:
            return True
        if hotdrop_offset_one and skb.fragoff == 1:
            skb.hotdrop = True
        return False

    return Readable("no later fragment", present, hotdrop=False)


def show_address(skb: Any, value: int) -> str:
    """An address of the packet's own family as text."""
    return to_text(value, skb.family)
