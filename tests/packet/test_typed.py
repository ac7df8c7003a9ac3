"""Packets typed in iptables' words or in one line: the bytes they make, what is refused, and the way back to a line."""

from __future__ import annotations

import contextlib
import random
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.packet.transports import crc32c
from pyiptables.packet.typed import typed_packet
from pyiptables.packet.typed_notation import parse_notation, to_notation
from pyiptables.packet.typed_packet import TypedPacket

V4, V6 = Family.IPV4, Family.IPV6
A4, A6 = "-s 198.51.100.7 -d 192.0.2.1", "-s 2001:db8::1 -d 2001:db8::2"


def typed(words: str) -> TypedPacket:
    return typed_packet(shlex.split(words), V6 if "2001:" in words else V4)


# words | the same in one line | the transport header and payload in hexadecimal, checksums as dots
CONTENTS = [
    (
        f"-i eth0 -p tcp {A4} --sport 40000 --dport 443 --syn",
        "eth0: 198.51.100.7:40000 > 192.0.2.1:443 tcp S",
        "9c40 01bb 00000000 00000000 5002 faf0 .... 0000",
    ),
    (f"-p tcp {A4} --dport 443", "198.51.100.7 > 192.0.2.1:443 tcp", "9c40 01bb 00000000 00000000 5002 faf0 .... 0000"),
    (
        f"-p tcp {A4} --dport https --tcp-flags SYN,ACK --seq 1 --ack-seq 0x2 --window 3 --mss 1460 --payload hi",
        "198.51.100.7 > 192.0.2.1:443 tcp S. seq 1 ack 2 win 3 options 020405b4 payload hi",
        "9c40 01bb 00000001 00000002 6012 0003 .... 0000 020405b4 6869",
    ),
    (
        f"-p tcp {A4} --dport 1 --tcp-flags SYN,ACK,FIN,RST FIN,ACK",
        "198.51.100.7 > 192.0.2.1:1 tcp F.",
        "9c40 0001 00000000 00000000 5011 faf0 .... 0000",
    ),
    (
        f"-p tcp {A4} --dport 1 --tcp-flags NONE --tcp-option 4 --tcp-option 8 --tcp-option 254:beef",
        "198.51.100.7 > 192.0.2.1:1 tcp none options 0402080a0000000000000000fe04beef",
        "9c40 0001 00000000 00000000 9000 faf0 .... 0000 0402 080a0000000000000000 fe04beef",
    ),
    (f"-p udp {A4} --sport 5 --dport domain", "198.51.100.7:5 > 192.0.2.1:53 udp", "0005 0035 0008 ...."),
    (
        f"-p udp {A4} --dport 53 --payload hex:ff00",
        "198.51.100.7 > 192.0.2.1:53 udp payload hex:ff00",
        "9c40 0035 000a .... ff00",
    ),
    (f"-p udp {A4} --dport 53 --length 31", "198.51.100.7 > 192.0.2.1:53 udp length 31", "9c40 0035 000b .... 000000"),
    (
        f"-p udplite {A4} --dport 53 --payload x",
        "198.51.100.7 > 192.0.2.1:53 udplite payload x",
        "9c40 0035 0000 .... 78",
    ),
    (f"-p icmp {A4}", "198.51.100.7 > 192.0.2.1 icmp", "0800 .... 0001 0001"),
    (
        f"-p icmp {A4} --icmp-type 0 --icmp-seq 9",
        "198.51.100.7 > 192.0.2.1 icmp pong icmp-seq 9",
        "0000 .... 0001 0009",
    ),
    (f"-p icmp {A4} --icmp-type 3/1", "198.51.100.7 > 192.0.2.1 icmp host-unreachable", "0301 .... 0000 0000"),
    (f"-p icmp {A4} --icmp-type 253", "198.51.100.7 > 192.0.2.1 icmp 253/0", "fd00 .... 0000 0000"),
    (f"-p icmp {A4} --icmp-type ttl-zero-during-t", "198.51.100.7 > 192.0.2.1 icmp ttl-zero-during-transit", None),
    (f"-p ipv6-icmp {A6}", "2001:db8::1 > 2001:db8::2 icmp6 ping", "8000 .... 0001 0001"),
    (f"-p icmpv6 {A6} --icmpv6-type 1/4", "2001:db8::1 > 2001:db8::2 icmp6 port-unreachable", "0104 .... 0000 0000"),
    (
        f"-p tcp {A6} --sport 5 --dport 443 --syn",
        "[2001:db8::1]:5 > [2001:db8::2]:443 tcp S",
        "0005 01bb 00000000 00000000 5002 faf0 .... 0000",
    ),
    (
        f"-p sctp {A4} --dport 9",
        "198.51.100.7 > 192.0.2.1:9 sctp",
        "9c40 0009 00000000 ........ 0100001400000001 0000ffff0001000100000001",
    ),
    (
        f"-p dccp {A4} --dport 9 --seq 5",
        "198.51.100.7 > 192.0.2.1:9 dccp seq 5",
        "9c40 0009 0500 .... 0100 000000000005 00000000",
    ),
    (f"-p gre {A4}", "198.51.100.7 > 192.0.2.1 gre", "0000 0800"),
    (f"-p 47 {A6}", "2001:db8::1 > 2001:db8::2 47", "0000 86dd"),
    (f"-p esp {A4} --espspi 0x1234", "198.51.100.7 > 192.0.2.1 esp spi 4660", "00001234 00000001"),
    (f"-p ah {A4}", "198.51.100.7 > 192.0.2.1 ah", "3b040000 00000100 00000001 000000000000000000000000"),
    (f"-p 99 {A4} --payload abc", "198.51.100.7 > 192.0.2.1 99 payload abc", "616263"),
    (f"-p 253 {A4}", "198.51.100.7 > 192.0.2.1 253", ""),
    (f"-f -p udp {A4}", "198.51.100.7 > 192.0.2.1 udp frag 1480", "0000000000000000"),
    (f"-p udp {A4} --dport 1 --mf", "198.51.100.7 > 192.0.2.1:1 udp mf", "9c40 0001 0008 ...."),
    (
        f"-p tcp {A4} --dport 1 --more-fragments",
        "198.51.100.7 > 192.0.2.1:1 tcp mf",
        "9c40 0001 00000000 00000000 5002 faf0 .... 0000 00000000",
    ),
    (
        f"-p udp {A6} --frag-offset 8 --id 7 --payload x",
        "2001:db8::1 > 2001:db8::2 udp frag 8 id 7 payload x",
        "1100 0008 00000007 78",
    ),
]


