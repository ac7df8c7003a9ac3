"""The fields that matches look at: each one declared once, with its name, its width and how to read it off a packet.

A getter answers None when the packet does not have the field. Headers behind the network header are only read from a
packet's first fragment; matches that need them say so with a :class:`~pyiptables.predicate.Readable`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.addresses import mac_to_text, to_text
from pyiptables.packet.names import SAVED_PROTOCOLS
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
    end = at + (data[at + 12] >> 4) * 4 if at + 20 <= len(data) else at
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
    protocol=Field("ip.protocol", 8, lambda skb: skb.protocol, lambda number: SAVED_PROTOCOLS.get(number, str(number))),
    fragoff=Field("ip.fragoff", 13, lambda skb: skb.fragoff),
    ttl=Field("ip.ttl", 8, lambda skb: skb.ttl),
    length=Field(
        "ip.length",
        16,
        lambda skb: (
            skb.data[2] << 8 | skb.data[3] if skb.family is Family.IPV4 else (skb.data[4] << 8 | skb.data[5]) + 40
        ),
    ),
)
"""Of the network header; ``length`` is that of the packet with its network header, as the header says it."""

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
    header=readable("a whole ICMP header", 8),
    type=Field("icmp.type", 8, byte_at(0)),
    code=Field("icmp.code", 8, byte_at(1)),
)
"""Of the ICMP or ICMPv6 header; read ``header`` first."""


def _mac_source(skb: Any) -> int | None:
    """The Ethernet source; loopback's header looks like Ethernet but is none (xt_mac.c asks for the device's type)."""
    return int.from_bytes(skb.mac[6:12], "big") if len(skb.mac) == 14 and skb.iif != "lo" else None


meta = SimpleNamespace(
    iif=Field("meta.iif", 0, lambda skb: skb.iif),
    oif=Field("meta.oif", 0, lambda skb: skb.oif),
    mark=Field("meta.mark", 32, lambda skb: skb.mark, hex),
    mac_source=Field("meta.mac_source", 48, _mac_source, lambda mac: mac_to_text(mac.to_bytes(6, "big"))),
)
"""What the kernel knows about a packet beside its bytes."""

CT_STATES = {
    "INVALID": 1,
    "NEW": 8,
    "RELATED": 4,
    "ESTABLISHED": 2,
    "UNTRACKED": 256,
    "SNAT": 64,
    "DNAT": 128,
}
"""The bits of ``ct.state``, in the order in which iptables lists them (XT_CONNTRACK_STATE_*)."""

CT_STATUSES = {"NONE": 0, "EXPECTED": 1, "SEEN_REPLY": 2, "ASSURED": 4, "CONFIRMED": 8}
"""The bits of an entry's status that iptables has names for, in the order in which it lists them (IPS_*)."""

UNTRACKED, FIRST_REPLY = 7, 3
"""Numbers of ctinfo: not tracked; and the first of those that go in the reply direction."""

SECOND = 1_000_000_000


def bits_to_text(bits: int, names: Mapping[str, int]) -> str:
    """The names of the bits that are set, with commas; for none, the name of 0 if there is one."""
    zero = next((name for name, bit in names.items() if not bit), "")
    return ",".join(name for name, bit in names.items() if bits & bit) or zero


def _ct_state(skb: Any) -> int:
    """The packet's state and its connection's NAT as one bit set (conntrack_mt in xt_conntrack.c)."""
    entry = skb.nfct
    if entry is None:
        return CT_STATES["UNTRACKED"] if skb.ctinfo == UNTRACKED else CT_STATES["INVALID"]
    # IPS_SRC_NAT and IPS_DST_NAT stand two places below their state bits.
    return int(2 << skb.ctinfo % FIRST_REPLY | (entry.status & 0x30) << 2)


def _expires(skb: Any) -> int | None:
    """The seconds that the packet's entry has left; an entry that is not yet confirmed has no clock and counts as 0."""
    entry = skb.nfct
    if entry is None:
        return None
    confirmed = entry.status & CT_STATUSES["CONFIRMED"]
    return max(0, entry.timeout - skb.tstamp) // SECOND if confirmed else 0


def _of_entry(name: str, bits: int, read: Callable[[Any], int], show: Callable[[Any], str] = str) -> Field:
    """A field that is read off the packet's connection; packets without one do not have it."""
    return Field(name, bits, lambda skb: None if skb.nfct is None else read(skb.nfct), show)


def _ct_address(name: str, read: Callable[[Any], int]) -> dict[Family, Field]:
    return {family: _of_entry(name, family.bits, read, partial(to_text, family=family)) for family in Family}


ct = SimpleNamespace(
    state=Field("ct.state", 9, _ct_state, lambda bits: bits_to_text(bits, CT_STATES)),
    entry=Field(
        "ct.entry", 1, lambda skb: int(skb.nfct is not None), lambda there: "tracked" if there else "not tracked"
    ),
    direction=Field(
        "ct.direction",
        1,
        lambda skb: None if skb.nfct is None else int(skb.ctinfo >= FIRST_REPLY),
        lambda direction: "REPLY" if direction else "ORIGINAL",
    ),
    status=_of_entry("ct.status", 16, lambda entry: entry.status, lambda bits: bits_to_text(bits, CT_STATUSES)),
    mark=_of_entry("ct.mark", 32, lambda entry: entry.mark, hex),
    protocol=_of_entry("ct.protocol", 8, lambda entry: entry.original.protocol),
    expires=Field("ct.expires", 32, _expires),
    original_src=_ct_address("ct.original_src", lambda entry: entry.original.src),
    original_dst=_ct_address("ct.original_dst", lambda entry: entry.original.dst),
    reply_src=_ct_address("ct.reply_src", lambda entry: entry.reply.src),
    reply_dst=_ct_address("ct.reply_dst", lambda entry: entry.reply.dst),
    original_sport=_of_entry("ct.original_sport", 16, lambda entry: entry.original.sport),
    original_dport=_of_entry("ct.original_dport", 16, lambda entry: entry.original.dport),
    reply_sport=_of_entry("ct.reply_sport", 16, lambda entry: entry.reply.sport),
    reply_dport=_of_entry("ct.reply_dport", 16, lambda entry: entry.reply.dport),
)
"""Of the packet's connection (``skb.nfct`` and ``skb.ctinfo``). Addresses are a field for each family; the ports of
ICMP are its identifier, and type and code; ``expires`` is in seconds."""


def whole_or_first_fragment(*, hotdrop_offset_one: bool = True) -> Readable:
    """The condition that the packet is no later fragment; TCP's own match drops those that begin inside its header."""

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
