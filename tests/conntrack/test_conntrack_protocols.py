"""UDP, ICMP, ICMPv6, GRE, SCTP, DCCP and the rest: conversations with time passing."""

from __future__ import annotations

import struct

import pytest
from conversation import A6, B6, SECOND, A, B, Host, M, icmp, ip, tcp, udp

from pyiptables.conntrack import Expectation, Tuple, attach, dump, set_closing
from pyiptables.conntrack.validity import crc32c, sctp_checksum
from pyiptables.hooks import Family, Hook
from pyiptables.packet.skb import Skb


def entry(host: Host) -> tuple[str, ...]:
    """Seconds and marks of the only entry."""
    (line,) = dump(host.table)
    return (line.split()[2], *(word[1:-1] for word in line.split() if word[0] == "["))


@pytest.mark.parametrize(("left", "right"), [(A, B), (A6, B6)])
def test_udp_becomes_a_stream_after_two_seconds(left: str, right: str) -> None:
    host = Host()
    assert host.send(udp(left, right))[1] == "NEW"
    assert entry(host) == ("30", "UNREPLIED")
    assert host.send(udp(right, left, 53, 1000))[1] == "ESTABLISHED"
    assert host.send(udp(left, right))[1] == "ESTABLISHED"
    assert entry(host) == ("30",)
    host.wait(2.5)
    host.send(udp(right, left, 53, 1000))
    assert entry(host) == ("120", "ASSURED")
    host.wait(120)
    assert host.send(udp(right, left, 53, 1000))[1] == "NEW"


UDP_BROKEN = {
    "short": ip(A, B, 17, b"\0\1\0\2\0\7"),
    "length beyond the packet": ip(A, B, 17, struct.pack(">HHHH", 1, 2, 9, 0)),
    "length below the header": ip(A, B, 17, struct.pack(">HHHH", 1, 2, 7, 0)),
    "checksum": udp(A, B)[:-1] + b"!",
    "later fragment": ip(A, B, 17, b"x" * 8, fragment=3),
}


@pytest.mark.parametrize("name", UDP_BROKEN)
def test_udp_broken(name: str) -> None:
    host = Host()
    assert host.send(UDP_BROKEN[name])[1] == "INVALID"
    assert not dump(host.table)


def test_udp_without_checksum() -> None:
    assert Host().send(udp(A, B, summed=False))[1] == "NEW"


@pytest.mark.parametrize(
    ("kind", "state"),
    [(kind, "NEW" if kind in (8, 13, 15, 17) else "INVALID") for kind in (0, 3, 8, 9, 13, 14, 15, 17, 18, 19, 40)],
)
def test_icmp_begins(kind: int, state: str) -> None:
    assert Host().send(icmp(A, B, kind))[1] == state


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        *((128, "NEW"), (139, "NEW"), (129, "INVALID"), (1, "INVALID"), (144, "INVALID")),
        *((kind, "UNTRACKED") for kind in (130, 131, 132, 133, 134, 135, 136, 143, 151, 152)),
    ],
)
def test_icmpv6_begins(kind: int, state: str) -> None:
    assert Host().send(icmp(A6, B6, kind))[1] == state


@pytest.mark.parametrize(("left", "right", "ask", "answer"), [(A, B, 8, 0), (A6, B6, 128, 129)])
def test_echo(left: str, right: str, ask: int, answer: int) -> None:
    host = Host()
    host.send(icmp(left, right, ask))
    assert host.send(icmp(right, left, answer, rest=b"\0\x08\0\1"))[1] == "INVALID"
    assert host.send(icmp(right, left, answer))[1] == "ESTABLISHED"
    assert entry(host) == ("30",)


def error(src: str, dst: str, inside: bytes, kind: int = 3) -> bytes:
    return icmp(src, dst, kind, 1, b"\0\0\0\0", inside)


ERRORS = [
    ("from the way there", error(M, A, udp(A, B)), "RELATED", 4),
    ("from the way back", error(M, B, udp(B, A, 53, 1000)), "RELATED", 1),
    ("eight bytes are enough", error(M, A, udp(A, B)[:28]), "RELATED", 4),
    ("four bytes are enough", error(M, A, udp(A, B)[:24]), "RELATED", 4),
    ("three are not", error(M, A, udp(A, B)[:23]), "INVALID", 0),
    ("to somebody else", error(M, M, udp(A, B)), "INVALID", 0),
    ("about nothing", error(M, A, udp(A, B, 1)), "INVALID", 0),
    ("about a later fragment", error(M, A, ip(A, B, 17, udp(A, B)[20:], fragment=1)), "INVALID", 0),
    ("time exceeded", error(M, A, udp(A, B), 11), "RELATED", 4),
]


