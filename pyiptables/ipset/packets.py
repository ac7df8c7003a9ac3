"""Which element of a set a packet stands for.

Source: the ``kadt`` functions of net/netfilter/ipset/ip_set_*.c, and ip_set_getport.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.skb import Skb

ICMP, TCP, UDP, ICMPV6, SCTP, UDPLITE = 1, 6, 17, 58, 132, 136
_HEADERS = {TCP: 20, UDP: 8, SCTP: 12, UDPLITE: 8, ICMP: 8, ICMPV6: 8}
_NOT_IN_LATER_FRAGMENTS = frozenset({TCP, UDP, SCTP, UDPLITE, ICMP})
_UNFINISHED = frozenset({0, 43, 44, 51, 59, 60})
"""Next headers of IPv6 behind which no transport header was found (ipv6_skip_exthdr)."""

Values = tuple[Any, ...]


def read_address(skb: Skb, source: bool) -> Values | None:
    """The packet's source or destination address."""
    return (skb.saddr if source else skb.daddr,)


def read_port(skb: Skb, source: bool) -> Values | None:
    """Protocol and port; of ICMP, type and code as one number; 0 for a protocol without ports."""
    protocol = skb.protocol
    if skb.family is Family.IPV6:
        if skb.fragoff or protocol in _UNFINISHED:
            return None
    elif protocol == 0:
        return None
    elif skb.fragoff:
        return None if protocol in _NOT_IN_LATER_FRAGMENTS else (protocol, 0)
    size = _HEADERS.get(protocol)
    if size is None:
        return protocol, 0
    data, at = skb.data, skb.thoff
    if at + size > len(data):
        return None
    if protocol not in (ICMP, ICMPV6) and not source:
        at += 2
    return protocol, data[at] << 8 | data[at + 1]


def read_plain_port(skb: Skb, source: bool) -> Values | None:
    """The port of TCP or UDP (bitmap:port)."""
    found = read_port(skb, source)
    return found[1:] if found is not None and found[0] in (TCP, UDP) else None


def read_mac(skb: Skb, source: bool) -> Values | None:
    """The Ethernet source or destination, where the packet came with an Ethernet header that is not all zero."""
    mac = skb.mac
    if len(mac) != 14:
        return None
    number = int.from_bytes(mac[6:12] if source else mac[:6], "big")
    return (number,) if number else None


def read_mark(skb: Skb, _: bool) -> Values | None:
    """The packet's mark."""
    return (skb.mark,)


def read_interface(skb: Skb, source: bool) -> Values | None:
    """The interface that the packet came in on (source) or goes out on, at this hook; never a bridge's port."""
    name = skb.iif if source else skb.oif
    return (False, name) if name else None


READERS: dict[str, Callable[[Skb, bool], Values | None]] = {
    "ip": read_address,
    "net": read_address,
    "port": read_port,
    "mac": read_mac,
    "mark": read_mark,
    "iface": read_interface,
}
"""How each part of an element is read off a packet; None: the packet does not have it."""
