"""What is said of a packet, field by field."""

from __future__ import annotations

from dataclasses import dataclass

from pyiptables.hooks import Family
from pyiptables.packet.build import IpFields

DEFAULT_SPORT = 40000
DEFAULT_WINDOW = 64240
DEFAULT_TTL = 64
DEFAULT_SPI = 256
"""The lowest index that is not reserved (RFC 4302, 4303)."""
SYN = 0x02
DONT_FRAGMENT, MORE_FRAGMENTS = 0x4000, 0x2000


@dataclass(frozen=True, slots=True)
class PacketSpec:
    """A packet's fields. Those of a transport header count only for its protocol.

    ``frag_offset`` is in bytes, a multiple of 8; above 0 the packet is a later fragment, whose whole content is
    ``payload``. ``tcp_options`` is padded to words. ``icmp_id`` and ``icmp_seq`` are the two halves of the word behind
    the checksum, whatever the type makes of it.
    """

    family: Family
    source: int
    destination: int
    protocol: int
    sport: int = DEFAULT_SPORT
    dport: int = 0
    flags: int = SYN
    seq: int = 0
    ack_seq: int = 0
    window: int = DEFAULT_WINDOW
    tcp_options: bytes = b""
    icmp_type: int = 8
    icmp_code: int = 0
    icmp_id: int = 0
    icmp_seq: int = 0
    spi: int = DEFAULT_SPI
    ttl: int = DEFAULT_TTL
    tos: int = 0
    ident: int = 0
    dont_fragment: bool = False
    more_fragments: bool = False
    frag_offset: int = 0
    payload: bytes = b""

    @property
    def fragment(self) -> bool:
        """Whether it is a fragment, the first one or a later one."""
        return self.more_fragments or self.frag_offset > 0

    def ip_fields(self) -> IpFields:
        """Its network header."""
        word = (self.dont_fragment and DONT_FRAGMENT) | (self.more_fragments and MORE_FRAGMENTS) | self.frag_offset // 8
        return IpFields(self.family, self.source, self.destination, self.ttl, self.tos, self.ident, word)
