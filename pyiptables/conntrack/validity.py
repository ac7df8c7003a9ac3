"""Whether a packet's transport checksum is right, as conntrack and NAT ask.

Source: nf_ip_checksum and nf_ip6_checksum in net/netfilter/utils.c; sctp_compute_cksum.
"""

from __future__ import annotations

from functools import cache

from pyiptables.hooks import Family
from pyiptables.packet.checksum import ones_sum, pseudo_sum
from pyiptables.packet.skb import Skb


def transport_valid(skb: Skb, protocol: int, covered: int | None = None) -> bool:
    """Whether the checksum over the transport's first ``covered`` bytes (default: all) is right.

    ``protocol`` is the number in the pseudo header. ICMP of IPv4 has no pseudo header.
    """
    data, at = bytes(skb.data), skb.thoff
    body = data[at:] if covered is None else data[at : at + covered]
    if skb.family is Family.IPV4:
        total = 0 if protocol == 1 else pseudo_sum(data[12:16], data[16:20], protocol, len(data) - at)
    else:
        total = pseudo_sum(data[8:24], data[24:40], protocol, len(data) - at)
    right = ones_sum(body, total) == 0xFFFF
    skb.csum_valid = skb.csum_valid or (right and covered is None)
    return right


def crc32c(data: bytes | bytearray) -> int:
    """The CRC32c of the data (RFC 3309), as a number."""
    value, table = 0xFFFFFFFF, _crc32c_table()
    for byte in data:
        value = table[(value ^ byte) & 255] ^ value >> 8
    return value ^ 0xFFFFFFFF


def sctp_checksum(data: bytes | bytearray, at: int) -> bytes:
    """The four bytes of the checksum field of the SCTP packet that reaches from ``at`` to the end."""
    return crc32c(bytes(data[at : at + 8]) + b"\0\0\0\0" + data[at + 12 :]).to_bytes(4, "little")


@cache
def _crc32c_table() -> tuple[int, ...]:
    """The remainders of all bytes for the reflected polynomial of CRC32c."""

    def remainder(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        return value

    return tuple(remainder(byte) for byte in range(256))
