"""Addresses in payloads, as the kernel reads them: what follows an address ends it.

Source: in4_pton and in6_pton in net/core/utils.c.
"""

from __future__ import annotations

from pyiptables.hooks import Family
from pyiptables.packet.addresses import from_text

HEX = frozenset(b"0123456789abcdefABCDEF:.")


def ipv4_at(data: bytes, at: int) -> tuple[int, int] | None:
    """The IPv4 address at a place, and where it ends; None when there is none. Each part may be empty, and is 0 then."""
    value = part = parts = 0
    while True:
        byte = data[at] if at < len(data) else 0
        if 48 <= byte <= 57:
            part = part * 10 + byte - 48
            if part > 255:
                return None
        elif byte in b"abcdefABCDEF":
            return None
        else:
            value, part, parts = value << 8 | part, 0, parts + 1
            if byte != ord("."):
                return (value, at) if parts == 4 else None
        if parts >= 4:
            return None
        at += 1


def ipv6_at(data: bytes, at: int, end: int | None = None) -> tuple[int, int] | None:
    """The IPv6 address at a place, and where it ends; with ``end`` that byte must follow it."""
    stop = at
    while stop < len(data) and data[stop] in HEX:
        stop += 1
    if end is not None and (stop == len(data) or data[stop] != end):
        return None
    try:
        address, family = from_text(data[at:stop].decode("ascii"))
    except ValueError:
        return None
    return (address, stop) if family is Family.IPV6 else None
