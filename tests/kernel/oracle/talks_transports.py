"""Conversations of transports other than plain TCP and UDP, of protocols with helpers, and of TCP beyond its window."""

from __future__ import annotations

import struct

from oracle import packets
from oracle.packets import ACK, PSH, SYN
from oracle.player import Player
from oracle.talks import Side, Tcp, answering, endpoints
from oracle.universe import CLIENT_PORTS, PORTS


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
            side.interface, packets.sctp(player.header(side.source, side.destination), side.ports, *words[step])
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
        seen = player.send(side.interface, packets.dccp(header, side.ports, int(step[0]), seq[mine], seq[1 - mine]))
        if not mine:
            server = answering(seen) or server


def udplite(player: Player) -> None:
    """A UDP-Lite question and its answer."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    ports = (rng.choice(CLIENT_PORTS), rng.choice(PORTS))
    server = answering(
        player.send(
            interface,
            packets.udplite(player.header(source, destination), ports, b"lite" * 5, rng.choice((0, 8, 12, 5))),
        )
    )
    if server is not None:
        player.send(
            server.interface, packets.udplite(player.header(server.source, server.destination), server.ports, b"answer")
        )


def gre(player: Player) -> None:
    """GRE there and back."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    kind = rng.choice(({}, {"key": 7}, {"version": 1, "call": 5}))
    server = answering(player.send(interface, packets.gre(player.header(source, destination), b"x" * 24, **kind)))
    if server is not None:
        player.send(server.interface, packets.gre(player.header(server.source, server.destination), b"y" * 24, **kind))


def ipsec(player: Player) -> None:
    """ESP or AH there and back."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    for _ in range(2):
        header = player.header(source, destination)
        inner = packets.ah_body(rng.choice((7, 0x100)))
        body = bytes((17,)) + inner + struct.pack(">HHHH", 500, 500, 12, 0) + b"data"
        packet = (
            packets.esp(header, rng.choice((7, 0x100)), b"e" * 32)
            if rng.random() < 0.5
            else header.packet(packets.AH, body)
        )
        server = answering(player.send(interface, packet))
        if server is None:
            return
        interface, source, destination, _ = server


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
        opened = packets.tcp(player.header(begin.source, begin.destination), (begin.ports[0], port), SYN, seq=7)
        back = answering(player.send(begin.interface, opened))
        if back is not None:
            player.send(
                back.interface,
                packets.tcp(player.header(back.source, back.destination), back.ports, SYN | ACK, seq=9, ack=8),
            )
        talk.step("d", b"226 done\r\n")
        talk.step("D", b"QUIT\r\n")


def tftp(player: Player) -> None:
    """A read request of TFTP, and data from another port."""
    rng = player.rng
    interface, source, destination = endpoints(player)
    request = packets.udp(
        player.header(source, destination),
        (rng.choice(CLIENT_PORTS), 69),
        rng.choice((b"\0\x01name\0octet\0", b"\0\x02name\0octet\0", b"\0\x05oops\0")),
    )
    server = answering(player.send(interface, request))
    if server is not None and server.ports[0]:
        for ports in ((5000, server.ports[1]), (5000, server.ports[1]), server.ports):
            seen = player.send(
                server.interface,
                packets.udp(player.header(server.source, server.destination), ports, b"\0\x03\0\x01data"),
            )
            back = answering(seen)
            if back is not None:
                player.send(
                    back.interface,
                    packets.udp(player.header(back.source, back.destination), back.ports, b"\0\x04\0\x01"),
                )


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
            side.interface, packets.tcp(header, side.ports, flags, seq=seq, ack=ack, payload=rng.choice((b"", b"data")))
        )
