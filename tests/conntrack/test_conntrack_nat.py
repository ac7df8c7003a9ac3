"""NAT: what is chosen, what a packet becomes, and what happens when two want the same."""

from __future__ import annotations

from random import Random

import pytest
from conversation import A, B, Host, M, icmp, tcp, udp

from pyiptables.conntrack import (
    ConntrackTable,
    Entry,
    Manip,
    NatRange,
    Tuple,
    alloc_null_binding,
    dump,
    inverse,
    must_reroute,
    nat_fn,
    setup_info,
    unique_tuple,
)
from pyiptables.conntrack.nat_range import choose_address
from pyiptables.conntrack.validity import transport_valid
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.packet.addresses import from_text, to_text
from pyiptables.packet.checksum import checksum
from pyiptables.packet.skb import Skb


def number(address: str) -> int:
    return from_text(address)[0]


def through(host: Host, packet: bytes, **ranges: NatRange) -> tuple[Verdict, Skb]:
    """A packet forwarded: PREROUTING with a DST range, POSTROUTING with a SRC range, where given."""
    skb = Skb(packet, Family.IPV4)
    verdict = host.table.track(skb, Hook.PREROUTING)
    for hook, manip in ((Hook.PREROUTING, Manip.DST), (Hook.POSTROUTING, Manip.SRC)):

        def rules(seen: Skb, manip: Manip = manip) -> Verdict:
            wanted = ranges.get(manip.name)
            return setup_info(host.table, seen.nfct, wanted, manip) if wanted else Verdict.ACCEPT

        if verdict is Verdict.ACCEPT:
            verdict = nat_fn(host.table, skb, hook, rules)
    return (host.table.confirm(skb) if verdict is Verdict.ACCEPT else verdict), skb


def ports(skb: Skb) -> str:
    at = skb.thoff
    sport, dport = (int.from_bytes(skb.data[place : place + 2], "big") for place in (at, at + 2))
    return f"{to_text(skb.saddr, skb.family)}:{sport} {to_text(skb.daddr, skb.family)}:{dport}"


def to(address: str, low: int = 0, high: int | None = None, flags: int = 0) -> NatRange:
    return NatRange(flags | 1 | (2 if low else 0), number(address), number(address), low, high or low)


@pytest.mark.parametrize("make", [tcp, udp])
def test_both_sides_and_back(make: object) -> None:
    host = Host()
    out = udp(A, "192.0.2.1", 1000, 80) if make is udp else tcp(A, "192.0.2.1", "S")
    _, skb = through(host, out, DST=to(B, 8080), SRC=to(M))
    assert ports(skb) == f"{M}:1000 {B}:8080"
    assert transport_valid(skb, skb.protocol) and checksum(skb.data[:20]) == 0
    back = udp(B, M, 8080, 1000) if make is udp else tcp(B, M, "SA", 0, 1, sport=8080, dport=1000)
    _, skb = through(host, back)
    assert ports(skb) == f"192.0.2.1:80 {A}:1000"
    assert transport_valid(skb, skb.protocol) and checksum(skb.data[:20]) == 0


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        (1000, 1000, 600, 1023),
        (400, 400, 1, 511),
        (40000, 40000, 1024, 65535),
    ],
)
def test_a_taken_port_moves_among_its_kind(first: int, second: int, low: int, high: int) -> None:
    host = Host()
    _, one = through(host, udp(A, B, first), SRC=to(M))
    _, two = through(host, udp("10.1.0.11", B, second), SRC=to(M))
    assert ports(one).startswith(f"{M}:{first} ")
    moved = int(ports(two).split()[0].split(":")[1])
    assert low <= moved <= high and moved != first


def test_a_single_port_is_given_even_if_taken_and_the_packet_dropped() -> None:
    host = Host()
    assert through(host, tcp(A, B, "S"), SRC=to(M, 22))[0] is Verdict.ACCEPT
    assert through(host, tcp("10.1.0.11", B, "S", sport=22), SRC=to(M, 22, 22))[0] is Verdict.DROP
    assert len(dump(host.table)) == 1


def test_a_port_range_is_searched() -> None:
    host = Host()
    seen = {ports(through(host, udp(f"10.1.0.{n}", B), SRC=to(M, 50, 53))[1]) for n in range(4)}
    assert seen == {f"{M}:{port} {B}:53" for port in (50, 51, 52, 53)}
    assert through(host, tcp(A, B, "S"), SRC=to(M, 50, 53))[0] is Verdict.ACCEPT


