"""A packet in one line: ``198.51.100.7:40000 > 192.0.2.1:443  tcp S  60 bytes  ttl 64``."""

from __future__ import annotations

from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.addresses import to_text
from pyiptables.packet.names import SAVED_PROTOCOLS

PORT_PROTOCOLS = frozenset({6, 17, 33, 132, 136})
FLAG_LETTERS = ((2, "S"), (1, "F"), (4, "R"), (8, "P"), (16, "."), (32, "U"), (64, "E"), (128, "W"))
"""The flags as tcpdump writes them: a dot for ACK."""

ICMP_NAMES = {
    0: "echo reply",
    3: "destination unreachable",
    4: "source quench",
    5: "redirect",
    8: "echo request",
    11: "time exceeded",
    12: "parameter problem",
    13: "timestamp request",
    14: "timestamp reply",
    17: "address mask request",
    18: "address mask reply",
}
ICMP6_NAMES = {
    1: "destination unreachable",
    2: "packet too big",
    3: "time exceeded",
    4: "parameter problem",
    128: "echo request",
    129: "echo reply",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbour solicitation",
    136: "neighbour advertisement",
    137: "redirect",
}


def _word(skb: Any, place: int) -> int | None:
    at = skb.thoff + place
    return skb.data[at] << 8 | skb.data[at + 1] if at + 2 <= len(skb.data) else None


def _with_port(address: str, port: int | None, family: Family) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if family is Family.IPV6 else f"{address}:{port}"


def endpoint_texts(skb: Any) -> tuple[str, str]:
    """Source and destination, each with its port where the protocol has ports that can be read."""
    source = destination = None
    if skb.protocol in PORT_PROTOCOLS and skb.fragoff == 0:
        source, destination = _word(skb, 0), _word(skb, 2)
    return (
        _with_port(to_text(skb.saddr, skb.family), source, skb.family),
        _with_port(to_text(skb.daddr, skb.family), destination, skb.family),
    )


def tcp_flag_letters(flags: int) -> str:
    """``S``, ``S.``, ``P.``, ``none``: the flags as tcpdump writes them."""
    return "".join(letter for bit, letter in FLAG_LETTERS if flags & bit) or "none"


def protocol_text(skb: Any) -> str:
    """``tcp S``, ``udp``, ``icmp echo request``, ``icmp type 3 code 1``, ``protocol 99``, ``fragment at 1480 of udp``."""
    name = {58: "icmp6"}.get(skb.protocol) or SAVED_PROTOCOLS.get(skb.protocol) or f"protocol {skb.protocol}"
    if skb.fragoff:
        return f"{name} fragment at {skb.fragoff * 8}"
    text = name
    if skb.protocol == 6 and skb.thoff + 14 <= len(skb.data):
        text = f"{name} {tcp_flag_letters(skb.data[skb.thoff + 13])}"
    elif skb.protocol in (1, 58) and skb.thoff + 2 <= len(skb.data):
        kind, code = skb.data[skb.thoff], skb.data[skb.thoff + 1]
        known = (ICMP_NAMES if skb.protocol == 1 else ICMP6_NAMES).get(kind)
        text = f"{name} {known}" if known else f"{name} type {kind}"
        if code or not known:
            text += f" code {code}"
    return f"{text} first fragment" if skb.more_fragments else text


def describe(skb: Any) -> str:
    """The whole line: endpoints, protocol, length of the network packet in bytes, TTL or hop limit."""
    source, destination = endpoint_texts(skb)
    hops = "ttl" if skb.family is Family.IPV4 else "hlim"
    return f"{source} > {destination}  {protocol_text(skb)}  {len(skb.data)} bytes  {hops} {skb.ttl}"
