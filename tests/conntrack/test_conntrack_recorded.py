"""Conversations that the kernel was recorded with, replayed: packet states, entries, and every byte that left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyiptables.conntrack import ConntrackTable, Manip, NatRange, ctstate, dump, nat_fn, setup_info
from pyiptables.conntrack.nat_manip import replace_sum
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.packet.addresses import from_text
from pyiptables.packet.skb import Skb

HERE = Path(__file__).parent
STATES = {"INVALID": 1, "ESTABLISHED": 2, "RELATED": 4, "NEW": 8, "UNTRACKED": 256}


def number(address: str) -> int:
    return from_text(address)[0]


def to(first: str, last: str = "", port: int = 0) -> NatRange:
    return NatRange(3 if port else 1, number(first), number(last or first), port, port)


RULES = {
    # family: (hook, interface, protocol, destination port, range), the first that fits
    "4": [
        (Hook.PREROUTING, "eth0", 17, 53, to("10.1.0.10", port=5353)),
        (Hook.PREROUTING, "eth0", 6, None, to("10.1.0.10")),
        (Hook.PREROUTING, "eth0", 132, None, to("10.1.0.10", port=99)),
        (Hook.POSTROUTING, "eth0", 17, 7, to("192.0.2.77", port=4000)),
        (Hook.POSTROUTING, "eth0", None, None, to("192.0.2.77", "192.0.2.90")),
    ],
    "6": [
        (Hook.PREROUTING, "eth0", 17, 53, to("2001:db8:1::10", port=5353)),
        (Hook.PREROUTING, "eth0", 6, None, to("2001:db8:1::10")),
        (Hook.POSTROUTING, "eth0", 17, 7, to("2001:db8::77", port=4000)),
        (Hook.POSTROUTING, "eth0", None, None, to("2001:db8::77", "2001:db8::90")),
    ],
}
LOCAL = {number(a) for a in ["192.0.2.1", "192.0.2.77", "10.1.0.1", "2001:db8::1", "2001:db8::77", "2001:db8:1::1"]}


def conversations(name: str) -> Iterator[list[str]]:
    text = (HERE / name).read_text().split("conversation\n")[1:]
    return (block.splitlines() for block in text)


def out_of(skb: Skb) -> str:
    width, inside, outside = (
        (8, 0x0A0100, 0xC00002) if skb.family is Family.IPV4 else (64, 0x20010DB800010000, 0x20010DB800000000)
    )
    return {inside: "eth1", outside: "eth0"}.get(skb.daddr >> width, "")


def age(skb: Skb) -> None:
    """One hop less to live."""
    if skb.family is Family.IPV6:
        skb.data[7] -= 1
        return
    old = bytes(skb.data[8:10])
    skb.data[8] -= 1
    skb.data[10:12] = replace_sum(int.from_bytes(skb.data[10:12], "big"), old, bytes(skb.data[8:10])).to_bytes(2, "big")


def forward(table: ConntrackTable, skb: Skb, family: str) -> bytes | None:
    def rules(seen: Skb, hook: Hook) -> Verdict:
        port = int.from_bytes(seen.data[seen.thoff + 2 : seen.thoff + 4], "big")
        for at, interface, protocol, wanted, range_ in RULES[family]:
            name = seen.iif if hook is Hook.PREROUTING else seen.oif
            if (at, interface) == (hook, name) and protocol in (None, seen.protocol) and wanted in (None, port):
                return setup_info(table, seen.nfct, range_, Manip.at(hook))
        return Verdict.ACCEPT

    if nat_fn(table, skb, Hook.PREROUTING, lambda seen: rules(seen, Hook.PREROUTING)) is not Verdict.ACCEPT:
        return None
    skb.oif = out_of(skb)
    if skb.daddr in LOCAL or not skb.oif:
        return None
    age(skb)
    if nat_fn(table, skb, Hook.POSTROUTING, lambda seen: rules(seen, Hook.POSTROUTING)) is not Verdict.ACCEPT:
        return None
    return bytes(skb.data) if table.confirm(skb) is Verdict.ACCEPT else None


def without_timeout(line: str) -> str:
    return re.sub(r" use=\d+", "", re.sub(r"^(\S+ +\d+) \d+", r"\1", line))


@pytest.mark.parametrize("family", ["4", "6"])
def test_nat(family: str) -> None:
    kind = Family.IPV4 if family == "4" else Family.IPV6
    for count, block in enumerate(conversations(f"recorded_nat{family}.txt")):
        table = ConntrackTable()
        for step, row in enumerate(line for line in block if not line.startswith("entry")):
            interface, packet, state, out = row.split()
            table.now += 1_000_000
            skb = Skb(bytes.fromhex(packet), kind, iif=interface)
            assert table.track(skb, Hook.PREROUTING) is Verdict.ACCEPT
            assert ctstate(skb.nfct, skb.ctinfo) & 0x10F == STATES[state], (count, step)
            left = forward(table, skb, family)
            assert (left.hex() if left else "-") == out, (count, step)
        entries = sorted(line[6:] for line in block if line.startswith("entry"))
        assert sorted(map(without_timeout, dump(table))) == entries, count


def test_tcp() -> None:
    for count, block in enumerate(conversations("recorded_tcp.txt")):
        table = ConntrackTable()
        for step, row in enumerate(block):
            _, packet, state, *entry = row.split()
            table.now += 1_000_000
            skb = Skb(bytes.fromhex(packet), Family.IPV4)
            table.track(skb, Hook.PREROUTING)
            assert ctstate(skb.nfct, skb.ctinfo) == STATES[state], (count, step)
            table.confirm(skb)
            lines = [line.split() for line in dump(table)]
            if entry == ["-"]:
                assert not lines, (count, step)
                continue
            marks = ",".join(word[1:-1] for word in lines[0] if word[0] == "[") or "-"
            assert (lines[0][3], marks) == (entry[0], entry[2]), (count, step)
            assert abs(int(lines[0][2]) - int(entry[1])) <= 2, (count, step)
