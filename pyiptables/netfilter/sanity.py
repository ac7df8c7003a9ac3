"""What the kernel checks of a packet before any hook sees it.

Source: net/ipv4/ip_input.c (ip_rcv_core) and net/ipv6/ip6_input.c (ip6_rcv_core).
"""

from __future__ import annotations

from dataclasses import dataclass

from pyiptables.hooks import Family
from pyiptables.packet.checksum import ones_sum


@dataclass(frozen=True, slots=True)
class Checked:
    """A packet cut to the length its header says, or the reason why it is dropped (``data`` is then empty)."""

    data: bytes
    reason: str = ""


def check(data: bytes, family: Family) -> Checked:
    """Check what a frame carries as a packet of a family."""
    return _ipv4(data) if family is Family.IPV4 else _ipv6(data)


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


def _ipv6(data: bytes) -> Checked:
    if len(data) < 40:
        return Checked(b"", f"truncated: {len(data)} bytes are no IPv6 header")
    if data[0] >> 4 != 6:
        return Checked(b"", f"the version is {data[0] >> 4}, not 6")
    source, destination = data[8:24], data[24:40]
    if source[0] == 0xFF:
        return Checked(b"", "the source is a multicast address")
    if destination == bytes(15) + b"\x01" or source == bytes(15) + b"\x01":
        return Checked(b"", "the loopback address came in from outside")
    if destination[0] == 0xFF and not destination[1] & 15:
        return Checked(b"", "the destination is multicast of a reserved scope")
    length = data[4] << 8 | data[5]
    if not length and data[6] == 0:
        return Checked(bytes(data))
    if len(data) < 40 + length:
        return Checked(b"", f"truncated: {len(data)} bytes of a packet of {40 + length}")
    return Checked(data[: 40 + length])
