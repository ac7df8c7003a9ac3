"""Packets that the host itself makes: ICMP errors and TCP resets.

Source: net/ipv4/icmp.c (icmp_send), net/ipv6/icmp.c (icmp6_send), net/ipv4/netfilter/nf_reject_ipv4.c,
net/ipv6/netfilter/nf_reject_ipv6.c.
"""

from __future__ import annotations

from typing import Any

from pyiptables.hooks import Family, Hook
from pyiptables.packet.build import ICMP, ICMPV6, TCP, IpFields, icmp_message, ip_packet, tcp_segment
from pyiptables.packet.checksum import checksum, ones_sum, pseudo_sum
from pyiptables.packet.skb import PacketType, Skb

UDP, GRE = 17, 47
UNCHECKED = frozenset({50, 51, 132, 136})
"""ESP, AH, SCTP, UDP-Lite: no Internet checksum over all of it."""
ICMP_ERRORS = frozenset({3, 4, 5, 11, 12})
UNASSIGNED_ERRORS = frozenset({1, 2, 6, 7, 9, 10})
"""Types that the kernel takes for errors too, for it does not know them (icmp_pointers)."""
LAST_ICMP_TYPE = 18
TOO_BIG6, UNKNOWN_OPTION6 = 2, (4, 2)
TIMESTAMP = 13
DAY_IN_MS = 86_400_000
INTERNETCONTROL = 0xC0
TOS_MASK = 0x1E
MOST_IPV4, MOST_IPV6 = 576, 1280
DONT_FRAGMENT = 0x4000
MULTICAST4, BROADCAST4 = 0xE, 0xFFFFFFFF
RST, ACK, SYN, FIN = 4, 16, 2, 1


def transport_checksum_right(skb: Any) -> bool:
    """Whether what stands behind the network header has the right checksum, as REJECT checks it before it answers.

    Every protocol that is not known to have another kind of checksum is taken to have the Internet checksum over all of
    it (nf_reject_verify_csum, nf_ip_checksum), so that most unknown protocols are not answered. For IPv4 the sum goes
    over the header too, whose own checksum is old where an option was filled in: then only what conntrack has found
    right before is answered.
    """
    body = bytes(skb.data[skb.thoff :])
    protocol = skb.protocol
    if skb.csum_valid or skb.csum_partial:
        return True
    if skb.family is Family.IPV6 and not body:
        return False
    if protocol in UNCHECKED:
        return True
    if protocol == UDP and (len(body) < 8 or body[6:8] == b"\0\0"):
        return len(body) >= 8
    if protocol == GRE and (len(body) < 4 or not body[0] & 0x80):
        return True
    pseudo = transport_pseudo_sum(skb) if skb.family is Family.IPV6 or protocol in (TCP, UDP) else 0
    if skb.family is Family.IPV4:
        body = bytes(skb.data)
    return ones_sum(body, pseudo) == 0xFFFF


def transport_pseudo_sum(skb: Any) -> int:
    """The sum of the pseudo header that goes into the transport checksum."""
    return pseudo_sum(*addresses_of(skb), skb.protocol, len(skb.data) - skb.thoff)


def addresses_of(skb: Any) -> tuple[bytes, bytes]:
    """Source and destination address as they stand in the header."""
    data = skb.data
    return (
        (bytes(data[12:16]), bytes(data[16:20]))
        if skb.family is Family.IPV4
        else (bytes(data[8:24]), bytes(data[24:40]))
    )


def may_answer_icmp(skb: Any, kind: int, code: int = 0, info: int = 0) -> bool:
    """Whether an ICMP error about a packet may be sent at all; ``info`` is a parameter problem's pointer."""
    if skb.family is Family.IPV6:
        return _may_answer_icmp6(skb, kind, code, info)
    if skb.pkt_type is not PacketType.HOST or skb.fragoff:
        return False
    if skb.daddr >> 28 == MULTICAST4 or skb.daddr == BROADCAST4 or _is_broadcast(skb):
        return False
    if skb.protocol != ICMP or kind not in ICMP_ERRORS:
        return True
    if len(skb.data) <= skb.thoff:
        return False
    cause = skb.data[skb.thoff]
    return cause not in ICMP_ERRORS | UNASSIGNED_ERRORS and cause <= LAST_ICMP_TYPE


def _is_broadcast(skb: Any) -> bool:
    return skb.dst is not None and skb.dst.kind.name in ("BROADCAST", "MULTICAST")


def _may_answer_icmp6(skb: Any, kind: int, code: int, info: int) -> bool:
    if skb.saddr == 0 or skb.saddr >> 120 == 0xFF:
        return False
    if (skb.daddr >> 120 == 0xFF or skb.pkt_type is not PacketType.HOST) and kind != TOO_BIG6:
        # Of what was sent to many, only options that ask for it are answered (opt_unrec).
        return (kind, code) == UNKNOWN_OPTION6 and info < len(skb.data) and skb.data[info] >> 6 == 2
    if skb.protocol == ICMPV6 and not skb.fragoff:
        if len(skb.data) <= skb.thoff:
            return False
        return bool(skb.data[skb.thoff] & 0x80)
    return True


