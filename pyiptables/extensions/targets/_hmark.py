"""The hash of a packet's flow by which HMARK marks it.

Source: net/netfilter/xt_HMARK.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyiptables.extensions.matches._jhash import jhash_words
from pyiptables.hooks import Family
from pyiptables.packet.skb import Skb

WORD = 0xFFFFFFFF
ICMP, AH, ICMPV6 = 1, 51, 58
ICMP_ERRORS = frozenset({3, 4, 5, 11, 12})
ICMP_HEADER = 8
PORTS_AT = {6: 0, 17: 0, 33: 0, 50: 0, AH: 4, 132: 0, 136: 0}
"""Where, behind the network header, the ports or the SPI of a protocol stand."""
HEADER = {Family.IPV4: 20, Family.IPV6: 40}
HOP, ROUTING, FRAGMENT, OPTIONS = 0, 43, 44, 60


@dataclass(frozen=True, slots=True)
class Flow:
    """What can be hashed: addresses, protocol, and source and destination port as one number (None: has none)."""

    source: int
    destination: int
    protocol: int
    ports: int | None


@dataclass(frozen=True, slots=True)
class Hasher:
    """Masks for the two addresses, for the ports with the bits to set in them, and for the protocol; and the seed."""

    addresses: tuple[int, int]
    ports: int
    ports_set: int
    protocol: int
    seed: int

    def hash(self, flow: Flow, family: Family) -> int:
        """32 bits, the same for both directions."""
        source, destination = (
            _folded(address & mask, family)
            for address, mask in zip((flow.source, flow.destination), self.addresses, strict=True)
        )
        ports = 0
        if flow.ports is not None:
            both = flow.ports & self.ports | self.ports_set
            low, high = sorted((both >> 16, both & 0xFFFF))
            ports = high << 16 | low
        found = jhash_words((*sorted((source, destination)), ports), self.seed)
        return found ^ flow.protocol & self.protocol


def _folded(address: int, family: Family) -> int:
    """An address as 32 bits: the words of an IPv6 address flipped into one."""
    if family is Family.IPV4:
        return address
    return (address >> 96 ^ address >> 64 ^ address >> 32 ^ address) & WORD


def flow_of_connection(skb: Any) -> Flow | None:
    """The client and the server of the packet's connection, seen from the client; None without a connection."""
    entry = skb.nfct
    if entry is None:
        return None
    original, reply = entry.original, entry.reply
    ports = None if original.protocol == ICMP else original.sport << 16 | reply.sport
    return Flow(original.src, reply.src, original.protocol, ports)


def flow_of_packet(skb: Any) -> Flow | None:
    """The packet's flow, or that of the packet which an ICMP error is about; None where that is cut off."""
    protocol, at, fragment = _transport(skb)
    if not (fragment and skb.family is Family.IPV6) and _is_error(skb, protocol, at):
        rest = skb.data[at + ICMP_HEADER :]
        if len(rest) < HEADER[skb.family]:
            return None
        skb = Skb(rest, skb.family)
        protocol, at, fragment = _transport(skb)
    place = PORTS_AT.get(protocol)
    ports = None
    if place is not None and not fragment and at + place + 4 <= len(skb.data):
        ports = int.from_bytes(skb.data[at + place : at + place + 4], "big")
    return Flow(skb.saddr, skb.daddr, protocol, ports)


def _is_error(skb: Any, protocol: int, at: int) -> bool:
    if protocol != (ICMP if skb.family is Family.IPV4 else ICMPV6) or at + ICMP_HEADER > len(skb.data):
        return False
    kind = skb.data[at]
    return kind in ICMP_ERRORS if skb.family is Family.IPV4 else 0 < kind < 128


def _transport(skb: Any) -> tuple[int, int, bool]:
    """Protocol, place of its header, and whether the packet is a fragment; of IPv6's headers AH counts as a protocol."""
    if skb.family is Family.IPV4:
        return skb.protocol, skb.ihl, bool(skb.fragoff or skb.more_fragments)
    data, following, at, fragment = skb.data, skb.data[6], HEADER[Family.IPV6], False
    while following in (HOP, ROUTING, FRAGMENT, OPTIONS) and at + 8 <= len(data):
        fragment = fragment or following == FRAGMENT
        size = 8 if following == FRAGMENT else (data[at + 1] + 1) * 8
        following, at = data[at], at + size
        if fragment and skb.fragoff:
            break
    return following, at, fragment
