"""Changing a packet's headers as the kernel does, with checksums corrected by what changed.

Whoever calls these calls :meth:`Skb.parse` when addresses or lengths may have changed; those that change a derived field
themselves keep it right.

Source: include/net/dsfield.h, include/net/checksum.h, net/netfilter/xt_HL.c, xt_TCPMSS.c, xt_TCPOPTSTRIP.c,
net/ipv4/netfilter/ipt_ECN.c.
"""

from __future__ import annotations

from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.checksum import replace, replace_bytes

IP_CHECK, TCP_CHECK = 10, 16
"""Where the checksums stand in the IPv4 and in the TCP header."""

TCP_HEADER = 20
LONGEST_TCP_HEADER = 60
END, NOP, MSS = 0, 1, 2
"""Kinds of TCP options."""
MSS_SIZE = 4
DEFAULT_MSS = {Family.IPV4: 536, Family.IPV6: 1220}
"""What a sender takes for granted that heard of no maximum segment size."""


def word(data: bytearray, at: int) -> int:
    """The 16-bit word at a place."""
    return data[at] << 8 | data[at + 1]


def put_word(data: bytearray, at: int, value: int) -> None:
    """Write a 16-bit word."""
    data[at : at + 2] = value.to_bytes(2, "big")


def change_word(data: bytearray, at: int, value: int, check: int) -> None:
    """Write a 16-bit word, and correct the checksum at ``check`` that covers it (csum_replace2)."""
    put_word(data, check, replace(word(data, check), word(data, at), value))
    put_word(data, at, value)


def set_ttl(skb: Any, ttl: int) -> None:
    """Set the TTL or hop limit."""
    if skb.family is Family.IPV4:
        change_word(skb.data, 8, ttl << 8 | skb.data[9], IP_CHECK)
    else:
        skb.data[7] = ttl
    skb.ttl = ttl


def dsfield(skb: Any) -> int:
    """The TOS byte, or IPv6's traffic class."""
    return skb.data[1] if skb.family is Family.IPV4 else word(skb.data, 0) >> 4 & 0xFF


def set_dsfield(skb: Any, value: int) -> None:
    """Set the TOS byte or traffic class, the checksum computed as ipv4_change_dsfield does, which has its own way."""
    data = skb.data
    if skb.family is Family.IPV6:
        put_word(data, 0, word(data, 0) & 0xF00F | value << 4)
        return
    check = word(data, IP_CHECK) + data[1]
    if check + 1 >> 16:
        check = check + 1 & 0xFFFF
    check -= value
    put_word(data, IP_CHECK, check & 0xFFFF if check >= 0 else check - 1 & 0xFFFF)
    data[1] = value


def set_ecn(skb: Any, codepoint: int) -> None:
    """Set the two ECN bits of an IPv4 header."""
    change_word(skb.data, 0, word(skb.data, 0) & ~3 | codepoint, IP_CHECK)


def set_tcp_flags(skb: Any, mask: int, flags: int) -> bool:
    """Set those of the TCP flags that are in the mask; False where there is no whole TCP header."""
    data, at = skb.data, skb.thoff
    if at + TCP_HEADER > len(data):
        return False
    change_word(data, at + 12, word(data, at + 12) & ~mask | flags, at + TCP_CHECK)
    return True


def tcp_header_size(skb: Any) -> int | None:
    """Bytes of the TCP header with its options; None where it is not all there, or too short to be one."""
    data, at = skb.data, skb.thoff
    if at + TCP_HEADER > len(data):
        return None
    size = (data[at + 12] >> 4) * 4
    return size if size >= TCP_HEADER and at + size <= len(data) else None


def _option_size(data: bytearray, at: int) -> int:
    """Bytes of the TCP option at a place with one more byte behind it; one of no length counts as one byte."""
    return 1 if data[at] <= NOP else data[at + 1] or 1


def lower_mss(skb: Any, mss: int) -> bool:
    """Lower a segment's MSS option, or add one when it has none and nothing follows its header; False: malformed.

    Never raises it. A later fragment stays as it is.
    """
    if skb.fragoff:
        return True
    size = tcp_header_size(skb)
    if size is None:
        return False
    data, start = skb.data, skb.thoff
    at, check = start + TCP_HEADER, start + TCP_CHECK
    while at <= start + size - MSS_SIZE:
        if data[at] == MSS and data[at + 1] == MSS_SIZE:
            old = word(data, at + 2)
            if old > mss:
                # As though it stood at an even place, which it need not.
                put_word(data, check, replace(word(data, check), old, mss))
                put_word(data, at + 2, mss)
            return True
        at += _option_size(data, at)
    if start + size == len(data) and size < LONGEST_TCP_HEADER:
        _add_mss(skb, min(mss, DEFAULT_MSS[skb.family]))
    return True


def _add_mss(skb: Any, mss: int) -> None:
    """Put an MSS option before the others, and count it in the lengths."""
    data, start = skb.data, skb.thoff
    check, length = start + TCP_CHECK, len(data) - start
    option = bytes((MSS, MSS_SIZE, mss >> 8, mss & 0xFF))
    data[start + TCP_HEADER : start + TCP_HEADER] = option
    put_word(data, check, replace(word(data, check), length, length + MSS_SIZE))
    put_word(data, check, replace_bytes(word(data, check), bytes(MSS_SIZE), option))
    change_word(data, start + 12, word(data, start + 12) + 0x1000, check)
    if skb.family is Family.IPV4:
        change_word(data, 2, word(data, 2) + MSS_SIZE, IP_CHECK)
    else:
        put_word(data, 4, word(data, 4) + MSS_SIZE)


def strip_options(skb: Any, kinds: int) -> bool:
    """Overwrite TCP options with NOPs, those whose bits are set; False: the header is malformed.

    A later fragment stays as it is.
    """
    if skb.fragoff:
        return True
    size = tcp_header_size(skb)
    if size is None:
        return False
    data, start = skb.data, skb.thoff
    at, end = start + TCP_HEADER, start + size
    while at < end - 1:
        option = _option_size(data, at)
        if at + option > end:
            break
        if kinds >> data[at] & 1:
            for place in range(at, at + option):
                _put_byte(data, place, NOP, start)
        at += option
    return True


def _put_byte(data: bytearray, at: int, value: int, start: int) -> None:
    """Write one byte of a TCP header that begins at ``start``, and correct its checksum."""
    shift, check = (0 if (at - start) % 2 else 8), start + TCP_CHECK
    put_word(data, check, replace(word(data, check), data[at] << shift, value << shift))
    data[at] = value
