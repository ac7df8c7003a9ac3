"""Conversations of single areas: fragments, extension headers, broken packets, groups, errors, sizes, options, bursts."""

from __future__ import annotations

import socket
import struct

from oracle import packets
from oracle.packets import DEST_OPTIONS, HOPOPT, NO_NEXT, ROUTING, SYN
from oracle.player import Player
from oracle.talks import Side, answering, endpoints, error, fragmented, ping, tcp, udp
from oracle.universe import CLIENT_PORTS, PORTS

ORDERS = ("in order", "in order", "backwards", "shuffled", "missing", "doubled")
IP_OPTIONS = (b"\x94\x04\0\0", b"\x01\x01", b"\x07\x07\x04\0\0\0\0", b"\x44\x08\x09\x00\0\0\0\0", b"\x82\x04\x01\x02",
              b"\x88\x04\x12\x34")  # fmt: skip
"""Router alert, no-operations, record route, timestamp, an unknown copied one, stream id."""
BAD_OPTIONS = (
    b"\x07\x03\x04\0",
    b"\x07\x27\x04\0",
    b"\x44\x03\x05\0",
    b"\x83\x07\x04\x0a\0\0\x01",
    b"\x94\x05\0\0",
    b"\x55\x00\0\0",
)


def extension_chains(player: Player) -> None:
    """Let headers of this player have extension headers now and then."""
    hop = (HOPOPT, packets.options_header(b"\x05\x02\0\0"))
    padded = (HOPOPT, packets.options_header(b"\x01\x04\0\0\0\0"))
    unknown = (DEST_OPTIONS, packets.options_header(b"\x3e\x02\0\0"))
    destination = (DEST_OPTIONS, packets.options_header(b"\xc9\x10" + bytes(16)))
    routed = (ROUTING, packets.routing_header(0, 0, [player.universe.remote[0]]))
    routed3 = (ROUTING, packets.routing_header(3, 0, []))
    ah = (packets.AH, packets.ah_body(7))
    atomic = (packets.FRAGMENT, struct.pack(">BHI", 0, 0, 77))
    player.extensions = (
        (hop,), (padded,), (unknown,), (destination,), (routed,), (routed3,), (ah,), (hop, destination), (hop, routed),
        (destination, routed, ah), (atomic,), (hop, atomic), (atomic, destination),
    )  # fmt: skip


def extensions(player: Player) -> None:
    """IPv6 packets whose extension headers are themselves the matter."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    chains = (
        ((HOPOPT, packets.options_header(b"\x7e\x02\0\0")),), ((HOPOPT, packets.options_header(b"\xbe\x02\0\0")),),
        ((HOPOPT, packets.options_header(b"\xc2\x04\0\x01\0\0")),), ((HOPOPT, b"\x05" + bytes(6)),),
        ((ROUTING, packets.routing_header(0, 1, [destination])),), ((ROUTING, packets.routing_header(4, 1, [destination])),),
        ((ROUTING, packets.routing_header(2, 1, [destination])),), ((DEST_OPTIONS, packets.options_header(b"\x85\x02\0\0")),),
        ((DEST_OPTIONS, packets.options_header(b"")), (HOPOPT, packets.options_header(b"\x05\x02\0\0"))),
    )  # fmt: skip
    header = packets.Header(source, destination, extensions=rng.choice(chains))
    if rng.random() < 0.3:
        player.send(interface, header.packet(rng.choice((NO_NEXT, 200, 135)), b"\x3b\x01\0\0\0\0\0\0"))
    else:
        player.send(interface, packets.udp(header, (33001, rng.choice(PORTS)), b"behind"))


def fragments(player: Player) -> None:
    """A datagram in pieces and its answer in pieces."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    ports = (rng.choice(CLIENT_PORTS), rng.choice(PORTS))
    whole = packets.udp(
        player.header(source, destination, ttl=64),
        ports,
        bytes(n & 255 for n in range(rng.choice((64, 200, 1600, 3000)))),
    )
    sizes = rng.choice(([40], [8, 8], [64, 32, 40], [1480, 800], [800, 1000], [1200, 1200], [24, 24, 24, 24]))
    server = answering(fragmented(player, whole, sizes, rng.choice(ORDERS), interface))
    if server is not None and server.ports[0]:
        back = packets.udp(
            player.header(server.source, server.destination, ttl=64), server.ports, b"r" * rng.choice((20, 1700))
        )
        fragmented(player, back, rng.choice(([24], [1000, 600], [1480])), rng.choice(ORDERS), server.interface)


