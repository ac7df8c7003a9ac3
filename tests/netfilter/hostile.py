"""Conversations through a router as they are not meant to be: what the quick road must take for what it is.

Frames of TCP, UDP and ping flows, mixed, in which segments are lost, repeated, damaged, reordered and out of the window;
connections are opened again from the same port, reset by true and false numbers, joined in the middle; ICMP errors tell of
them; headers change their TOS, TTL, options and MACs; fragments and other protocols stand between; time jumps.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.packet.build import ICMP, TCP, UDP, IpFields, icmp_message, ip_packet, tcp_segment, udp_datagram
from pyiptables.packet.link import Direction, Frame

CLIENTS, SERVERS, OWN = (0xC000020A, 0xC000020B), (0x0A01000A, 0x0A01000B), 0xC0000201
MACS = (("020000000001", "02aa00000000"), ("020000000101", "02aa00000100"))
"""By interface: the router's address, and that of whoever sends."""
FIN, SYN, RST, PSH, ACK, URG, ECE = 1, 2, 4, 8, 16, 32, 64
STAMPS = b"\x01\x01\x08\x0a" + bytes(8)
SYN_OPTIONS = (
    b"",
    b"\x02\x04\x05\xb4\x01\x03\x03\x07",
    b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + bytes(8) + b"\x01\x03\x03\x02",
)
JUMPS = (10**5, 10**5, 10**6, 10**9, 3 * 10**9, 40 * 10**9, 130 * 10**9, 500 * 10**9)

Packet = tuple[int, bytes]
"""The side that sends (0 the clients', 1 the servers'), and an IPv4 packet."""


def frames(
    chance: random.Random, flows: int, *, jumps: tuple[int, ...] = JUMPS, rude: float | None = None
) -> list[Frame]:
    """The frames of so many flows; with ``rude`` only that share of segments and headers is out of the ordinary."""
    made: list[Frame] = []
    now = 1_700_000_000_000_000_000
    for side, packet in packets(chance, flows, rude):
        now += chance.choice(jumps)
        destination, source = map(bytes.fromhex, MACS[side])
        pick = chance.random() if rude is None else 1
        if pick < 0.01:
            destination = b"\xff" * 6
        elif pick < 0.02:
            source = b"\x02\xbb\0\0\0\0"
        elif pick < 0.03:
            destination = b"\x02\xcc\0\0\0\0"
        data = destination + source + b"\x08\x00" + packet + bytes(chance.choice((0, 0, 0, 6)))
        if rude is None and chance.random() < 0.01:
            data = data[: chance.randrange(len(data))]
        name = f"eth{side}" if rude is not None or chance.random() > 0.01 else f"eth{1 - side}"
        made.append(Frame(len(made) + 1, now, name, 1, Direction.UNKNOWN, data, len(data)))
    return made


def packets(chance: random.Random, flows: int, rude: float | None) -> Iterator[Packet]:
    """The packets of flows side by side, some of them lost, repeated, held back, damaged or reported."""
    live = [flow(random.Random(chance.random()), number, rude) for number in range(flows)]
    held: list[Packet] = []
    while live or held:
        if held and (not live or chance.random() < 0.2):
            yield held.pop()
            continue
        at = chance.randrange(len(live))
        found = next(live[at], None)
        if found is None:
            live.pop(at)
            continue
        side, packet = found
        pick = chance.random() if rude is None else 1
        if pick < 0.03:
            continue
        if pick < 0.05:
            place = chance.randrange(len(packet))
            packet = packet[:place] + bytes((packet[place] ^ 1 << chance.randrange(8),)) + packet[place + 1 :]
        elif pick < 0.08:
            yield side, packet
        elif pick < 0.10:
            held.append((side, packet))
            continue
        elif pick < 0.12:
            yield 1 - side, error(chance, packet)
        yield side, packet


def error(chance: random.Random, packet: bytes) -> bytes:
    """An ICMP error about a packet, from the other side."""
    source, target = int.from_bytes(packet[16:20], "big"), int.from_bytes(packet[12:16], "big")
    fields = IpFields(Family.IPV4, source, target)
    kind, code = chance.choice(((3, 1), (3, 3), (3, 4), (11, 0), (5, 1)))
    return ip_packet(fields, ICMP, icmp_message(fields, kind, code, bytes(4), packet[: chance.choice((24, 28, 40))]))


def flow(chance: random.Random, number: int, rude: float | None) -> Iterator[Packet]:
    """One flow, by its number of TCP, UDP or ping; ports are few, so that they come again."""
    client, server = chance.choice(CLIENTS), chance.choice((*SERVERS, *SERVERS, OWN))
    pick = number % 8
    if pick == 6:
        return pings(chance, client, server, chance.randrange(3))
    if pick == 7:
        return datagrams(chance, (client, 1024 + chance.randrange(4)), (server, chance.choice((53, 500))))
    return segments(chance, (client, 40000 + chance.randrange(6)), (server, chance.choice((22, 80, 443))), rude)


