"""Addresses as numbers: 32 or 128 bits, network byte order, and their texts."""

from __future__ import annotations

from pyiptables.hooks import Family


def to_text(address: int, family: Family) -> str:
    """Dotted quad, or IPv6 in the form of RFC 5952 as inet_ntop prints it."""
    if family.version == 4:
        return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"
    from socket import AF_INET6, inet_ntop

    return inet_ntop(AF_INET6, address.to_bytes(16, "big"))


def from_text(text: str) -> tuple[int, Family]:
    """The number and family of an address in its usual text form; ValueError when it is neither family's."""
    import socket

    family = Family.IPV6 if ":" in text else Family.IPV4
    try:
        packed = socket.inet_pton(socket.AF_INET6 if family is Family.IPV6 else socket.AF_INET, text)
    except (OSError, ValueError) as error:
        raise ValueError(f"{text!r} is not an IP address") from error
    return int.from_bytes(packed, "big"), family


def prefix_mask(length: int, family: Family) -> int:
    """The netmask of a prefix length, as a number."""
    bits = family.bits
    return ((1 << length) - 1) << (bits - length)


def prefix_length(mask: int, family: Family) -> int | None:
    """The prefix length of a netmask, or None when its ones do not stand together at the front."""
    inverse = mask ^ ((1 << family.bits) - 1)
    return None if inverse & (inverse + 1) else family.bits - inverse.bit_length()


def mac_to_text(mac: bytes) -> str:
    """Six bytes as aa:bb:cc:dd:ee:ff."""
    return mac.hex(":")