def test_the_seed_repeats_a_choice() -> None:
    chosen = set()
    for _ in range(2):
        table = ConntrackTable({}, Random(5))
        tup = Tuple(Family.IPV4, number(A), number(B), 6, 1000, 80)
        entry = Entry(tup, inverse(tup))
        chosen.add(unique_tuple(table, tup, to(M, 100, 60000, flags=4), entry, Manip.SRC).sport)
    assert len(chosen) == 1


def test_one_source_keeps_its_mapping() -> None:
    host = Host()
    wide = NatRange(3, number(M), number(M), 2000, 60000)
    _, one = through(host, udp(A, B), SRC=wide)
    _, two = through(host, udp(A, "192.0.2.11"), SRC=wide)
    assert ports(one).split()[0] == ports(two).split()[0]


def test_null_binding_keeps_the_address() -> None:
    host = Host()
    skb, _ = host.send(udp(A, B), confirm=False)
    assert alloc_null_binding(host.table, skb.nfct, Hook.POSTROUTING) is Verdict.ACCEPT
    assert skb.nfct.reply == inverse(skb.nfct.original) and skb.nfct.status == 128
    assert setup_info(host.table, skb.nfct, to(M), Manip.SRC) is Verdict.DROP


def test_udp_zero_checksum_stays_and_never_becomes_zero() -> None:
    host = Host()
    _, skb = through(host, udp(A, B, summed=False), SRC=to(M))
    assert skb.data[26:28] == b"\0\0"
    # One more in the port is one less in the checksum: so from port 1 one finds the port whose checksum would be 0.
    check = int.from_bytes(through(Host(), udp(A, B, 1), SRC=to(M))[1].data[26:28], "big")
    assert through(Host(), udp(A, B, 1 + check), SRC=to(M))[1].data[26:28] == b"\xff\xff"


def test_icmp_error_carries_the_inner_packet_back() -> None:
    host = Host()
    _, out = through(host, udp(A, B), SRC=to(M, 4000))
    _, skb = through(host, icmp("192.0.2.99", M, 3, 1, b"\0\0\0\0", bytes(out.data)))
    assert (to_text(skb.daddr, skb.family), skb.ctinfo) == (A, 4)
    assert transport_valid(skb, 1)
    inner = Skb(skb.data[28:], Family.IPV4)
    assert ports(inner) == f"{A}:1000 {B}:53"
    assert transport_valid(inner, 17) and checksum(inner.data[:20]) == 0


def test_a_redirect_for_a_mapped_connection_is_dropped() -> None:
    host = Host()
    _, out = through(host, udp(A, B), SRC=to(M))
    assert through(host, icmp(B, M, 5, 1, b"\0\0\0\0", bytes(out.data)))[0] is Verdict.DROP


def test_masquerade_ends_when_the_way_out_changes() -> None:
    host = Host()
    _, skb = through(host, udp(A, B), SRC=to(M))
    skb.nfct.masq_ifindex = "ppp0"
    again = Skb(udp(A, B), Family.IPV4)
    again.oif = "eth1"
    host.table.track(again, Hook.PREROUTING)
    assert nat_fn(host.table, again, Hook.POSTROUTING, None) is Verdict.DROP
    assert not dump(host.table)


def test_reroute_after_output() -> None:
    host = Host()
    skb, _ = host.send(udp(A, B), confirm=False)
    assert not must_reroute(skb)
    setup_info(host.table, skb.nfct, to(M), Manip.DST)
    assert must_reroute(skb)


@pytest.mark.parametrize("persistent", [0, 8])
def test_an_address_range_spreads_and_stays_inside(persistent: int) -> None:
    low, high = number("10.9.0.250"), number("10.9.1.5")
    range_ = NatRange(1 | persistent, low, high)
    entry_zone = Entry(Tuple(Family.IPV4, 1, 2, 6, 3, 4), Tuple(Family.IPV4, 2, 1, 6, 4, 3)).zone
    seen = set()
    for last in range(200):
        tup = Tuple(Family.IPV4, number(A), number(B) + last, 6, 1000, 80)
        seen.add(choose_address(tup, range_, Manip.SRC, entry_zone).src)
    assert all(low <= address <= high for address in seen)
    assert (len(seen) == 1) == bool(persistent)
