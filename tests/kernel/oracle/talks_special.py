"""Conversations of single areas: fragments, extension headers, other transports, helpers, broken packets, groups."""

from __future__ import annotations

import struct

from oracle import packets as P
from oracle.packets import ACK, DEST_OPTIONS, HOPOPT, NO_NEXT, PSH, ROUTING, SYN
from oracle.player import Player
from oracle.talks import Side, Tcp, answering, endpoints, error, fragmented, ping, tcp, udp
from oracle.universe import CLIENT_PORTS, PORTS

ORDERS = ("in order", "in order", "backwards", "shuffled", "missing", "doubled")
IP_OPTIONS = (b"\x94\x04\0\0", b"\x01\x01", b"\x07\x07\x04\0\0\0\0", b"\x44\x08\x05\x00\0\0\0\0", b"\x82\x04\x01\x02",
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
    hop = (HOPOPT, P.options_header(b"\x05\x02\0\0"))
    padded = (HOPOPT, P.options_header(b"\x01\x04\0\0\0\0"))
    unknown = (DEST_OPTIONS, P.options_header(b"\x3e\x02\0\0"))
    destination = (DEST_OPTIONS, P.options_header(b"\xc9\x10" + bytes(16)))
    routed = (ROUTING, P.routing_header(0, 0, [player.universe.remote[0]]))
    routed3 = (ROUTING, P.routing_header(3, 0, []))
    ah = (P.AH, P.ah_body(7))
    atomic = (P.FRAGMENT, struct.pack(">BHI", 0, 0, 77))
    player.extensions = (
        (hop,), (padded,), (unknown,), (destination,), (routed,), (routed3,), (ah,), (hop, destination), (hop, routed),
        (destination, routed, ah), (atomic,), (hop, atomic), (atomic, destination),
    )  # fmt: skip


def extensions(player: Player) -> None:
    """IPv6 packets whose extension headers are themselves the matter."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    chains = (
        ((HOPOPT, P.options_header(b"\x7e\x02\0\0")),), ((HOPOPT, P.options_header(b"\xbe\x02\0\0")),),
        ((HOPOPT, P.options_header(b"\xc2\x04\0\x01\0\0")),), ((HOPOPT, b"\x05" + bytes(6)),),
        ((ROUTING, P.routing_header(0, 1, [destination])),), ((ROUTING, P.routing_header(4, 1, [destination])),),
        ((ROUTING, P.routing_header(2, 1, [destination])),), ((DEST_OPTIONS, P.options_header(b"\x85\x02\0\0")),),
        ((DEST_OPTIONS, P.options_header(b"")), (HOPOPT, P.options_header(b"\x05\x02\0\0"))),
    )  # fmt: skip
    header = P.Header(source, destination, extensions=rng.choice(chains))
    if rng.random() < 0.3:
        player.send(interface, header.packet(rng.choice((NO_NEXT, 200, 135)), b"\x3b\x01\0\0\0\0\0\0"))
    else:
        player.send(interface, P.udp(header, (33001, rng.choice(PORTS)), b"behind"))


def fragments(player: Player) -> None:
    """A datagram in pieces and its answer in pieces."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    ports = (rng.choice(CLIENT_PORTS), rng.choice(PORTS))
    whole = P.udp(
        player.header(source, destination, ttl=64),
        ports,
        bytes(n & 255 for n in range(rng.choice((64, 200, 1600, 3000)))),
    )
    sizes = rng.choice(([40], [8, 8], [64, 32, 40], [1480, 800], [800, 1000], [1200, 1200], [24, 24, 24, 24]))
    server = answering(fragmented(player, whole, sizes, rng.choice(ORDERS), interface))
    if server is not None and server.ports[0]:
        back = P.udp(
            player.header(server.source, server.destination, ttl=64), server.ports, b"r" * rng.choice((20, 1700))
        )
        fragmented(player, back, rng.choice(([24], [1000, 600], [1480])), rng.choice(ORDERS), server.interface)


def hostile_fragments(player: Player) -> None:
    """Pieces that overlap, lie about the end, are empty, or of no multiple of eight; of echo requests too."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    header = player.header(source, destination, ttl=64)
    whole = P.icmp(header, 128 if player.six else 8, 0, b"\0\x07\0\x01", b"e" * 120)
    ident = rng.randrange(1, 2**16)
    one, two = P.cut(whole, [64], ident), P.cut(whole, rng.choice(([56], [72], [8, 64], [24, 80])), ident)
    three = P.cut(whole, [60] if player.six else [64], ident)
    mixes = ([one[0], two[1], one[1]], [one[1], two[0], one[0]], [one[0], two[-1], one[0]], [three[0], one[1]],
             [one[1], three[-1], one[0]], [one[0], one[0], one[1]], [one[1], one[1], one[0]])  # fmt: skip
    for piece in rng.choice(mixes):
        player.send(interface, piece)


def transports(player: Player) -> None:
    """SCTP, DCCP, UDP-Lite, GRE, AH and ESP, with their answers."""
    player.rng.choice((sctp, sctp, dccp, udplite, gre, ipsec))(player)


def sctp(player: Player) -> None:
    """An association by a plan: I init, K cookie, D data, S shutdown, A abort, H heartbeat."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    ports, tags = (rng.choice(CLIENT_PORTS), rng.choice(PORTS)), (0x11111111, 0x22222222)
    init = struct.pack(">IIHHI", tags[0], 65535, 2, 2, 1)
    answer = struct.pack(">IIHHI", tags[1], 65535, 2, 2, 1) + b"\0\x07\0\x08cook"
    data, sack = (0, 3, struct.pack(">IHHI", 1, 0, 0, 0) + b"data"), (3, 0, struct.pack(">IIHH", 1, 65535, 0, 0))
    words = {
        "I": (0, [(1, 0, init)]), "i": (tags[0], [(2, 0, answer)]), "K": (tags[1], [(10, 0, b"cook")]),
        "k": (tags[0], [(11, 0, b"")]), "D": (tags[1], [data]), "d": (tags[0], [sack]), "H": (tags[1], [(4, 0, b"\0\x01\0\x08beat")]),
        "h": (tags[0], [(5, 0, b"\0\x01\0\x08beat")]), "S": (tags[1], [(7, 0, bytes(4))]), "s": (tags[0], [(8, 0, b"")]),
        "C": (tags[1], [(14, 0, b"")]), "A": (tags[1], [(6, 0, b"")]), "X": (0x99, [data]), "Z": (tags[1], [(1, 0, init), data]),
    }  # fmt: skip
    server: Side | None = None
    plan = rng.choice(
        (
            "I i K k D d S s C",
            "I i K k D d",
            "I i K k A",
            "I",
            "D",
            "I i K k H h D",
            "X",
            "I X i K k X D",
            "Z",
            "H h D",
            "I i",
        )
    )
    for step in plan.split():
        side = Side(interface, source, destination, ports) if step.isupper() else server
        if side is None:
            return
        seen = player.send(
            side.interface, P.sctp(player.header(side.source, side.destination), side.ports, *words[step])
        )
        if step.isupper():
            server = answering(seen) or server


def dccp(player: Player) -> None:
    """A DCCP connection by a plan of packet types; bold numbers are the client's."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    ports = (rng.choice(CLIENT_PORTS), rng.choice(PORTS))
    server: Side | None = None
    plan = rng.choice(("0 1' 3 4 3' 6 7'", "0 1' 3 2 2'", "0", "2", "0 7'", "0 0 1' 3 5' 6 7'"))
    seq = [100, 5000]
    for step in plan.split():
        mine = int(step.endswith("'"))
        side = server if mine else Side(interface, source, destination, ports)
        if side is None:
            return
        seq[mine] += 1
        header = player.header(side.source, side.destination)
        seen = player.send(side.interface, P.dccp(header, side.ports, int(step[0]), seq[mine], seq[1 - mine]))
        if not mine:
            server = answering(seen) or server


def udplite(player: Player) -> None:
    """A UDP-Lite question and its answer."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    ports = (rng.choice(CLIENT_PORTS), rng.choice(PORTS))
    server = answering(
        player.send(
            interface, P.udplite(player.header(source, destination), ports, b"lite" * 5, rng.choice((0, 8, 12, 5)))
        )
    )
    if server is not None:
        player.send(
            server.interface, P.udplite(player.header(server.source, server.destination), server.ports, b"answer")
        )


def gre(player: Player) -> None:
    """GRE there and back."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    kind = rng.choice(({}, {"key": 7}, {"version": 1, "call": 5}))
    server = answering(player.send(interface, P.gre(player.header(source, destination), b"x" * 24, **kind)))
    if server is not None:
        player.send(server.interface, P.gre(player.header(server.source, server.destination), b"y" * 24, **kind))


def ipsec(player: Player) -> None:
    """ESP or AH there and back."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    for _ in range(2):
        header = player.header(source, destination)
        inner = P.ah_body(rng.choice((7, 0x100)))
        body = bytes((17,)) + inner + struct.pack(">HHHH", 500, 500, 12, 0) + b"data"
        packet = P.esp(header, rng.choice((7, 0x100)), b"e" * 32) if rng.random() < 0.5 else header.packet(P.AH, body)
        server = answering(player.send(interface, packet))
        if server is None:
            return
        interface, source, destination, _ = server


def broken(player: Player) -> None:
    """Packets that are cut, whose lengths or checksums are wrong, whose headers lie."""
    rng, six = player.rng, player.six
    interface, source, destination = endpoints(player)
    interface = interface or player.universe.names[0]
    header, ports = player.header(source, destination), (33001, rng.choice(PORTS))
    segment, datagram = P.tcp(header, ports, SYN, options=b"\x02\x04\x05\xb4"), P.udp(header, ports, b"payload")
    head = 40 if six else 20
    head += sum(1 + len(body) for _, body in header.extensions) + len(header.options) + (-len(header.options) % 4)
    wrong = bytearray(rng.choice((segment, datagram)))
    place, value = rng.choice(((0, 0x46), (0, 0x44), (0, 0x65), (2, 1), (3, 5), (3, 250), (6, 0x80), (4, 1), (5, 200)))
    wrong[place] = value
    choices = (
        lambda: header.packet(6, segment[head : head + rng.choice((0, 7, 13, 19, 22))]),
        lambda: header.packet(17, datagram[head : head + rng.choice((0, 3, 7))]),
        lambda: header.packet(rng.choice((1, 58, 132, 33, 136, 47, 50, 51)), bytes(rng.choice((0, 3, 7, 9)))),
        lambda: P.tcp(header, ports, SYN, bad=True), lambda: P.udp(header, ports, b"bad", bad=True),
        lambda: header.packet(17, datagram[head:], bad=True), lambda: bytes(wrong), lambda: segment[: rng.randrange(1, len(segment))],
        lambda: datagram + b"trailing", lambda: P.icmp(header, 8 if not six else 128, 0, bad=True),
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
    packet = P.udp(
        player.header(source, destination, ttl=rng.choice((1, 64, 255))), (33001, rng.choice(PORTS)), b"to all"
    )
    if rng.random() < 0.25:
        header = player.header(rng.choice(universe.local), destination, ttl=rng.choice((1, 64)))
        player.send(None, P.udp(header, (33001, rng.choice(PORTS)), b"to all"))
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
        view = P.View(frame.data[14:])
        universe = player.universe
        reporter = rng.choice([view.destination, *universe.links[frame.interface or ""].near])
        error(player, Side(frame.interface, reporter, view.source, (0, 0)), view)


def big(player: Player) -> None:
    """Packets larger than some interfaces carry, with and without leave to fragment, and those at their last hop."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    fields = {"fragment": P.DONT} if not player.six and rng.random() < 0.5 else {}
    header = player.header(source, destination, ttl=rng.choice((64, 64, 2, 1)), **fields)
    player.send(
        interface, P.udp(header, (33001, rng.choice(PORTS)), b"b" * rng.choice((100, 600, 1300, 1400, 1472, 1452)))
    )


def bad_options(player: Player) -> None:
    """IPv4 options that are wrong, or ask for a route."""
    interface, source, destination = endpoints(player)
    header = player.header(source, destination)
    made = P.Header(
        header.source, header.destination, header.ttl, 0, header.ident, options=player.rng.choice(BAD_OPTIONS)
    )
    player.send(interface, P.udp(made, (33001, 53), b"option"))


def burst(player: Player) -> None:
    """The same few packets again and again, with pauses."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    ports = (33001, rng.choice(PORTS))
    for _ in range(rng.randint(2, 5)):
        for _ in range(rng.randint(1, 3)):
            player.send(interface, P.udp(player.header(source, destination, ttl=64, tos=0), ports, b"again"))
        player.pause(rng.choice((0.06, 0.13, 0.27, 0.34, 0.67, 1.23)))


def ftp(player: Player) -> None:
    """A control connection of FTP that announces a data connection, and that one."""
    rng = player.rng
    talk = Tcp(player, (rng.choice(CLIENT_PORTS), 21))
    talk.play("S s A")
    if talk.server is None:
        return
    client, server = talk.client, talk.server
    port = rng.choice((5000, 40001, 8080))
    passive = rng.random() < 0.5
    who = server if passive else client
    numbers = who.source.replace(".", ",") + f",{port >> 8},{port & 255}"
    six = player.six
    if passive:
        talk.step("D", b"EPSV\r\n" if six else b"PASV\r\n")
        text = (
            f"229 Entering Extended Passive Mode (|||{port}|)\r\n"
            if six
            else f"227 Entering Passive Mode ({numbers}).\r\n"
        )
        seen = talk.step("d", text.encode())
        begin = Side(client.interface, client.source, client.destination, (40002, port))
    else:
        text = f"EPRT |2|{client.source}|{port}|\r\n" if six else f"PORT {numbers}\r\n"
        seen = talk.step("D", text.encode())
        begin = Side(server.interface, server.source, server.destination, (20, port))
    if seen:
        announced = seen[0].view.body
        found = [int(n) for n in announced.rstrip(b").\r\n|").replace(b"|", b",").split(b",")[-2:] if n.isdigit()]
        port = found[0] * 256 + found[1] if len(found) == 2 and not six else found[-1] if found else port
        opened = P.tcp(player.header(begin.source, begin.destination), (begin.ports[0], port), SYN, seq=7)
        back = answering(player.send(begin.interface, opened))
        if back is not None:
            player.send(
                back.interface, P.tcp(player.header(back.source, back.destination), back.ports, SYN | ACK, seq=9, ack=8)
            )
        talk.step("d", b"226 done\r\n")
        talk.step("D", b"QUIT\r\n")


def tftp(player: Player) -> None:
    """A read request of TFTP, and data from another port."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    request = P.udp(
        player.header(source, destination),
        (rng.choice(CLIENT_PORTS), 69),
        rng.choice((b"\0\x01name\0octet\0", b"\0\x02name\0octet\0", b"\0\x05oops\0")),
    )
    server = answering(player.send(interface, request))
    if server is not None and server.ports[0]:
        for ports in ((5000, server.ports[1]), (5000, server.ports[1]), server.ports):
            seen = player.send(
                server.interface, P.udp(player.header(server.source, server.destination), ports, b"\0\x03\0\x01data")
            )
            back = answering(seen)
            if back is not None:
                player.send(
                    back.interface, P.udp(player.header(back.source, back.destination), back.ports, b"\0\x04\0\x01")
                )


def neighbours(player: Player) -> None:
    """Neighbour discovery and group reports of others."""
    rng, universe = player.rng, player.universe
    name = rng.choice(universe.names)
    source = rng.choice([*universe.links[name].near, "fe80::77", "::"])
    target = rng.choice(universe.local)
    packed = P.pack(P.from_text(target)[0], P.Family.IPV6)
    group = f"ff02::1:ff{packed[13:14].hex()}:{packed[14:].hex()}"
    kind = rng.choice((135, 135, 136, 133, 134, 143, 130))
    header = P.Header(source, rng.choice((group, target, "ff02::1")), ttl=rng.choice((255, 255, 64)))
    body = packed + (b"\x01\x01\x02\xaa\0\0\0\x01" if source != "::" else b"")
    player.send(name, P.icmp(header, kind, 0, bytes(4), body))


def window(player: Player) -> None:
    """TCP that leaves its window: old, doubled and future segments, wrong acknowledgements, bare data."""
    rng = player.rng
    talk = Tcp(player)
    talk.play("S s A D d")
    if talk.server is None:
        return
    for _ in range(rng.randint(1, 5)):
        mine = rng.randrange(2)
        side = (talk.client, talk.server)[mine]
        seq, ack = talk.next[mine], talk.next[1 - mine]
        flags = rng.choice((ACK, PSH | ACK, ACK, SYN, SYN | ACK, 4, 4 | ACK, 1 | ACK))
        seq += rng.choice((0, 0, -1, -100, 1, 5000, 70000, -70000))
        ack += rng.choice((0, 0, 1, -1, 5000, 100000, -100000))
        header = player.header(side.source, side.destination)
        player.send(
            side.interface, P.tcp(header, side.ports, flags, seq=seq, ack=ack, payload=rng.choice((b"", b"data")))
        )