@pytest.mark.parametrize(("name", "packet", "state", "ctinfo"), ERRORS, ids=[row[0] for row in ERRORS])
def test_icmp_errors(name: str, packet: bytes, state: str, ctinfo: int) -> None:
    host = Host()
    host.send(udp(A, B))
    skb, found = host.send(packet)
    assert (found, skb.ctinfo) == (state, ctinfo)
    assert entry(host) == ("30", "UNREPLIED")


def test_icmpv6_error() -> None:
    host = Host()
    host.send(udp(A6, B6))
    assert host.send(icmp(B6, A6, 1, 4, b"\0\0\0\0", udp(A6, B6)))[1] == "RELATED"


def test_the_rest_is_generic() -> None:
    host = Host()
    host.send(ip(A, B, 99, b"anything"))
    assert dump(host.table) == [
        "unknown  99 600 src=10.1.0.10 dst=192.0.2.10 [UNREPLIED] src=192.0.2.10 dst=10.1.0.10 mark=0 use=1"
    ]
    assert host.send(ip(B, A, 99, b""))[1] == "ESTABLISHED"


V6_CHAINS = [
    # next header, what follows, state
    (51, bytes([0, 0, 8, 0, 0, 0, 0, 7, 122, 122]), "NEW"),  # leads beyond the packet's end, and is tracked as 122
    (60, bytes([99, 0, 1, 4, 0, 0, 0, 0]), "NEW"),
    (60, bytes([17, 9, 1, 4, 0, 0, 0, 0]), "INVALID"),
    (59, b"", "INVALID"),
    (44, bytes([99, 0, 0, 9, 0, 0, 0, 1]), "INVALID"),
    (0, b"", "INVALID"),
]


@pytest.mark.parametrize(("protocol", "body", "state"), V6_CHAINS)
def test_ipv6_headers_before_the_transport(protocol: int, body: bytes, state: str) -> None:
    assert Host().send(ip(A6, B6, protocol, body + b"zzzzzzzz"[: 8 * (protocol == 51)]))[1] == state


@pytest.mark.parametrize(
    ("header", "state", "keys"),
    [
        (b"\0\0\x08\0", "NEW", "srckey=0x0 dstkey=0x0"),
        (b"\x20\1\x88\x0b\0\0\0\5", "NEW", "srckey=0x0 dstkey=0x5"),
        (b"\x20\1\x08\0\0\0\0\5", "INVALID", ""),
    ],
)
def test_gre(header: bytes, state: str, keys: str) -> None:
    host = Host()
    assert host.send(ip(A, B, 47, header))[1] == state
    assert all(keys in line for line in dump(host.table))


def sctp(src: str, tag: int, chunk: bytes) -> bytes:
    ports = (5, 6) if src == A else (6, 5)
    body = struct.pack(">HHII", *ports, tag, 0) + chunk
    body = body[:8] + sctp_checksum(body, 0) + body[12:]
    return ip(src, B if src == A else A, 132, body)


def init(kind: int, tag: int) -> bytes:
    return struct.pack(">BBHIIHHI", kind, 0, 20, tag, 1000, 1, 1, 1)


def chunk(kind: int, flags: int = 0) -> bytes:
    return bytes([kind, flags, 0, 4])


SCTP = [
    (A, 0, init(1, 7), "NEW", "CLOSED"),
    (B, 7, init(2, 8), "ESTABLISHED", "COOKIE_WAIT"),
    (A, 9, chunk(10), "INVALID", "COOKIE_WAIT"),
    (A, 8, chunk(10), "ESTABLISHED", "COOKIE_ECHOED"),
    (B, 7, chunk(11), "ESTABLISHED", "ESTABLISHED"),
    (A, 8, chunk(0) + chunk(3), "ESTABLISHED", "ESTABLISHED"),
    (A, 1, chunk(0), "INVALID", "ESTABLISHED"),
    (A, 8, chunk(0) + chunk(1), "INVALID", "ESTABLISHED"),
    (A, 8, chunk(7), "ESTABLISHED", "SHUTDOWN_SENT"),
    (B, 7, chunk(8), "ESTABLISHED", "SHUTDOWN_ACK_SENT"),
    (A, 8, chunk(14), "ESTABLISHED", "CLOSED"),
]


def test_sctp() -> None:
    host = Host()
    for number, (src, tag, chunks, state, after) in enumerate(SCTP):
        assert host.send(sctp(src, tag, chunks))[1] == state, number
        assert dump(host.table)[0].split()[3] == after, number


def test_crc32c() -> None:
    assert crc32c(b"123456789") == 0xE3069283


def dccp(src: str, kind: int, seq: int = 1, ack: int = 0) -> bytes:
    ports = (5, 6) if src == A else (6, 5)
    body = (
        struct.pack(">HHBBHBB", *ports, 6, 0, 0, kind << 1 | 1, 0)
        + seq.to_bytes(6, "big")
        + b"\0\0"
        + ack.to_bytes(6, "big")
    )
    return ip(src, B if src == A else A, 33, body)


