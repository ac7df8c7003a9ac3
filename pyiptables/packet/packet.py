"""A packet as it is handed to an engine: the bytes, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass

from pyiptables.hooks import Family
from pyiptables.packet.skb import PacketType


@dataclass(frozen=True, slots=True)
class Packet:
    """A network packet (``data`` begins at the IP header) at the host's door.

    ``interface`` is where it came in, or "" for one that a local process sends; ``time`` is nanoseconds; ``mac`` is the
    link-layer header as received (14 bytes for Ethernet, else empty); ``mark`` and ``uid``/``gid`` are what a local
    process gives its packets. ``raw`` says that the process sends it through a raw socket, which gives routing nothing
    but the destination.
    """

    data: bytes
    interface: str = ""
    time: int = 0
    mac: bytes = b""
    packet_type: PacketType = PacketType.HOST
    number: int = 0
    mark: int = 0
    uid: int | None = None
    gid: int | None = None
    out_interface: str = ""
    raw: bool = False

    @property
    def family(self) -> Family:
        """By the first four bits; IPv4 for what is neither."""
        return Family.IPV6 if self.data and self.data[0] >> 4 == 6 else Family.IPV4

    @property
    def local(self) -> bool:
        """Whether a local process sends it."""
        return not self.interface
