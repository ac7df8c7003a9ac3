"""Packets for conversations, in a few words: A is a client, B a server, M somebody between them."""

from __future__ import annotations

import struct

from pyiptables.conntrack import ConntrackTable, ctstate
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.packet.addresses import from_text
from pyiptables.packet.checksum import checksum, pseudo_sum
from pyiptables.packet.skb import Skb

A, B, M = "10.1.0.10", "192.0.2.10", "172.16.0.9"
A6, B6 = "2001:db8:1::a", "2001:db8::b"
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32}
STATES = {"INVALID": 1, "ESTABLISHED": 2, "RELATED": 4, "NEW": 8, "UNTRACKED": 256}
SECOND = 1_000_000_000


def packed(address: str) -> bytes:
    value, family = from_text(address)
    return value.to_bytes(family.bits // 8, "big")


def ip(src: str, dst: str, protocol: int, body: bytes, *, ttl: int = 64, fragment: int = 0) -> bytes:
    if ":" in src:
        return struct.pack(">IHBB", 6 << 28, len(body), protocol, ttl) + packed(src) + packed(dst) + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 7, fragment, ttl, protocol, 0) + packed(src) + packed(dst)
    return head[:10] + checksum(head).to_bytes(2, "big") + head[12:] + body


def with_sum(src: str, dst: str, protocol: int, body: bytes, at: int) -> bytes:
    total = 0 if protocol == 1 else pseudo_sum(packed(src), packed(dst), protocol, len(body))
    return body[:at] + checksum(body, total).to_bytes(2, "big") + body[at + 2 :]


def tcp(src: str, dst: str, flags: str, seq: int = 0, ack: int = 0, **more: object) -> bytes:
    sport, dport, window, data, options = (
        more.get(name, default)
        for name, default in (("sport", 1000), ("dport", 80), ("window", 8192), ("data", b""), ("options", b""))
    )
    assert isinstance(options, bytes) and isinstance(data, bytes)
    bits = sum(FLAGS[flag] for flag in flags)
    offset = 5 + len(options) // 4 << 4
    head = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset, bits, window, 0, 0)
    return ip(src, dst, 6, with_sum(src, dst, 6, head + options + data, 16))


def udp(src: str, dst: str, sport: int = 1000, dport: int = 53, data: bytes = b"?", *, summed: bool = True) -> bytes:
    body = struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data
    return ip(src, dst, 17, with_sum(src, dst, 17, body, 6) if summed else body)


def icmp(src: str, dst: str, kind: int, code: int = 0, rest: bytes = b"\0\7\0\1", data: bytes = b"") -> bytes:
    protocol = 58 if ":" in src else 1
    return ip(src, dst, protocol, with_sum(src, dst, protocol, bytes([kind, code, 0, 0]) + rest + data, 2))


class Host:
    """A host that forwards everything: a table, its clock, and what it says of each packet."""

    def __init__(self, **sysctls: str) -> None:
        names = {f"net.netfilter.nf_conntrack_{name}": value for name, value in sysctls.items()}
        self.table = ConntrackTable(names)
        self.table.now = SECOND

    def wait(self, seconds: float) -> None:
        self.table.now += int(seconds * SECOND)

    def send(self, packet: bytes, *, confirm: bool = True, hook: Hook = Hook.PREROUTING) -> tuple[Skb, str]:
        skb = Skb(packet, Family.IPV6 if packet[0] >> 4 == 6 else Family.IPV4)
        verdict = self.table.track(skb, hook)
        if verdict is Verdict.DROP:
            return skb, "DROP"
        state = ctstate(skb.nfct, skb.ctinfo)
        if confirm:
            assert self.table.confirm(skb) is Verdict.ACCEPT
        return skb, next(name for name, bit in STATES.items() if state & bit)