def test_dccp_where_the_kernel_has_it() -> None:
    host = Host(dccp_loose="1", checksum="0")
    rows = [
        (A, 0, 1, 0, "NEW", "REQUEST"),
        (B, 1, 9, 1, "ESTABLISHED", "RESPOND"),
        (A, 3, 2, 9, "ESTABLISHED", "PARTOPEN"),
    ]
    rows += [
        (B, 2, 10, 0, "ESTABLISHED", "OPEN"),
        (A, 6, 3, 10, "ESTABLISHED", "CLOSING"),
        (B, 7, 11, 3, "ESTABLISHED", "TIMEWAIT"),
    ]
    for src, kind, seq, ack, state, after in rows:
        assert host.send(dccp(src, kind, seq, ack))[1] == state
        assert dump(host.table)[0].split()[3] == after
    assert "[ASSURED]" in dump(host.table)[0]
    newer = Host()
    newer.send(dccp(A, 0))
    assert dump(newer.table)[0].startswith("dccp     33 600 src=10.1.0.10 dst=192.0.2.10 sport=0 dport=0 [UNREPLIED]")


def test_a_dropped_first_packet_leaves_nothing() -> None:
    host = Host()
    host.send(udp(A, B), confirm=False)
    assert not dump(host.table)
    assert host.send(udp(A, B))[1] == "NEW"


def test_seen_by_loopback_and_untracked_are_left_alone() -> None:
    host = Host()
    skb, _ = host.send(udp(A, B))
    skb.ctinfo = 1
    host.table.track(skb, Hook.PREROUTING)
    assert skb.ctinfo == 1
    other = Skb(udp(A, B), Family.IPV4)
    other.ctinfo = 7
    host.table.track(other, Hook.PREROUTING)
    assert (other.nfct, other.ctinfo) == (None, 7)


def test_a_flow_that_is_its_own_answer() -> None:
    host = Host()
    assert host.send(udp(A, A, 53, 53))[1] == "NEW"
    assert host.send(udp(A, A, 53, 53))[1] == "ESTABLISHED"


def test_full_table() -> None:
    host = Host(max="2", buckets="16")
    for port in (1, 2):
        host.send(udp(A, B, port))
        host.send(udp(B, A, 53, port))
    assert host.send(udp(A, B, 3))[1] == "NEW"
    host.wait(3)
    for port in (2, 3):
        host.send(udp(B, A, 53, port))
    host.send(udp(B, A, 53, 3))
    for held in host.table:
        held.status |= 4
    assert host.send(udp(A, B, 4))[1] == "DROP"


# With 1,000 entries in 262,144 buckets Linux 6.18 let 10 of 150 further connections in: 6 % are expected.
@pytest.mark.parametrize(("buckets", "least", "most"), [(262_144, 5, 40), (16_384, 150, 225), (1000, 300, 300)])
def test_a_full_table_makes_room_by_chance(buckets: int, least: int, most: int) -> None:
    host = Host(max="1000", buckets=str(buckets))
    for port in range(1000):
        host.send(udp(A, B, 1000 + port))
    let_in = sum(host.send(udp(A, B, 2000 + port))[1] == "NEW" for port in range(300))
    assert least <= let_in <= most
    assert len(host.table) == 1000


def test_accounting() -> None:
    host = Host(acct="1")
    host.send(udp(A, B))
    host.send(udp(B, A, 53, 1000, b"answer"))
    host.send(udp(A, B))
    assert "packets=2 bytes=58 src=" in dump(host.table)[0]
    assert "dport=1000 packets=1 bytes=34 mark" in dump(host.table)[0]


@pytest.mark.parametrize(("src", "state"), [(B, "RELATED"), (M, "NEW")])
def test_expectation(src: str, state: str) -> None:
    host = Host()
    skb, _ = host.send(tcp(A, B, "S", dport=21))
    skb.nfct.mark = 5
    number = {name: int.from_bytes(bytes(map(int, name.split("."))), "big") for name in (A, B)}
    wanted = Tuple(Family.IPV4, number[B], number[A], 6, 0, 2000)
    expected = Expectation(wanted, skb.nfct, src_mask=0xFFFFFFFF)
    assert host.table.expectations.add(expected, host.table.now)
    new, found = host.send(tcp(src, A, "S", sport=20, dport=2000))
    assert found == state
    if state == "RELATED":
        assert (new.nfct.master, new.nfct.mark, len(host.table.expectations)) == (skb.nfct, 5, 0)
    host.table.kill(skb.nfct)
    assert len(host.table.expectations) == 0


def test_made_packets_belong_to_their_cause() -> None:
    host = Host()
    skb, _ = host.send(tcp(A, B, "S"))
    made = Skb(tcp(B, A, "RA"), Family.IPV4)
    attach(made, skb)
    assert (made.nfct, made.ctinfo) == (skb.nfct, 4)
    set_closing(host.table, skb.nfct)
    assert skb.nfct.timeout - host.table.now == 10 * SECOND