@pytest.mark.parametrize(("words", "line", "content"), CONTENTS)
def test_words_and_line_make_the_packet(words: str, line: str, content: str | None) -> None:
    packet = typed(words)
    assert parse_notation(line) == packet
    shown = packet.data[20 if packet.family is V4 else 40 :].hex()
    if content is not None:
        wanted = content.replace(" ", "")
        assert "".join("." if want == "." else have for want, have in zip(wanted, shown, strict=True)) == wanted


# words | byte of the network header where it stands, and bytes there in hexadecimal
HEADERS = [
    (f"-p udp {A4} --dport 1", 0, "4500001c 00000000 4011"),
    (f"-p udp {A4} --dport 1 --ttl 3", 8, "03"),
    (f"-p udp {A4} --dport 1 --tos Minimize-Delay", 1, "10"),
    (f"-p udp {A4} --dport 1 --tos 0xff", 1, "ff"),
    (f"-p udp {A4} --dport 1 --dscp-class af11", 1, "28"),
    (f"-p udp {A4} --dport 1 --dscp 46", 1, "b8"),
    (f"-p udp {A4} --dport 1 --id 0xabcd --df", 4, "abcd 4000"),
    (f"-p udp {A4} --mf --frag-offset 16", 6, "2002"),
    (f"-p udp {A4} -f", 6, "00b9"),
    (f"-p udp {A4} --dport 1 --length 65535", 2, "ffff"),
    (f"-p udp {A6} --dport 1 --hl 1", 7, "01"),
    (f"-p udp {A6} --dport 1 --tos 0xab", 0, "6ab00000 0008 11"),
    (f"-p udp {A6} --dport 1 --length 65575", 4, "ffff"),
    (f"-p udp {A6} --dport 1 --mf", 0, "60000000 0010 2c"),
    (f"-p udp {A6} --dport 1 --mf --id 9", 40, "1100 0001 00000009"),
    ("-pudp -fs 198.51.100.7 --dst=192.0.2.1", 6, "00b9"),
    (f"-m udp -p udp {A4} --destination-p 1 --len 29", 2, "001d"),
]