def hostile_fragments(player: Player) -> None:
    """Pieces that overlap, lie about the end, are empty, or of no multiple of eight; of echo requests too."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    header = player.header(source, destination, ttl=64)
    whole = packets.icmp(header, 128 if player.six else 8, 0, b"\0\x07\0\x01", b"e" * 120)
    ident = rng.randrange(1, 2**16)
    one, two = packets.cut(whole, [64], ident), packets.cut(whole, rng.choice(([56], [72], [8, 64], [24, 80])), ident)
    three = packets.cut(whole, [60] if player.six else [64], ident)
    mixes = ([one[0], two[1], one[1]], [one[1], two[0], one[0]], [one[0], two[-1], one[0]], [three[0], one[1]],
             [one[1], three[-1], one[0]], [one[0], one[0], one[1]], [one[1], one[1], one[0]])  # fmt: skip
    for piece in rng.choice(mixes):
        player.send(interface, piece)


def broken(player: Player) -> None:
    """Packets that are cut, whose lengths or checksums are wrong, whose headers lie."""
    rng, six = player.rng, player.six
    interface, source, destination = endpoints(player)
    interface = interface or player.universe.names[0]
    header, ports = player.header(source, destination), (33001, rng.choice(PORTS))
    segment, datagram = (
        packets.tcp(header, ports, SYN, options=b"\x02\x04\x05\xb4"),
        packets.udp(header, ports, b"payload"),
    )
    head = 40 if six else 20
    head += sum(1 + len(body) for _, body in header.extensions) + len(header.options) + (-len(header.options) % 4)
    wrong = bytearray(rng.choice((segment, datagram)))
    place, value = rng.choice(((0, 0x46), (0, 0x44), (0, 0x65), (2, 1), (3, 5), (3, 250), (6, 0x80), (4, 1), (5, 200)))
    wrong[place] = value
    choices = (
        lambda: header.packet(6, segment[head : head + rng.choice((0, 7, 13, 19, 22))]),
        lambda: header.packet(17, datagram[head : head + rng.choice((0, 3, 7))]),
        lambda: header.packet(rng.choice((1, 58, 132, 33, 136, 47, 50, 51)), bytes(rng.choice((0, 3, 7, 9)))),
        lambda: packets.tcp(header, ports, SYN, bad=True), lambda: packets.udp(header, ports, b"bad", bad=True),
        lambda: header.packet(17, datagram[head:], bad=True), lambda: bytes(wrong), lambda: segment[: rng.randrange(1, len(segment))],
        lambda: datagram + b"trailing", lambda: packets.icmp(header, 8 if not six else 128, 0, bad=True),
        lambda: header.packet(6, segment[head : head + 12] + bytes((rng.choice((0x40, 0xF0, 0x60)),)) + segment[head + 13 :]),
        lambda: header.packet(17, datagram[head : head + 4] + rng.choice((b"\0\0", b"\0\x07", b"\xff\xff", b"\0\x09")) + datagram[head + 6 :]),
    )  # fmt: skip
    player.send(interface, rng.choice(choices)())


def groups(player: Player) -> None:
    """Broadcasts and multicasts, in frames for all, and frames of other kinds than their packets."""
    rng, universe = player.rng, player.universe
    name = rng.choice(universe.names)
    source = rng.choice(universe.links[name].near)
    if player.six:
        targets = [
            "ff02::1",
            "ff02::2",
            "ff02::fb",
            "ff05::2",
            "ff01::1",
            "ff0e::7",
            "ff02::1:ff00:1",
            "::1",
            "fe80::1",
            "::",
        ]
    else:
        n = universe.number
        targets = [f"198.18.{n}.255", f"10.{n}.0.255", f"10.{n}.255.255", f"172.20.{n}.15", f"198.18.{n}.0", "255.255.255.255",
                   "224.0.0.1", "224.0.0.251", "239.1.2.3", "0.0.0.0", "127.0.0.1", "240.0.0.1", "169.254.1.1"]  # fmt: skip
    destination = rng.choice(targets)
    if rng.random() < 0.25:
        source = rng.choice(
            ["::", "ff02::1", "::1", "fe80::77"]
            if player.six
            else ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", *targets[:2], *universe.local[:2]]
        )
    group = bytes.fromhex("3333" + "".join(f"{n:02x}" for n in (0, 0, 0, 1))) if player.six else b"\x01\0\x5e\0\0\x01"
    mac = rng.choice((group.hex(":"), "ff:ff:ff:ff:ff:ff", "", "02:cc:00:00:00:01"))
    packet = packets.udp(
        player.header(source, destination, ttl=rng.choice((1, 64, 255))), (33001, rng.choice(PORTS)), b"to all"
    )
    if rng.random() < 0.25:
        header = player.header(rng.choice(universe.local), destination, ttl=rng.choice((1, 64)))
        player.send(None, packets.udp(header, (33001, rng.choice(PORTS)), b"to all"))
    else:
        player.send(name, packet, mac=mac)


def errors(player: Player) -> None:
    """An ICMP error about whatever came out of the host, and about nothing."""
    rng = player.rng
    begin = rng.choice((tcp, udp, ping))
    before = len(player.emitted)
    begin(player)
    fresh = [
        sent
        for sent in player.emitted[before:]
        if sent.interface and len(sent.data) > 34 and sent.data[12:14] in (b"\x08\0", b"\x86\xdd")
    ]
    if fresh:
        frame = rng.choice(fresh)
        view = packets.View(frame.data[14:])
        universe = player.universe
        reporter = rng.choice([view.destination, *universe.links[frame.interface or ""].near])
        error(player, Side(frame.interface, reporter, view.source, (0, 0)), view)


def big(player: Player) -> None:
    """Packets larger than some interfaces carry, with and without leave to fragment, and those at their last hop."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    fields = {"fragment": packets.DONT} if not player.six and rng.random() < 0.5 else {}
    header = player.header(source, destination, ttl=rng.choice((64, 64, 2, 1)), **fields)
    player.send(
        interface,
        packets.udp(header, (33001, rng.choice(PORTS)), b"b" * rng.choice((100, 600, 1300, 1400, 1472, 1452))),
    )


