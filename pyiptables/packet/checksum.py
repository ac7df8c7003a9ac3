"""The Internet checksum, whole and incremental.

Source: RFC 1071, RFC 1624 equation 3; include/net/checksum.h.
"""

from __future__ import annotations


def fold(total: int) -> int:
    """Add the carries of a sum of 16-bit words until it has 16 bits."""
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ones_sum(data: bytes | bytearray, total: int = 0) -> int:
    """The one's complement sum of the data as 16-bit words, padded with a zero byte, not inverted."""
    if len(data) % 2:
        data = bytes(data) + b"\0"
    # 2**16 is 1 modulo 0xFFFF, so the whole number modulo 0xFFFF is the sum of its words.
    value = int.from_bytes(data, "big")
    rest = (value + total) % 0xFFFF
    return rest or (0xFFFF if value or total else 0)


def checksum(data: bytes | bytearray, total: int = 0) -> int:
    """The checksum field's value over the data, ``total`` (a pseudo header's sum) added."""
    return ~ones_sum(data, total) & 0xFFFF


def replace(check: int, old: int, new: int) -> int:
    """A checksum after one 16-bit word changed, computed as csum_replace2 does."""
    return ~fold((~check & 0xFFFF) + (~old & 0xFFFF) + new) & 0xFFFF


def replace_bytes(check: int, old: bytes, new: bytes) -> int:
    """A checksum after a run of bytes of even length, at an even place, changed (inet_proto_csum_replace*)."""
    for at in range(0, len(old), 2):
        before, after = old[at] << 8 | old[at + 1], new[at] << 8 | new[at + 1]
        if before != after:
            check = replace(check, before, after)
    return check


def pseudo_sum(source: bytes, destination: bytes, protocol: int, length: int) -> int:
    """The one's complement sum of the pseudo header of either family (addresses of 4 or 16 bytes)."""
    return fold(ones_sum(source) + ones_sum(destination) + protocol + (length >> 16) + (length & 0xFFFF))
