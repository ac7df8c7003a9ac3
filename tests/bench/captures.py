"""Captures of many flows through a router, as a node of a cluster sees them: pods that ask services on eth0, those that
answer on eth1.

Requests are addressed to a service and answered from its first pod, as the router's NAT has it: the services should
have one pod each. TCP flows have a handshake, data both ways with right numbers and checksums, and a teardown; UDP flows
ask and answer; ICMP flows are pings of pods. Flows begin one after another and run side by side.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from typing import BinaryIO

from .kube import ENDPOINTS, Service, dotted

ASKING = ENDPOINTS + (64 << 16)
HOST = f"""\
forwarding = true
routes = ["10.192.0.0/10 via 192.0.2.2 dev eth0"]

[interfaces.eth0]
addresses = ["192.0.2.1/24"]
mac = "02:00:00:00:00:01"

[interfaces.eth1]
addresses = ["{dotted(ENDPOINTS + 1)}/10"]
mac = "02:00:00:00:01:01"
"""
"""The router, as a host file says it."""
OUTSIDE, INSIDE = 0, 1
"""The interfaces, as they are numbered in the capture."""
LINK_HEADERS = (bytes.fromhex("0200000000010200000000020800"), bytes.fromhex("0200000001010200000001020800"))
SIDE_BY_SIDE = 500
"""Flows that run at the same time."""
SYN, ACK, PSH_ACK, FIN_ACK, SYN_ACK = 0x02, 0x10, 0x18, 0x11, 0x12
PAYLOADS = tuple(bytes(65 + place % 26 for place in range(size)) for size in (60, 131, 270, 540, 1080))
_TOTALS = tuple(sum(struct.unpack(f">{(len(text) + 1) // 2}H", text + bytes(len(text) % 2))) for text in PAYLOADS)

Packet = tuple[int, bytes]
"""The interface on which a packet arrives, and its IPv4 packet."""


def write(file: BinaryIO, wanted: list[Service], packets: int, flows: int, seed: int = 1) -> None:
    """Write a pcapng file of so many packets in so many flows between random pods and services."""
    for block in blocks(wanted, packets, flows, seed):
        file.write(block)


def blocks(wanted: list[Service], packets: int, flows: int, seed: int = 1) -> Iterator[bytes]:
    """The blocks of the file: its header, the two interfaces, the packets, one each ten microseconds."""
    yield _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    for name in (b"eth0", b"eth1"):
        yield _block(1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HH", 2, 4) + name + bytes(4))
    for number, (interface, packet) in enumerate(stream(wanted, packets, flows, seed)):
        frame = LINK_HEADERS[interface] + packet
        time = 1_700_000_000_000_000 + 10 * number
        head = struct.pack("<IIIII", interface, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame))
        yield _block(6, head + frame + bytes(-len(frame) % 4))


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def stream(wanted: list[Service], packets: int, flows: int, seed: int = 1) -> Iterator[Packet]:
    """So many packets, in the order they arrive."""
    chance = random.Random(seed)
    served = [service for service in wanted if service.endpoints]
    lengths = [packets // flows + (number < packets % flows) for number in range(flows)]
    waiting = (flow(chance, number, chance.choice(served), length) for number, length in enumerate(lengths))
    running = [made for made, _ in zip(waiting, range(SIDE_BY_SIDE), strict=False)]
    while running:
        place = chance.randrange(len(running))
        packet = next(running[place], None)
        if packet is not None:
            yield packet
            continue
        following = next(waiting, None)
        if following is None:
            running[place] = running[-1]
            running.pop()
        else:
            running[place] = following


def flow(chance: random.Random, number: int, service: Service, length: int) -> Iterator[Packet]:
    """One flow of so many packets: to the service, by its protocol; one in twenty is a ping of its pod."""
    client = ASKING + 2 + number % (1 << 20)
    port = 32768 + chance.randrange(28000)
    if chance.random() < 0.05:
        return ping(client, service.endpoints[0], number & 0xFFFF, length)
    ends = (client, port, service.address, service.port), (service.endpoints[0], service.target_port, client, port)
    return (udp if service.protocol == "udp" else tcp)(chance, ends, length)


Ends = tuple[tuple[int, int, int, int], tuple[int, int, int, int]]
"""Source, port, destination, port: as the one side sends, and as the other does."""


def tcp(chance: random.Random, ends: Ends, length: int) -> Iterator[Packet]:
    """Handshake, data and acknowledgements in turn, teardown: six packets at least, fewer only where length says so."""
    numbers = [chance.getrandbits(31), chance.getrandbits(31)]

    def segment(side: int, flags: int, payload: int | None = None) -> Packet:
        acked = numbers[1 - side] if flags & ACK else 0
        text, total = (b"", 0) if payload is None else (PAYLOADS[payload], _TOTALS[payload])
        source, sport, destination, dport = ends[side]
        header = struct.pack(">HHIIBBHHH", sport, dport, numbers[side], acked, 0x50, flags, 64000, 0, 0)
        check = _check(header, source, destination, 6, len(header) + len(text), total)
        numbers[side] = (numbers[side] + len(text) + bool(flags & 3)) & 0xFFFFFFFF
        return side, _ipv4(source, destination, 6, header[:16] + check + header[18:] + text)

    steps: list[Callable[[], Packet]] = [lambda: segment(0, SYN), lambda: segment(1, SYN_ACK), lambda: segment(0, ACK)]
    end: list[Callable[[], Packet]] = [
        lambda: segment(0, FIN_ACK),
        lambda: segment(1, FIN_ACK),
        lambda: segment(0, ACK),
    ]
    for step in steps[:length]:
        yield step()
    for turn in range(length - 6):
        side = turn // 2 % 2
        yield segment(side, PSH_ACK, chance.randrange(len(PAYLOADS))) if turn % 2 == 0 else segment(1 - side, ACK)
    for step in end[: max(length - 3, 0)]:
        yield step()


def udp(chance: random.Random, ends: Ends, length: int) -> Iterator[Packet]:
    """Questions and answers in turn."""
    for turn in range(length):
        source, sport, destination, dport = ends[turn % 2]
        payload = chance.randrange(len(PAYLOADS))
        size = 8 + len(PAYLOADS[payload])
        header = struct.pack(">HHHH", sport, dport, size, 0)
        check = _check(header, source, destination, 17, size, _TOTALS[payload])
        yield turn % 2, _ipv4(source, destination, 17, header[:6] + check + PAYLOADS[payload])


def ping(client: int, pod: int, identifier: int, length: int) -> Iterator[Packet]:
    """Echo requests and replies in turn."""
    for turn in range(length):
        source, destination = (client, pod) if turn % 2 == 0 else (pod, client)
        header = struct.pack(">BBHHH", 8 if turn % 2 == 0 else 0, 0, 0, identifier, turn // 2 & 0xFFFF)
        check = _folded(sum(struct.unpack(">4H", header)) + _TOTALS[0])
        yield turn % 2, _ipv4(source, destination, 1, header[:2] + check + header[4:] + PAYLOADS[0])


def _ipv4(source: int, destination: int, protocol: int, body: bytes) -> bytes:
    header = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(body), 1, 0x4000, 64, protocol, 0, source, destination)
    return header[:10] + _folded(sum(struct.unpack(">10H", header))) + header[12:] + body


def _check(header: bytes, source: int, destination: int, protocol: int, size: int, payload: int) -> bytes:
    """The checksum over pseudo header, header, and a payload whose words add up to that."""
    words = struct.unpack(f">{len(header) // 2}H", header)
    pseudo = (source >> 16) + (source & 0xFFFF) + (destination >> 16) + (destination & 0xFFFF) + protocol + size
    return _folded(sum(words) + pseudo + payload)


def _folded(total: int) -> bytes:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", total ^ 0xFFFF)