def bad_options(player: Player) -> None:
    """IPv4 options that are wrong, or ask for a route."""
    interface, source, destination = endpoints(player)
    header = player.header(source, destination)
    made = packets.Header(
        header.source, header.destination, header.ttl, 0, header.ident, options=player.rng.choice(BAD_OPTIONS)
    )
    player.send(interface, packets.udp(made, (33001, 53), b"option"))


PAUSES = (0.08, 0.18, 0.38, 0.68, 1.28)
"""Seconds whose sums stay away from the quarter of a second and the seconds that rules of time are drawn with."""


def burst(player: Player) -> None:
    """The same few packets again and again, with pauses."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    ports = (33001, rng.choice(PORTS))
    for _ in range(rng.randint(2, 5)):
        for _ in range(rng.randint(1, 3)):
            player.send(interface, packets.udp(player.header(source, destination, ttl=64, tos=0), ports, b"again"))
        player.pause(rng.choice(PAUSES))


def neighbours(player: Player) -> None:
    """Neighbour discovery and group reports of others."""
    rng, universe = player.rng, player.universe
    name = rng.choice(universe.names)
    source = rng.choice([*universe.links[name].near, "fe80::77", "::"])
    target = rng.choice(universe.local)
    packed = socket.inet_pton(socket.AF_INET6, target)
    group = f"ff02::1:ff{packed[13:14].hex()}:{packed[14:].hex()}"
    kind = rng.choice((135, 135, 136, 133, 134, 143, 130))
    header = packets.Header(source, rng.choice((group, target, "ff02::1")), ttl=rng.choice((255, 255, 64)))
    body = packed + (b"\x01\x01\x02\xaa\0\0\0\x01" if source != "::" else b"")
    player.send(name, packets.icmp(header, kind, 0, bytes(4), body))
