"""The link layer below: which frame carries a packet to its next hop, and the ARP request for one that is not known.

Source: net/ipv4/arp.c (arp_solicit), net/core/neighbour.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.host import Decision, Host, Kind
from pyiptables.packet.build import pack
from pyiptables.packet.skb import Skb

ETHERNET, RAW_IP = 1, 101
BROADCAST_MAC = b"\xff" * 6
RESOLVING = 3_000_000_000
"""How long a next hop is asked for before packets to it fail, in nanoseconds (mcast_solicit times retrans_time)."""


class Neighbourhood:
    """Finds the MAC of a next hop; one that is not known is asked for once, and the packet waits for an answer."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.asked: dict[tuple[str, int], int] = {}

    def frames(self, skb: Skb, data: bytes, decision: Decision) -> Iterator[tuple[str, int, bytes]]:
        """The frames that go out for a packet: interface, link type, bytes."""
        interface = self.host.interface(decision.oif)
        if interface is None or len(interface.mac) != 6:
            yield decision.oif, RAW_IP, data
            return
        kind = b"\x08\0" if skb.family is Family.IPV4 else b"\x86\xdd"
        mac = self._mac(skb, decision)
        if mac is not None:
            yield decision.oif, ETHERNET, mac + interface.mac + kind + data
        elif skb.family is Family.IPV4:
            asked = self.asked.get((decision.oif, decision.next_hop))
            if asked is None or skb.tstamp - asked > RESOLVING:
                self.asked[decision.oif, decision.next_hop] = skb.tstamp
                yield decision.oif, ETHERNET, self._arp_request(skb, decision, interface.mac)

    def _mac(self, skb: Skb, decision: Decision) -> bytes | None:
        if decision.kind is Kind.BROADCAST:
            return BROADCAST_MAC
        if skb.family is Family.IPV4 and skb.daddr >> 28 == 0xE:
            return bytes((1, 0, 0x5E, skb.daddr >> 16 & 0x7F, skb.daddr >> 8 & 255, skb.daddr & 255))
        if skb.family is Family.IPV6 and skb.daddr >> 120 == 0xFF:
            return b"\x33\x33" + (skb.daddr & 0xFFFFFFFF).to_bytes(4, "big")
        return self.unicast(decision, skb.family)

    def unicast(self, decision: Decision, family: Family) -> bytes | None:
        """The MAC of a decision's next hop, for packets of a family to one host; None where it is not known."""
        found = self.host.neighbour(decision.oif, decision.next_hop, decision.gateway_family or family)
        if found is None and not self.host.neighbours:
            return bytes(6)  # no neighbour is known at all: the frame's address stays open
        return found

    def _arp_request(self, skb: Skb, decision: Decision, mac: bytes) -> bytes:
        source = skb.saddr
        if not self.host.is_local(Family.IPV4, source):
            source = self.host.masquerade_source(Family.IPV4, decision.oif, decision.next_hop)
        body = b"\0\x01\x08\0\x06\x04\0\x01" + mac + pack(source, Family.IPV4)
        return BROADCAST_MAC + mac + b"\x08\x06" + body + bytes(6) + pack(decision.next_hop, Family.IPV4)
