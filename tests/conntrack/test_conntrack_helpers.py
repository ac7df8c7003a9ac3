"""Helpers: what they find in payloads, what they expect, and what NAT makes of both. Whole conversations are recordings."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace

import pytest
from conversation import A6, B6, A, B, Host, M, icmp, tcp, udp

from pyiptables.conntrack import (
    Entry,
    Expectation,
    Manip,
    NatRange,
    Status,
    Tuple,
    Zone,
    begin_adjustment,
    dump,
    load,
    nat_fn,
    setup_info,
)
from pyiptables.conntrack.expect import Answer, Policy
from pyiptables.conntrack.helpers import HELPERS, UNMODELLED, ftp, irc, sip_text
from pyiptables.conntrack.helpers.texts import ipv4_at, ipv6_at
from pyiptables.conntrack.payload import mangle_tcp, mangle_udp
from pyiptables.conntrack.seqadj import adjust, record
from pyiptables.conntrack.validity import transport_valid
from pyiptables.extensions.targets import CT
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.packet.addresses import from_text, to_text
from pyiptables.packet.checksum import checksum
from pyiptables.packet.skb import Skb

V4, V6 = Family.IPV4, Family.IPV6


def number(address: str) -> int:
    return from_text(address)[0]


@pytest.mark.parametrize(
    ("way", "family", "text", "found"),
    [
        (0, V4, "PORT 10,1,0,10,4,5\r\n", "10.1.0.10 1029 10,1,0,10,4,5"),
        (0, V4, "port 10,1,0,10,4,5\r\n", "10.1.0.10 1029 10,1,0,10,4,5"),
        (0, V4, "PORT 266,1,0,10,4,5\r\n", "10.1.0.10 1029 266,1,0,10,4,5"),  # as C puts numbers together
        (0, V4, "PORT 10,1,0,10,4,5\n", "partial PORT"),
        (0, V4, "PORT 10,1,0,10,4\r\n", "partial PORT"),
        (0, V4, "PORT 10,1,0,10,4,5,6\r\n", "partial PORT"),
        (0, V4, "PORT ", "partial PORT"),
        (0, V4, "PO", "partial PORT"),
        (0, V4, "PORTAL\r\n", "partial PORT"),
        (0, V4, "PASV\r\n", None),
        (0, V4, " PORT 10,1,0,10,4,5\r\n", None),
        (0, V4, "227 (10,1,0,10,4,5)\r\n", None),
        (0, V4, "EPRT |1|10.1.0.10|1029|\r\n", "10.1.0.10 1029 |1|10.1.0.10|1029|"),
        (0, V4, "EPRT !1!10.1.0.10!1029!\r\n", "10.1.0.10 1029 !1!10.1.0.10!1029!"),
        (0, V4, "EPRT |2|2001:db8::1|1029|\r\n", "partial EPRT"),
        (0, V4, "EPRT |1|10.1.0.10|0|\r\n", "partial EPRT"),
        (0, V4, "EPRT 11110.1.0.1011029|\r\n", "partial EPRT"),
        (0, V6, "EPRT |2|2001:db8::a|1029|\r\n", "2001:db8::a 1029 |2|2001:db8::a|1029|"),
        (0, V6, "EPRT |1|10.1.0.10|1029|\r\n", "partial EPRT"),
        (1, V4, "227 Entering Passive Mode (10,1,0,10,4,5).\r\n", "10.1.0.10 1029 10,1,0,10,4,5"),
        (1, V4, "227 =10,1,0,10,4,5 yes\r\n", "10.1.0.10 1029 10,1,0,10,4,5"),
        (1, V4, "227 Passive\r\n", "partial 227 "),
        (1, V4, "229 Extended (|||1029|)\r\n", "192.0.2.10 1029 |||1029|"),
        (1, V4, "229 Extended (||1029|)\r\n", "partial 229 "),
        (1, V4, "229 Extended\r\n", "partial 229 "),
        (1, V4, "220 PORT 10,1,0,10,4,5\r\n", None),
    ],
)
def test_ftp_commands(way: int, family: Family, text: str, found: str | None) -> None:
    data = text.encode()
    try:
        result = ftp.find(data, way, family, number(B))
    except ftp.PartialError as partial:
        assert f"partial {partial}" == found
        return
    if result is None:
        assert found is None
        return
    command = result[1]
    words = data[command.at : command.at + command.size].decode()
    assert f"{to_text(command.address, family)} {command.port} {words}" == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PRIVMSG you :\1DCC SEND file.txt 167837706 4000 12345\1\r\n", "167837706 4000"),
        ("\r\n privmsg you :\1DCC CHAT chat 167837706 4000\1\r\n", "167837706 4000"),
        ("PRIVMSG you :\1DCC SCHAT chat 167837706   4000\1\r\n", "167837706   4000"),
        ("PRIVMSG you :\1DCC SEND file.txt 167837707 4000 12345\1\r\n", None),  # not the client's own address
        ("PRIVMSG you :\1DCC SEND file.txt 167837706 0 12345\1\r\n", None),
        ("PRIVMSG you :\1DCC KILL file.txt 167837706 4000 12345\1\r\n", None),
        ("PRIVMSG you :hello \1DCC SEND file.txt 167837706 4000 1\1\r\n", None),
        ("NOTICE you :\1DCC SEND file.txt 167837706 4000 12345\1\r\n", None),
        ("PRIVMSG you :\1DCC SEND file.txt 167837706 4000 12345\1", None),  # the line has no end
        ("PRIVMSG you :\1DCC SEND f 1", None),
    ],
)
def test_irc_offers(text: str, found: str | None) -> None:
    data = text.encode()
    offer = irc.find(data, (number(A), number(M)))
    assert (None if offer is None else data[offer.at : offer.at + offer.size].decode()) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Contact: <sip:me@10.1.0.10:5061>", "10.1.0.10 5061"),
        ("m : \"x\" <sip:10.1.0.10>;q=1", "10.1.0.10 5060"),
        ("CONTACT:\r\n <sip:me@10.1.0.10:5061>", "10.1.0.10 5061"),
        ("Contact: <sip:me@host>, <sip:me@10.1.0.10:5062>", None),
        ("Contact: <sip:me@host>\r\nContact: <sip:me@10.1.0.10:5062>", "10.1.0.10 5062"),
        ("Contact: <sip:me@10.1.0.10:80>", None),
        ("Contact: <tel:5>", None),
        ("X-Contact: <sip:me@10.1.0.10:5061>", None),
        ("Contact <sip:me@10.1.0.10:5061>", None),
    ],
)  # fmt: skip
def test_sip_contacts(text: str, found: str | None) -> None:
    message = f"REGISTER sip:x SIP/2.0\r\n{text}\r\n\r\n".encode()
    named = sip_text.endpoint(message, sip_text.CONTACT, V4)
    assert (f"{to_text(named.address, V4)} {named.port}" if named else None) == found


@pytest.mark.parametrize(
    ("read", "text", "found"),
    [
        (ipv4_at, "10.1.0.10:5060", ("10.1.0.10", 9)),
        (ipv4_at, "10..0.10 ", ("10.0.0.10", 8)),
        (ipv4_at, "10.1.0.256", None),
        (ipv4_at, "10.1.0", None),
        (ipv4_at, "10.1.0.1.2", None),
        (ipv4_at, "a.1.0.1", None),
        (ipv6_at, "2001:db8::1]", ("2001:db8::1", 11)),
        (ipv6_at, "2001:db8:::1", None),
        (ipv6_at, "10.1.0.1", None),
    ],
)
def test_addresses_in_text(read: object, text: str, found: tuple[str, int] | None) -> None:
    result = read(text.encode(), 0)  # type: ignore[operator]
    family = V4 if read is ipv4_at else V6
    assert (None if result is None else (to_text(result[0], family), result[1])) == found


def expectation(master: Entry, dport: int, src: str = B, kind: int = 0) -> Expectation:
    wanted = Tuple(V4, number(src), number(A), 6, 0, dport)
    return Expectation(wanted, master, 0xFFFFFFFF, kind=kind)


def master(host: Host, sport: int = 1000, zone: int = 0) -> Entry:
    skb, _ = host.send(tcp(A, B, "S", sport=sport, dport=21))
    skb.nfct.zone = Zone(zone)
    return skb.nfct  # type: ignore[no-any-return]


def test_expectations_of_one_connection_give_way_and_of_two_clash() -> None:
    host = Host()
    table, (one, two, far) = host.table, (master(host, port, zone) for port, zone in ((1, 0), (2, 0), (3, 9)))
    policy = Policy(2, 300)
    add = lambda each, **more: table.expectations.add(each, table.now, policy, **more)  # noqa: E731
    first = expectation(one, 4000)
    assert add(first) is Answer.OPEN
    assert add(expectation(two, 4000)) is Answer.BUSY
    assert add(expectation(two, 4000), any_master=True) is Answer.ALREADY
    assert add(expectation(two, 4000, src=M)) is Answer.OPEN
    assert add(expectation(far, 4000)) is Answer.OPEN
    again = expectation(one, 4000)
    assert add(again) is Answer.OPEN
    assert table.expectations.of(one) == [again]
    others = [expectation(one, port) for port in (4001, 4002)]
    assert all(add(each) for each in others)
    assert table.expectations.of(one) == others[::-1]
    other_class = expectation(one, 4003, kind=1)
    assert add(other_class)
    assert len(table.expectations.of(one)) == 3
    host.wait(301)
    assert table.expectations.find(others[0].wanted, 0, table.now) is None
    table.expectations.maximum = 0
    assert add(expectation(one, 5000)) is Answer.FULL


def forwarded(host: Host, packet: bytes, *, helper: str = "", snat: str = "") -> Skb | None:
    """A packet that is forwarded, with a template and under SNAT where asked; None when it was dropped."""
    skb = Skb(packet, V6 if packet[0] >> 4 == 6 else V4)
    if helper:
        nobody = Tuple(skb.family, 0, 0, 0, 0, 0)
        skb.nfct, skb.ctinfo = Entry(nobody, nobody, status=int(Status.TEMPLATE)), 2
        skb.nfct.helper = helper
    assert host.table.track(skb, Hook.PREROUTING) is Verdict.ACCEPT
    skb.hook = Hook.POSTROUTING
    if skb.nfct is None:
        return skb
    for hook in (Hook.PREROUTING, Hook.POSTROUTING):

        def rules(seen: Skb, hook: Hook = hook) -> Verdict:
            wanted = NatRange(1, number(snat), number(snat)) if snat and hook is Hook.POSTROUTING else None
            return setup_info(host.table, seen.nfct, wanted, Manip.SRC) if wanted else Verdict.ACCEPT

        assert nat_fn(host.table, skb, hook, rules) is Verdict.ACCEPT
    return skb if host.table.confirm(skb) is Verdict.ACCEPT else None


def control(host: Host, client: str, *, snat: str = M, sport: int = 1000) -> None:
    """A control connection whose greeting and first command have passed."""
    forwarded(host, tcp(client, B, "S", 100, sport=sport, dport=21), helper="ftp", snat=snat)
    forwarded(host, tcp(B, snat or client, "SA", 500, 101, sport=21, dport=sport))
    forwarded(host, tcp(client, B, "A", 101, 501, sport=sport, dport=21))
    forwarded(host, tcp(client, B, "PA", 101, 501, sport=sport, dport=21, data=b"USER x\r\n"))


def payload(skb: Skb | None) -> bytes:
    return b"" if skb is None else bytes(skb.data[skb.thoff + (skb.data[skb.thoff + 12] >> 4) * 4 :])


def test_two_clients_that_name_one_port_get_two() -> None:
    host = Host()
    for last, sport in (("10", 1000), ("11", 1001)):
        client = f"10.1.0.{last}"
        control(host, client, sport=sport)
        text = f"PORT 10,1,0,{last},7,208\r\n".encode()
        sent = forwarded(host, tcp(client, B, "PA", 109, 501, sport=sport, dport=21, data=text))
        assert sent is not None and transport_valid(sent, 6) and checksum(sent.data[:20]) == 0
        words = payload(sent).decode()
        assert words.startswith("PORT 172,16,0,9,")
        assert (words == "PORT 172,16,0,9,7,208\r\n") == (last == "10")
    ports = {each.wanted.dport for each in host.table.expectations}
    assert len(ports) == 2 and 2000 in ports


def test_a_command_that_makes_the_packet_too_long_is_dropped() -> None:
    host, lines = Host(), []
    host.table.log = lambda skb, text: lines.append(text)
    control(host, A)
    text = b"PORT 10,1,0,10,7,208\r" + b"x" * (65535 - 40 - 22) + b"\n"
    assert forwarded(host, tcp(A, B, "PA", 109, 501, dport=21, data=text)) is None
    assert lines == ["nf_ct_ftp: dropping packet: cannot mangle packet "]
    assert not len(host.table.expectations)


def test_numbers_behind_a_change_are_shifted_both_ways() -> None:
    host = Host()
    control(host, A)
    text = b"PORT 10,1,0,10,7,208\r\n"
    longer = len("PORT 172,16,0,9,7,208\r\n") - len(text)
    for _ in range(2):  # sent again, it is changed once
        sent = forwarded(host, tcp(A, B, "PA", 109, 501, dport=21, data=text))
        assert sent is not None and sent.data[24:28] == (109).to_bytes(4, "big")
    end = 109 + len(text)
    sent = forwarded(host, tcp(A, B, "PA", end, 501, dport=21, data=b"NOOP\r\n"))
    assert sent is not None and sent.data[24:28] == (end + longer).to_bytes(4, "big") and transport_valid(sent, 6)
    sack = b"\1\1\5\n" + (end + longer).to_bytes(4, "big") + (end + longer + 6).to_bytes(4, "big")
    back = forwarded(host, tcp(B, M, "A", 501, end + longer, sport=21, dport=1000, options=sack))
    assert back is not None and back.data[28:32] == end.to_bytes(4, "big") and transport_valid(back, 6)
    assert back.data[44:52] == end.to_bytes(4, "big") + (end + 6).to_bytes(4, "big")
    assert "helper=ftp" in dump(host.table)[0]


@pytest.mark.parametrize(
    ("changes", "seq", "shifted"),
    [
        ((), 5000, 5000),
        (((1000, 3),), 1000, 1000),
        (((1000, 3),), 1001, 1004),
        (((1000, 3), (2000, -5)), 1500, 1503),
        (((1000, 3), (2000, -5)), 2500, 2498),
        (((1000, 3), (2000, 5)), 2000, 2003),
        (((1000, 3), (1000, 3)), 2500, 2503),
        (((2000, 3), (1000, 7)), 2500, 2503),
        (((0xFFFFFFF0, 4),), 0xFFFFFFF0, 0xFFFFFFF0),
        (((0xFFFFFFF0, 4),), 0xFFFFFFFE, 2),
    ],
)
def test_sequence_numbers(changes: tuple[tuple[int, int], ...], seq: int, shifted: int) -> None:
    host = Host()
    entry = master(host)
    for at, change in changes:
        record(entry, 0, at, change)
    skb = Skb(tcp(A, B, "A", seq, 7, dport=21), V4)
    skb.nfct, skb.ctinfo = entry, 0
    if changes:
        assert entry.status & Status.SEQ_ADJUST and adjust(skb, entry)
    assert int.from_bytes(skb.data[24:28], "big") == shifted and transport_valid(skb, 6)
    back = Skb(tcp(B, A, "A", 7, shifted, sport=21, dport=1000), V4)
    back.nfct, back.ctinfo = entry, 3
    if changes:
        assert adjust(back, entry)
    assert int.from_bytes(back.data[28:32], "big") == seq and transport_valid(back, 6)


def test_a_whole_direction_is_shifted_by_synproxy() -> None:
    entry = master(Host())
    begin_adjustment(entry, 1, 0)
    assert not entry.status & Status.SEQ_ADJUST
    begin_adjustment(entry, 1, -10)
    skb = Skb(tcp(B, A, "A", 3, 7, sport=21, dport=1000), V4)
    skb.nfct, skb.ctinfo = entry, 3
    assert adjust(skb, entry)
    assert int.from_bytes(skb.data[24:28], "big") == 0xFFFFFFF9


@pytest.mark.parametrize("new", [b"", b"short", b"a longer one", b"x" * 65536])
@pytest.mark.parametrize(("src", "dst"), [(A, B), (A6, B6)])
def test_replacing_payload(src: str, dst: str, new: bytes) -> None:
    for packet, protocol in ((tcp(src, dst, "PA", data=b"<here>"), 6), (udp(src, dst, data=b"<here>"), 17)):
        skb = Skb(packet, V4 if src == A else V6)
        skb.ctinfo = 0
        entry = Entry(Tuple(skb.family, 0, 0, protocol, 0, 0), Tuple(skb.family, 0, 0, protocol, 0, 0))
        done = mangle_tcp(skb, entry, 1, 4, new) if protocol == 6 else mangle_udp(skb, 1, 4, new)
        assert done == (len(new) < 65536)
        if done:
            assert bytes(skb.data).endswith(b"<" + new + b">") and transport_valid(skb, protocol)
            length = int.from_bytes(skb.data[2:4] if src == A else skb.data[4:6], "big")
            assert length == len(skb.data) - (0 if src == A else 40)
            assert src != A or checksum(skb.data[:20]) == 0


def test_datagrams_without_checksum_stay_without() -> None:
    skb = Skb(udp(A, B, data=b"<here>", summed=False), V4)
    assert mangle_udp(skb, 1, 4, b"there") and skb.data[26:28] == b"\0\0"


def test_broadcast_questions_are_answered_by_the_network() -> None:
    address = SimpleNamespace(family=V4, secondary=False, broadcast=number("10.1.0.255"), length=24)
    link = SimpleNamespace(addresses=(address,))
    host = Host()
    skb = Skb(udp("10.1.0.1", "10.1.0.255", 1137, 137), V4)
    nobody = Tuple(V4, 0, 0, 0, 0, 0)
    skb.nfct, skb.ctinfo = Entry(nobody, nobody, status=int(Status.TEMPLATE)), 2
    skb.nfct.helper = "netbios-ns"
    host.table.track(skb, Hook.OUTPUT)
    skb.hook, skb.oif = Hook.POSTROUTING, "eth1"
    skb.host = SimpleNamespace(interface=lambda name: link if name == "eth1" else None)
    skb.dst = SimpleNamespace(kind=SimpleNamespace(name="BROADCAST"))
    host.table.confirm(skb)
    assert [host.send(udp(f"10.1.0.{n}", "10.1.0.1", 137, 1137))[1] for n in (10, 11)] == ["RELATED"] * 2
    assert host.send(udp("10.1.1.10", "10.1.0.1", 137, 1137))[1] == "NEW"
    assert host.send(udp("10.1.0.12", "10.1.0.1", 138, 1137))[1] == "NEW"
    host.wait(4)
    assert host.send(udp("10.1.0.13", "10.1.0.1", 137, 1137))[1] == "NEW"


def test_a_loaded_connection_is_picked_up_in_the_middle() -> None:
    host = Host()
    row = f"tcp 6 300 ESTABLISHED src={A} dst={B} sport=1000 dport=21 src={B} dst={A} sport=21 dport=1000 [ASSURED] mark=0"
    load(host.table, f"{row} labels=a secctx=x helper=ftp use=2\n")
    host.send(tcp(A, B, "PA", 1, 1, dport=21, data=b"PORT 10,1,0,10,7,208\r\n"))
    assert host.send(tcp(B, A, "S", sport=20, dport=2000))[1] == "RELATED"


@pytest.mark.parametrize("name", sorted(UNMODELLED))
def test_what_is_not_modelled_says_so(name: str) -> None:
    host, notes = Host(), []
    host.table.note = notes.append
    assert forwarded(host, udp(A, B, 1000, 1719), helper=name) is not None
    assert notes == [f"helper {name}: {UNMODELLED[name]}"]


def test_every_helper_of_the_target_is_modelled_or_named() -> None:
    assert set(CT.HELPERS) == HELPERS.keys() | UNMODELLED.keys()


def test_an_error_about_a_helped_connection_passes() -> None:
    host = Host()
    control(host, A)
    out = forwarded(host, tcp(A, B, "PA", 109, 501, dport=21, data=b"PORT 10,1,0,10,7,208\r\n"))
    assert out is not None
    error = icmp("192.0.2.99", M, 3, 1, b"\0\0\0\0", bytes(out.data[:40]))
    assert forwarded(host, error) is not None


SEEDS = {
    "ftp": [
        b"PORT 10,1,0,10,7,208\r\n",
        b"EPRT |1|10.1.0.10|2000|\r\n",
        b"227 (192,0,2,10,7,208)\r\n",
        b"229 (|||2000|)\r\n",
    ],
    "irc": [b"PRIVMSG you :\1DCC SEND file.txt 167837706 4000 12345\1\r\n"],
    "amanda": [b"CONNECT DATA 1024 MESG 1025 INDEX 1026\n"],
    "sane": [b"\0\0\0\7\0\0\0\0", b"\0\0\0\0\0\0\7\7"],
    "tftp": [b"\0\1file\0octet\0"],
    "pptp": [
        bytes.fromhex("009c00011a2b3c4d00070000") + bytes(156),
        bytes.fromhex("002000011a2b3c4d00080000") + bytes(20),
    ],
    "sip": [
        b"INVITE sip:x@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.10:1000;rport=5;maddr=10.1.0.10\r\nCSeq: 1 INVITE\r\n"
        b"Contact: <sip:a@10.1.0.10:1000>,\r\n <sip:b@10.1.0.10>\r\nContent-Length: 5\r\n\r\nv=0\r\no=x IN IP4 10.1.0.10\r\n"
        b"c=IN IP4 10.1.0.10\r\nm=audio 4000 x\r\nm=video 4002 x\r\nc=IN IP4 10.1.0.10\r\n",
        b"REGISTER sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.10\r\nCSeq: 2 REGISTER\r\n"
        b"Contact: <sip:a@10.1.0.10:1000>;expires=5\r\nContent-Length: 0\r\n\r\n",
        b"SIP/2.0 200 OK\r\nCSeq: 2 REGISTER\r\nContact: <sip:a@172.16.0.9:1000>;expires=5\r\n\r\n",
    ],
    "netbios-ns": [b"x"],
    "snmp": [b"x"],
    "snmp_trap": [bytes.fromhex("302502010104067075626c6963a718020107020100020100300d300b06032b06014004c6126302")],
}


INSERTED = [b"", b"\r\n", b" ", b"9", b",", b"|", b":", b"@", b"\0", b"99999999"]


def broken(random: Random, seed: bytes) -> bytes:
    """A payload with a few bytes changed, cut, or doubled."""
    data = bytearray(seed)
    for _ in range(random.randrange(4)):
        at = random.randrange(len(data) + 1)
        if random.random() < 0.5:
            data[at : at + random.randrange(3)] = random.choice(INSERTED)
        else:
            del data[at : len(data) if random.random() < 0.3 else at + random.randrange(9)]
    return bytes(data) * random.choice((1, 1, 1, 2))


@pytest.mark.parametrize("name", sorted(HELPERS))
def test_broken_payloads_do_no_harm(name: str) -> None:
    random = Random(name)
    for stream in (True, False):
        if (6 if stream else 17) not in CT.HELPERS[name]:
            continue
        host = Host()
        make = (
            tcp
            if stream
            else lambda src, dst, flags, seq, ack, sport, dport, data=b"": udp(src, dst, sport, dport, data)
        )
        forwarded(host, make(A, B, "S", 100, 0, sport=1000, dport=21), helper=name, snat=M)
        forwarded(host, make(B, M, "SA", 500, 101, sport=21, dport=1000))
        forwarded(host, make(A, B, "PA", 101, 501, sport=1000, dport=21, data=b"\n"))
        forwarded(host, make(B, M, "PA", 501, 102, sport=21, dport=1000, data=b"\n"))
        for _ in range(300):
            data = broken(random, random.choice(SEEDS[name]))
            one = forwarded(host, make(A, B, "PA", 102, 502, sport=1000, dport=21, data=data))
            two = forwarded(host, make(B, M, "PA", 502, 102, sport=21, dport=1000, data=data))
            assert all(skb is None or len(skb.data) < 4000 for skb in (one, two))
        assert len(host.table.expectations) <= 20