def header(chance: random.Random, source: int, destination: int, rude: float = 0.2) -> IpFields:
    """Addresses, and now and then (``rude``) another TTL or TOS."""
    if chance.random() >= rude:
        return IpFields(Family.IPV4, source, destination)
    return IpFields(Family.IPV4, source, destination, chance.choice((64, 2, 1)), tos=chance.choice((0, 2, 16)))


def pings(chance: random.Random, client: int, server: int, identifier: int) -> Iterator[Packet]:
    """Questions and answers, not always in turn."""
    for turn in range(chance.randrange(1, 9)):
        side = chance.choice((turn % 2, 0, 1))
        fields = header(chance, *((client, server) if side == 0 else (server, client)))
        kind = chance.choice((8, 8, 8, 8, 13)) if side == 0 else 0
        rest = identifier.to_bytes(2, "big") + bytes(2)
        yield side, ip_packet(fields, ICMP, icmp_message(fields, kind, 0, rest, bytes(chance.choice((0, 7, 56)))))


def datagrams(chance: random.Random, client: tuple[int, int], server: tuple[int, int]) -> Iterator[Packet]:
    """Questions, and answers to some; some without a checksum."""
    for _ in range(chance.randrange(1, 12)):
        side = chance.choice((0, 1, 1))
        (source, sport), (destination, dport) = (client, server) if side == 0 else (server, client)
        fields = header(chance, source, destination)
        datagram = udp_datagram(fields, sport, dport, bytes(chance.choice((0, 1, 40, 600))))
        if chance.random() < 0.2:
            datagram = datagram[:6] + bytes(2) + datagram[8:]
        yield side, ip_packet(fields, UDP, datagram)


def segments(
    chance: random.Random, client: tuple[int, int], server: tuple[int, int], rude: float | None
) -> Iterator[Packet]:
    """A TCP connection whose ends do not always keep to the rules."""
    ends = (client, server)
    seq = [chance.choice((chance.randrange(2**32), 2**32 - 700)) for _ in ends]
    stamps = chance.choice((b"", b"", STAMPS))
    rude = chance.choice((0.0, 0.05, 0.5)) if rude is None else rude

    def segment(side: int, flags: int, size: int = 0, options: bytes = stamps) -> Packet:
        (source, sport), (destination, dport) = ends[side], ends[1 - side]
        fields = header(chance, source, destination, rude)
        skew = behind = more = 0
        window = 60000
        if chance.random() < rude:
            skew = chance.choice((0, 1, -1, 1400, -3000, 100_000, -100_000, 2**31)) if not flags & SYN else 0
            behind = chance.choice((0, 0, -500, 500, -70_000))
            more, window = chance.choice((0, 0, ECE, URG)), chance.choice((0, 500, 3000, 60000))
        made = tcp_segment(
            fields, sport, dport, flags | more, seq=seq[side] + skew & 0xFFFFFFFF,
            ack=seq[1 - side] + behind & 0xFFFFFFFF if flags & ACK else 0, window=window, options=options,
            payload=bytes(size),
        )  # fmt: skip
        if not skew:
            seq[side] = seq[side] + size + bool(flags & (SYN | FIN)) & 0xFFFFFFFF
        return side, ip_packet(fields, TCP, made)

    if chance.random() < 0.9:
        yield segment(0, SYN, 0, chance.choice(SYN_OPTIONS))
        yield segment(1, SYN | ACK, 0, chance.choice(SYN_OPTIONS))
        yield segment(0, ACK)
    for _ in range(chance.randrange(25)):
        side, size = chance.randrange(2), chance.choice((0, 0, 1, 100, 1400))
        sack = b"\x01\x01\x05\x0a" + (seq[1 - side] + 1400 & 0xFFFFFFFF).to_bytes(4, "big") * 2
        yield segment(side, ACK | chance.choice((0, PSH)), size, chance.choice((stamps,) * 8 + (sack, bytes(4))))
    for _ in range(chance.randrange(5)):
        yield segment(
            chance.randrange(2),
            chance.choice((FIN | ACK, FIN | ACK, FIN | ACK | PSH, RST, RST | ACK, ACK, SYN, SYN | ACK)),
        )
    if chance.random() < 0.7:
        first = chance.randrange(2)
        yield segment(first, FIN | ACK)
        yield segment(1 - first, FIN | ACK)
        yield segment(first, ACK)