@pytest.mark.parametrize(("words", "place", "wanted"), HEADERS)
def test_network_header(words: str, place: int, wanted: str) -> None:
    head = bytes.fromhex(wanted)
    assert typed(words).data[place : place + len(head)] == head


# words | what is known beside the bytes
META = [
    (f"-i eth0 -p esp {A4}", {"interface": "eth0", "local": False, "mac": b""}),
    (f"-i eth0 -o eth1 -p esp {A4}", {"interface": "eth0", "out_interface": "eth1", "local": False}),
    (f"-p esp {A4}", {"interface": None, "local": True, "uid": None, "count": 1, "mark": 0}),
    (f"-o eth1 -p esp {A4} --uid-owner 5 --gid-owner 6", {"local": True, "out_interface": "eth1", "uid": 5, "gid": 6}),
    (f"-i eth0 -p esp {A4} --mark 0xff --count 3", {"mark": 255, "count": 3}),
    (
        f"-i eth0 -p esp {A4} --mac-source 2:0:0:0:0:1",
        {"mac_source": b"\2\0\0\0\0\1", "mac": bytes.fromhex("0000000000000200000000010800")},
    ),
]


@pytest.mark.parametrize(("words", "wanted"), META)
def test_beside_the_bytes(words: str, wanted: dict[str, object]) -> None:
    packet = typed(words)
    assert {name: getattr(packet, name) for name in wanted} == wanted
    assert packet.packet(time=5).mark == packet.mark
    assert parse_notation(to_notation(packet)) == packet


# words, ^ before the one that is wrong | what the error says | hint
WRONG = [
    ("-p tcp -s 198.51.100.7^", "no destination address", "-d ADDRESS"),
    ("-p tcp -d 192.0.2.1^", "no source address", "-s ADDRESS"),
    (f"{A4}^", "no protocol", "-p tcp"),
    (f"-p tcp {A4}^", "no destination port", "--dport"),
    (f"-p tcp {A4} ^--dprot 1", 'no "--dprot"', "--dport"),
    (f"-p tcp {A4} --dport 1 ^--ctstate NEW", 'no "--ctstate"', "connection tracking"),
    (f"-p tcp {A4} --dport 1 ^--state NEW", 'no "--state"', "connection tracking"),
    (f"-p tcp {A4} ^-j ACCEPT", 'no "-j"', "the rules decide"),
    (f"-p tcp {A4} ^--dports 1,2", 'no "--dports"', "--dport"),
    (f"-p tcp {A4} ^! --dport 1", 'unexpected "!"', "leave out the !"),
    (f"-p tcp {A4} ^stray", 'unexpected "stray"', "such as"),
    (f"-p tcp {A4} ^--dport", "needs a value", "--dport PORT"),
    (f"-p tcp {A4} ^--dport 1:2", "one port", None),
    (f"-p tcp {A4} ^--dport 65536", "one port", None),
    (f"-p tcp {A4} --dport 1 ^--dport 2", "given twice", None),
    (f"-p tcp {A4} --dport 1 --syn ^--tcp-flags ACK", "--syn say the same", None),
    (f"-p tcp {A4} --dport 1 ^--tcp-flags SNY", "TCP flags", "SYN"),
    (f"-p tcp {A4} --dport 1 ^--syn=1", "takes no value", None),
    (f"-p tcp {A4} --dport 1 ^--length 39", "40 bytes already", None),
    (f"-p tcp {A4} --dport 1 ^--options {'01' * 41}", "room for 40", None),
    (f"-p tcp {A4} --dport 1 ^--spi 3", "no such field", None),
    (f"-p tcp {A4} ^--dport 1 -f", "a later fragment", None),
    (f"-p tcp {A4} --dport 1 ^--frag-offset 7", "multiple of 8", None),
    (f"-p udp {A4} --dport 1 ^--syn", "no such field", None),
    (f"-p udp {A6} --dport 1 ^--df", "IPv6 has no such", None),
    (f"-p udp {A6} --dport 1 ^--id 5", "only a fragment", None),
    (f"-p icmp {A4} ^--icmp-type echo-requst", "a type's name", "echo-request"),
    (f"-p icmp {A4} ^--icmp-type network", "begin so", None),
    (f"-p icmp {A4} ^--icmp-type any", "a type's name", None),
    (f"^-p icmp {A6}", "ipv6-icmp", None),
    (f"^-p icmpv6 {A4}", "icmp, which", None),
    (f"^-p all {A4}", "one protocol", None),
    (f"^-p tpc {A4}", "a protocol's name", "tcp"),
    ("-p tcp ^-s 192.0.2.0/24", "one IPv4 address", None),
    ("-p tcp ^-s www.example.org", "one IPv4 address", None),
    ("-p tcp ^-s ::1", "an IPv4 address", None),
    ("^-i eth+ -p tcp", "one interface", None),
    ("^-i a/b", "one interface", None),
    (f"-i eth0 -p esp {A4} ^--uid-owner 5", "a local process sends", None),
    (f"-p esp {A4} ^--mac-source 02:00:00:00:00:01", "arrives", None),
    (f"-i eth0 -p esp {A4} ^--mac-source 02:00", "an Ethernet address", None),
    (f"-p esp {A4} ^--mark 1/2", "one number", None),
    (f"-p esp {A4} ^--payload hex:f", "hexadecimal", None),
    (f"-p esp {A4} ^--count 0", "one number", None),
    ("^", "no protocol", None),
]


