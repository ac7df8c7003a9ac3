"""The socket buffer: one packet on its way through the stack, with all that the kernel knows about it.

Source: include/linux/skbuff.h, and for IPv6 net/ipv6/exthdrs_core.c (ipv6_find_hdr).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from pyiptables.hooks import Family, Hook

IPV6_EXTENSIONS = frozenset({0, 43, 44, 51, 60, 135})
"""Extension headers that are walked over (hop-by-hop, routing, fragment, AH, destination options, mobility)."""


class PacketType(IntEnum):
    """Whom the link layer says a frame is for (PACKET_*)."""

    HOST = 0
    BROADCAST = 1
    MULTICAST = 2
    OTHERHOST = 3
    OUTGOING = 4
    LOOPBACK = 5


class Skb:
    """A packet from its network header on, mutable, with its metadata.

    ``data`` begins at the IP header and is cut to the length that the header says. Derived fields (``saddr``,
    ``protocol``, ``thoff`` ...) are read by :meth:`parse`, which whoever changes the header calls again.

    Metadata: ``iif`` and ``oif`` are interface names at the present hook ("" for none); ``mac`` is the link-layer header
    as received (14 bytes for Ethernet, empty for a packet made here); ``nfct`` is the conntrack entry, or None, and
    ``ctinfo`` its :class:`~pyiptables.conntrack` state number; ``dst`` is the routing decision; ``tstamp`` is nanoseconds
    on the capture's clock; ``frag_max_size`` and ``fragments`` are the largest size and the payload sizes of the fragments
    that a datagram was put together from (0 and empty: it came whole), ``frag_id`` IPv6's identification of them.
    ``csum_valid`` says that conntrack or NAT found the transport checksum right, ``csum_partial`` that the device would
    compute it: the field holds the pseudo header's sum until then. ``unfound`` says that IPv6's extension headers end
    before the transport header, so that asking for the protocol drops the packet.
    """

    __slots__ = (
        "csum_partial",
        "csum_valid",
        "ctinfo",
        "daddr",
        "data",
        "dst",
        "family",
        "frag_id",
        "frag_max_size",
        "fragments",
        "fragoff",
        "hook",
        "host",
        "hotdrop",
        "ihl",
        "iif",
        "mac",
        "mark",
        "more_fragments",
        "nf_trace",
        "nfct",
        "number",
        "oif",
        "owner",
        "pkt_type",
        "priority",
        "protocol",
        "saddr",
        "secmark",
        "thoff",
        "tstamp",
        "ttl",
        "unfound",
        "unknown",
    )

    def __init__(self, data: bytes | bytearray, family: Family, *, iif: str = "", mac: bytes = b"") -> None:
        self.data = bytearray(data)
        self.family = family
        self.iif = iif
        self.oif = ""
        self.mac = mac
        self.pkt_type = PacketType.HOST
        self.hook: Hook = Hook.PREROUTING
        self.mark = 0
        self.priority = 0
        self.secmark = 0
        self.nfct: Any = None
        self.ctinfo = 0
        self.nf_trace = False
        self.dst: Any = None
        self.owner: Any = None
        self.hotdrop = False
        self.csum_partial = self.csum_valid = self.unfound = False
        self.host: Any = None
        self.tstamp = 0
        self.number = 0
        self.frag_max_size = 0
        self.frag_id = bytes(4)
        self.fragments: tuple[int, ...] = ()
        self.unknown: list[str] = []
        self.parse()

    def parse(self) -> None:
        """Read the derived fields from ``data``; the header must have passed the sanity checks (20 or 40 bytes)."""
        data = self.data
        if self.family is Family.IPV4:
            self.ihl = (data[0] & 15) * 4
            self.ttl = data[8]
            self.protocol = data[9]
            self.thoff = self.ihl
            self.fragoff = (data[6] & 0x1F) << 8 | data[7]
            self.more_fragments = bool(data[6] & 0x20)
            self.saddr = int.from_bytes(data[12:16], "big")
            self.daddr = int.from_bytes(data[16:20], "big")
        else:
            self.ihl = 40
            self.ttl = data[7]
            self.saddr = int.from_bytes(data[8:24], "big")
            self.daddr = int.from_bytes(data[24:40], "big")
            self._walk_extensions()

    def _walk_extensions(self) -> None:
        """Find the transport header behind the extension headers, and the fragment's place."""
        data, following, at = self.data, self.data[6], 40
        self.fragoff, self.more_fragments, self.unfound = 0, False, False
        while following in IPV6_EXTENSIONS and following != 135:
            if at + (4 if following in (43, 44) else 2) > len(data):
                self.unfound = True
                break
            if following == 44:
                word = data[at + 2] << 8 | data[at + 3]
                self.fragoff, self.more_fragments = word >> 3, bool(word & 1)
                following, at = data[at], at + 8
                if self.fragoff:
                    self.unfound = following in IPV6_EXTENSIONS and following != 135
                    break
                continue
            size = (data[at + 1] + 2) * 4 if following == 51 else (data[at + 1] + 1) * 8
            following, at = data[at], at + size
        self.protocol, self.thoff = following, at

    def copy(self) -> Skb:
        """A copy with its own data and without conntrack, as a packet that is made from another."""
        other = Skb(self.data, self.family, iif=self.iif, mac=self.mac)
        for name in (
            "oif",
            "pkt_type",
            "hook",
            "mark",
            "priority",
            "secmark",
            "nf_trace",
            "dst",
            "owner",
            "host",
            "tstamp",
            "number",
        ):
            setattr(other, name, getattr(self, name))
        return other

    @property
    def transport(self) -> bytes:
        """The bytes from the transport header on."""
        return bytes(self.data[self.thoff :])
