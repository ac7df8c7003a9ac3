"""Conversations that every scenario has: TCP, UDP, echo, and what is odd; answers are made from what came out."""

from __future__ import annotations

import struct
from typing import NamedTuple

from oracle import packets
from oracle.packets import ACK, FIN, PSH, RST, SYN, URG, Header, View
from oracle.player import Player, Seen
from oracle.universe import CLIENT_PORTS, PORTS

TCP_PLANS = (
    "S s A D d A F f A", "S s A D d", "S s R", "S r", "S S s A", "S", "A D d", "s", "X", "S s A X D",
    "S s A F f A S s", "D", "S s A O D", "S s A D d r", "S s A f F a", "S s s A D", "S s A W D d", "S s A K d",
)  # fmt: skip
"""Who sends what: capitals are the client's. S SYN, A ACK, D data, F FIN, R RST, X odd flags, O out of the window, W a
window of 0, K a keep-alive."""
ODD_FLAGS = (0, 0x3F, SYN | FIN, FIN, SYN | RST, URG | ACK, SYN | PSH, FIN | PSH | URG, ACK | 0xC0)
SYN_OPTIONS = (b"", b"\x02\x04\x05\xb4", b"\x02\x04\x05\xb4\x01\x03\x03\x07\x04\x02\x01\x01",
               b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\1\0\0\0\0\x01\x03\x03\x02")  # fmt: skip
PAYLOADS = (b"GET / HTTP/1.0\r\n\r\n", b"abc", b"x" * 60, b"x yabc" * 20)


class Side(NamedTuple):
    """One side of a conversation, as it sees it: where it is (None: the host), addresses, ports."""

    interface: str | None
    source: str
    destination: str
    ports: tuple[int, int]


def endpoints(player: Player) -> tuple[str | None, str, str]:
    """Who begins and with whom: to the host, through it, or from it."""
    rng, universe = player.rng, player.universe
    pick = rng.random()
    name, other = rng.choice(universe.names), rng.choice(universe.names)
    source = rng.choice([*universe.links[name].near, *universe.links[name].far])
    target = rng.choice([*universe.links[other].near, *universe.links[other].far])
    if pick < 0.4:
        return name, source, rng.choice(universe.local)
    if pick < 0.85:
        return name, source, target
    return None, rng.choice(universe.local), rng.choice([target, rng.choice(universe.local)])


def answering(seen: list[Seen]) -> Side | None:
    """The other side of what a packet became."""
    if not seen:
        return None
    name, view = seen[0]
    return Side(name, view.destination, view.source, (view.dport, view.sport))


class Tcp:
    """One TCP conversation by a plan; sequence numbers go on as they are sent."""

    def __init__(self, player: Player, ports: tuple[int, int] | None = None) -> None:
        rng = player.rng
        self.player = player
        interface, source, destination = endpoints(player)
        self.client = Side(interface, source, destination, ports or (rng.choice(CLIENT_PORTS), rng.choice(PORTS)))
        self.server: Side | None = None
        self.next = [rng.randrange(2**32), rng.randrange(2**32)]

    def play(self, plan: str) -> None:
        """Send what a plan says; a server that nothing reached answers as if it had."""
        for step in plan.split():
            if step.islower() and self.server is None:
                there, universe = self.client.destination, self.player.universe
                home = universe.home(there)
                if home is None and there not in universe.local:
                    return
                self.server = Side(home, there, self.client.source, self.client.ports[::-1])
            self.step(step)

    def step(self, step: str, payload: bytes = b"") -> list[Seen]:
        """Send one segment."""
        rng, mine = self.player.rng, 0 if step.isupper() else 1
        side = self.client if mine == 0 else self.server
        if side is None:
            return []
        kind = step.upper()
        flags = {
            "S": SYN | ACK if mine else SYN, "D": PSH | ACK, "F": FIN | ACK, "R": rng.choice((RST, RST | ACK)),
            "X": rng.choice(ODD_FLAGS),
        }.get(kind, ACK)  # fmt: skip
        payload = payload or (rng.choice(PAYLOADS) if kind == "D" else b"")
        shift = {"O": 0x40000000, "K": -1}.get(kind, 0)
        segment = packets.tcp(
            self.player.header(side.source, side.destination), side.ports, flags, seq=self.next[mine] + shift,
            ack=self.next[1 - mine], window=0 if kind == "W" else 64240, payload=payload,
            options=rng.choice(SYN_OPTIONS) if kind == "S" else b"", bad=rng.random() < 0.01,
        )  # fmt: skip
        self.next[mine] = (self.next[mine] + len(payload) + (kind in "SF")) & 0xFFFFFFFF
        seen = self.player.send(side.interface, segment)
        found = answering(seen)
        if mine == 0 and found is not None and found.ports[0]:
            self.server = found
        return seen


def tcp(player: Player) -> None:
    """A TCP conversation."""
    Tcp(player).play(player.rng.choice(TCP_PLANS))


def udp(player: Player) -> None:
    """Questions and answers by UDP, and errors about questions."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    ports = (rng.choice(CLIENT_PORTS), rng.choice(PORTS))
    server, seen = None, []
    for step in range(rng.choice((1, 2, 3, 5))):
        if step % 2 == 0:
            payload = rng.choice((b"abc", b"", b"q" * 30))
            header = player.header(source, destination)
            seen = player.send(interface, packets.udp(header, ports, payload, bad=rng.random() < 0.01))
            server = answering(seen) or server
        elif server is not None and server.ports[0]:
            if rng.random() < 0.25 and seen:
                error(player, server, seen[0].view)
            else:
                player.send(
                    server.interface,
                    packets.udp(player.header(server.source, server.destination), server.ports, b"answer"),
                )


ERRORS4 = ((3, 0), (3, 1), (3, 2), (3, 3), (3, 4), (3, 13), (4, 0), (11, 0), (11, 1), (12, 0), (5, 1))
ERRORS6 = ((1, 0), (1, 1), (1, 3), (1, 4), (2, 0), (3, 0), (3, 1), (4, 1))


def error(player: Player, side: Side, about: View) -> None:
    """An ICMP error from where a packet arrived, about the packet as it was there."""
    if side.interface is None:
        return
    rng, rest = player.rng, b"\0\0\x05\x00"
    header = player.header(side.source, side.destination)
    size = rng.choice((28, 28, 60, 200, 20, 24)) if not player.six else rng.choice((48, 100, 300, 44))
    kind, code = rng.choice(ERRORS6 if player.six else ERRORS4)
    player.send(side.interface, packets.icmp(header, kind, code, rest, about.raw[:size], bad=rng.random() < 0.05))


def ping(player: Player) -> None:
    """Echo requests and their replies."""
    rng, six = player.rng, player.six
    interface, source, destination = endpoints(player)
    request, reply = (128, 129) if six else (8, 0)
    ident = rng.randrange(1, 60000)
    for number in range(rng.randint(1, 3)):
        rest = struct.pack(">HH", ident, number)
        seen = player.send(interface, packets.icmp(player.header(source, destination), request, 0, rest, b"abcdefgh"))
        if seen and rng.random() < 0.8:
            name, view = seen[0]
            rest = struct.pack(">HH", view.ident if name else ident, number)
            back = player.header(view.destination, view.source)
            player.send(name, packets.icmp(back, reply, 0, rest, b"abcdefgh"))


def odd(player: Player) -> None:
    """What few programs send: protocols without ports, strange ICMP, answers to nothing, spoofed sources."""
    rng, six = player.rng, player.six
    interface, source, destination = endpoints(player)
    header = player.header(source, destination)
    pick = rng.random()
    if pick < 0.4:
        payload = b"\0\0\x08\0\0\0\0\x07" + b"z" * 20
        player.send(interface, header.packet(rng.choice((47, 50, 99, 4, 41, 103, 255)), payload))
    elif pick < 0.7:
        kind = rng.choice((129, 140, 1, 3, 100)) if six else rng.choice((0, 5, 14, 17, 18, 40, 3, 9, 10))
        player.send(interface, packets.icmp(header, kind, rng.choice((0, 1)), bytes(4), bytes(28)))
    elif interface is not None:
        other = rng.choice(player.universe.names)
        player.send(other, packets.udp(header, (33003, 8080), b"spoof"))


def fragmented(player: Player, packet: bytes, sizes: list[int], order: str, interface: str | None) -> list[Seen]:
    """Send a packet in pieces: in order, backwards, doubled, with one missing, or one overlapping."""
    rng = player.rng
    player.ident += 1
    pieces = packets.cut(packet, sizes, rng.randrange(1, 2**16) if not player.six else rng.randrange(1, 2**32))
    if order == "backwards":
        pieces.reverse()
    elif order == "shuffled":
        rng.shuffle(pieces)
    elif order == "missing":
        pieces.pop(rng.randrange(len(pieces)))
    elif order == "doubled":
        pieces.insert(rng.randrange(len(pieces)), rng.choice(pieces))
    seen: list[Seen] = []
    for piece in pieces:
        seen = player.send(interface, piece) or seen
    return seen


def start(header: Header, ports: tuple[int, int]) -> bytes:
    """A TCP segment that opens a connection."""
    return packets.tcp(header, ports, SYN, options=SYN_OPTIONS[1])