def icmp_error(skb: Any, source: int, kind: int, code: int, info: int, ttl: int, options: bytes = b"") -> Skb:
    """An ICMP error about a packet: as much of it as fits into 576 bytes (IPv4) or 1280 (IPv6)."""
    family = skb.family
    rest = info.to_bytes(4, "big")
    if family is Family.IPV4:
        tos = skb.data[1] & TOS_MASK | INTERNETCONTROL
        fields = IpFields(family, source, skb.saddr, ttl, tos, options=options)
        inner = on_wire_to_be(skb)[: MOST_IPV4 - 28 - (len(options) + 3 & ~3)]
        data = ip_packet(fields, ICMP, icmp_message(fields, kind, code, rest, inner))
    else:
        fields = IpFields(family, source, skb.saddr, ttl)
        inner = bytes(skb.data[: MOST_IPV6 - 48])
        data = ip_packet(fields, ICMPV6, icmp_message(fields, kind, code, rest, inner))
    return _made_from(skb, data)


def on_wire_to_be(skb: Any) -> bytes:
    """The packet as it stands in memory: a reset that this host made has the pseudo header's sum for a checksum yet."""
    data = bytearray(skb.data)
    if skb.csum_partial:
        data[skb.thoff + 16 : skb.thoff + 18] = transport_pseudo_sum(skb).to_bytes(2, "big")
    return bytes(data)


def _made_from(skb: Any, data: bytes) -> Skb:
    made = Skb(data, skb.family)
    made.tstamp, made.number, made.host = skb.tstamp, skb.number, skb.host
    return made


def put_source(skb: Any, source: int) -> None:
    """Give an IPv4 packet that a raw socket sends without a source the one that routing chose (raw_send_hdrinc)."""
    skb.data[12:16] = source.to_bytes(4, "big")
    skb.data[10:12] = b"\0\0"
    skb.data[10:12] = checksum(skb.data[: skb.ihl]).to_bytes(2, "big")
    skb.parse()


def asks_for_time(skb: Any) -> bool:
    """Whether a packet is an ICMP timestamp request that is answered."""
    data, at = skb.data, skb.thoff
    if skb.family is not Family.IPV4 or skb.protocol != ICMP or len(data) < at + 12 or data[at] != TIMESTAMP:
        return False
    return not _is_broadcast(skb) and ones_sum(bytes(data[at:])) == 0xFFFF


def timestamp_reply(skb: Any, ttl: int) -> Skb:
    """The answer: the sender's time as it came, and twice the time of day in milliseconds."""
    data, at = bytes(skb.data), skb.thoff
    now = (skb.tstamp // 1_000_000 % DAY_IN_MS).to_bytes(4, "big")
    fields = IpFields(skb.family, skb.daddr, skb.saddr, ttl, data[1])
    message = icmp_message(fields, TIMESTAMP + 1, 0, data[at + 4 : at + 8], data[at + 8 : at + 12] + now + now)
    return _made_from(skb, ip_packet(fields, ICMP, message))


def may_reset(skb: Any) -> bool:
    """Whether a TCP segment is one that REJECT answers with a reset."""
    data, at = skb.data, skb.thoff
    if skb.protocol != TCP or skb.fragoff or at + 20 > len(data) or data[at + 13] & RST:
        return False
    if skb.family is Family.IPV4 and (skb.daddr >> 28 == MULTICAST4 or _is_broadcast(skb)):
        return False
    if skb.family is Family.IPV6 and (skb.saddr >> 120 == 0xFF or skb.daddr >> 120 == 0xFF or not skb.saddr):
        return False
    if skb.hook not in (Hook.PREROUTING, Hook.INPUT):  # what is passed on is summed anew (skb_forward_csum)
        skb.csum_valid = False
    return transport_checksum_right(skb)


def tcp_reset(skb: Any, ttl: int) -> Skb:
    """The reset that answers a segment."""
    data, at = skb.data, skb.thoff
    sport, dport = bytes(data[at : at + 2]), bytes(data[at + 2 : at + 4])
    fields = IpFields(skb.family, skb.daddr, skb.saddr, ttl, fragment=DONT_FRAGMENT)
    flags = data[at + 13]
    seq = ack = 0
    answer = RST
    if flags & ACK:
        seq = int.from_bytes(data[at + 8 : at + 12], "big")
    else:
        size = len(data) - at - (data[at + 12] >> 4) * 4
        counted = int.from_bytes(data[at + 4 : at + 8], "big") + size + bool(flags & SYN) + bool(flags & FIN)
        ack, answer = counted & 0xFFFFFFFF, RST | ACK
    segment = tcp_segment(
        fields, int.from_bytes(dport, "big"), int.from_bytes(sport, "big"), answer, seq=seq, ack=ack, window=0
    )
    made = _made_from(skb, ip_packet(fields, TCP, segment))
    made.csum_partial = skb.family is Family.IPV4
    return made


def ports_of(skb: Any) -> tuple[int, int]:
    """Source and destination port as routing looks at them; 0 where the protocol has none or they cannot be read."""
    if skb.protocol not in (TCP, 17, 33, 132) or skb.fragoff or skb.thoff + 4 > len(skb.data):
        return 0, 0
    data, at = skb.data, skb.thoff
    return data[at] << 8 | data[at + 1], data[at + 2] << 8 | data[at + 3]


def tos_of(skb: Any) -> int:
    """The TOS byte, or IPv6's traffic class."""
    data: bytearray = skb.data
    return data[1] if skb.family is Family.IPV4 else (data[0] << 8 | data[1]) >> 4 & 255