@pytest.mark.parametrize(("words", "text", "hint"), WRONG)
def test_wrong_words_say_where_and_what(words: str, text: str, hint: str | None) -> None:
    with pytest.raises(PacketError) as caught:
        typed(words.replace("^", ""))
    assert text in caught.value.text
    assert caught.value.column == (words.index("^") + 1 if "^" in words else None)
    assert hint is None or hint in (caught.value.hint or "")


# line, ^ before what is wrong | what the error says | hint
WRONG_LINES = [
    ("^", "the source address", None),
    ("^x", "the source address", None),
    ("^eth0 192.0.2.1 > 192.0.2.2 udp", "the source address", None),
    ("192.0.2.1^", '">"', None),
    ("192.0.2.1 >^", "the destination address", None),
    ("192.0.2.1 > 192.0.2.2:^", "a port", None),
    ("192.0.2.1 > 192.0.2.2^", "a protocol", None),
    ("192.0.2.1 > 192.0.2.2 ^tpc", "a protocol's name", "tcp"),
    ("192.0.2.1 > 192.0.2.2 udp^", "no destination port", "ADDRESS:PORT"),
    ("192.0.2.1 > ^::1 udp", "an IPv4 address", None),
    ("^192.0.2.300 > 192.0.2.1 udp", "one IPv4 address", None),
    ("192.0.2.1 > 192.0.2.2:1 tcp ^X", 'no field "X"', None),
    ("192.0.2.1 > 192.0.2.2:1 tcp S ^tll 3 df", 'no field "tll"', "ttl"),
    ("192.0.2.1 > 192.0.2.2:1 tcp S ttl^", "a value", None),
    ("192.0.2.1 > 192.0.2.2:1 tcp S ^ttl 256", "one number", None),
    ("192.0.2.1 > 192.0.2.2:1 tcp S df ^df", "given twice", None),
    ('192.0.2.1 > 192.0.2.2:1 udp payload ^"x', "a value", None),
    ("192.0.2.1 > 192.0.2.2 icmp ^ech", "begin so", None),
    ("raw ^45", "bytes of an IPv4", None),
    ("raw " + "45" * 20 + " ^ttl 3", "already say it", None),
]


@pytest.mark.parametrize(("line", "text", "hint"), WRONG_LINES)
def test_wrong_lines_say_where_and_what(line: str, text: str, hint: str | None) -> None:
    with pytest.raises(PacketError) as caught:
        parse_notation(line.replace("^", ""))
    assert text in caught.value.text
    assert caught.value.column == (line.index("^") + 1 if "^" in line else None)
    assert hint is None or hint in (caught.value.hint or "")


# line | how it is written again
WRITTEN = [
    ("  eth0:   192.0.2.1:5>192.0.2.2:80 TCP  mss 1460", "eth0: 192.0.2.1:5 > 192.0.2.2:80 tcp S options 020405b4"),
    ("192.0.2.1 > 192.0.2.2 icmp 8", "192.0.2.1 > 192.0.2.2 icmp echo-request"),
    ("192.0.2.1 > 192.0.2.2 icmp 3/3 ttl 3", "192.0.2.1 > 192.0.2.2 icmp port-unreachable ttl 3"),
    ('192.0.2.1 > 192.0.2.2 99 payload "a \\"b\\" \\\\"', '192.0.2.1 > 192.0.2.2 99 payload "a \\"b\\" \\\\"'),
    ("192.0.2.1 > 192.0.2.2 99 payload hex:6162", "192.0.2.1 > 192.0.2.2 99 payload ab"),
    ("192.0.2.1 > 192.0.2.2 99 payload hex:00ff", "192.0.2.1 > 192.0.2.2 99 payload hex:00ff"),
    ("192.0.2.1 > 192.0.2.2 99 length 1500", "192.0.2.1 > 192.0.2.2 99 length 1500"),
    ("192.0.2.1 > 192.0.2.2 udp frag 8", "192.0.2.1 > 192.0.2.2 udp frag 8 payload hex:0000000000000000"),
    ("192.0.2.1 > 192.0.2.2 99 out eth1 uid 0 count 2", "192.0.2.1 > 192.0.2.2 99 out eth1 uid 0 count 2"),
    ("::1 > ::2 icmp6 packet-too-big hl 255", "::1 > ::2 icmp6 packet-too-big ttl 255"),
    ("raw 4500001500000000401174d60101010102020202ff", "raw 4500001500000000401174d60101010102020202ff"),
]


@pytest.mark.parametrize(("line", "again"), WRITTEN)
def test_lines_are_written_in_one_way(line: str, again: str) -> None:
    assert to_notation(parse_notation(line)) == again


packets = st.builds(
    lambda where, ends, protocol, flags, fields: " ".join([*where, *ends, protocol, *flags, *fields]),
    where=st.sampled_from([(), ("eth0:",), ("br-lan.5@x:",)]),
    ends=st.sampled_from(
        [("192.0.2.1:1", ">", "198.51.100.2:65535"), ("[2001:db8::1]:1", ">", "[::ffff:1.2.3.4]:443")]
    ),
    protocol=st.sampled_from(["tcp", "udp", "udplite", "sctp", "dccp"]),
    flags=st.just(()),
    fields=st.lists(
        st.sampled_from(
            [
                "ttl 0", "tos 0xfc", "mf", "mark 0xffffffff", "count 7", "length 333", "payload hex:00", "payload é",
                'payload "x \\\\ y"', "payload hex:" + "00" * 20,
            ]
        ),
        unique_by=lambda field: field.split(" ")[0],
    ),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(packets)
def test_what_is_written_is_read_again(line: str) -> None:
    packet = parse_notation(line)
    assert parse_notation(to_notation(packet)) == packet


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([words for words, *_ in CONTENTS]), st.data())
def test_broken_packets_are_written_and_read_again(words: str, data: st.DataObject) -> None:
    packet = typed(words)
    broken = bytearray(packet.data)
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(1, len(broken) - 1))] = data.draw(st.integers(0, 255))
    changed = TypedPacket(packet.family, bytes(broken), interface=data.draw(st.sampled_from([None, "eth0"])))
    assert parse_notation(to_notation(changed)) == changed


@pytest.mark.parametrize(
    "packet",
    [
        TypedPacket(V4, b""),
        TypedPacket(V6, bytes(40)),
        TypedPacket(V4, bytes.fromhex("45") + bytes(19), interface="eth0", uid=1),
        TypedPacket(V4, bytes.fromhex("45") + bytes(19), interface="a b"),
    ],
)
def test_packets_that_no_line_describes(packet: TypedPacket) -> None:
    with pytest.raises(PacketError):
        to_notation(packet)


def test_any_text_is_a_packet_or_a_packet_error() -> None:
    chance = random.Random(3)
    pieces = [word for words, line, _ in CONTENTS for word in (*words.split(" "), *line.split(" "))]
    pieces += [
        "",
        "-",
        "--",
        "!",
        "\0",
        "\udc80",
        "\ud800",
        "9" * 5000,
        "²",
        "[",
        "]:",
        '"',
        "-i",
        "--payload",
        "::",
        "\x0b",
    ]
    for _ in range(1500):
        words = chance.choices(pieces, k=chance.randrange(9))
        for family in Family:
            with contextlib.suppress(PacketError):
                typed_packet(words, family)
        with contextlib.suppress(PacketError):
            parse_notation(chance.choice(["", " ", "1.2.3.4 > 1.2.3.4 udp "]) + " ".join(words))


def test_crc32c_of_rfc_3720() -> None:
    assert (crc32c(bytes(32)), crc32c(b"123456789")) == (0x8A9136AA, 0xE3069283)
