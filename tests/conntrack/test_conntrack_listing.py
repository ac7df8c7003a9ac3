"""The connection list, out and in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyiptables.conntrack import ConntrackTable, dump, load
from pyiptables.errors import HostError

LINES = (Path(__file__).parent / "listing.txt").read_text().splitlines()


def test_there_and_back() -> None:
    table = ConntrackTable()
    table.now = 10**18
    assert load(table, "\n".join(LINES)) == len(LINES)
    assert dump(table) == LINES
    table.now += 50 * 10**9
    assert len(dump(table)) == 8  # three had less than 50 seconds


def test_nat_is_read_off_the_tuples() -> None:
    table = ConntrackTable()
    load(table, "\n".join(LINES))
    bits = [entry.status & 48 for entry in table]
    assert bits == [0, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0]


BROKEN = [
    "tcp",
    "tcp six 1 src=10.0.0.1",
    "tcp 6 1 ESTABLISHED",
    "tcp 6 1 NOWHERE src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1",
    "tcp 6 1 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2",
    "tcp 6 1 ESTABLISHED src=10.0.0.1 dst=fd00::1 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1",
    "tcp 6 1 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=1 dport=99999 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1",
    "udp 17 1 src=10.0.0.1 dst=10.0.0.2 src=10.0.0.2 dst=10.0.0.1",
    "udp 17 1 src=x dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1",
    "icmp 1 29 src=10.0.0.1 dst=10.0.0.2 type=3 code=0 id=1 src=10.0.0.2 dst=10.0.0.1 type=3 code=0 id=1",
    "udp 17 1 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 [WHAT] src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1",
    "udp 17 1 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=2 src=10.0.0.2 dst=10.0.0.1 sport=2 dport=1 mark=99999999999999",
]


@pytest.mark.parametrize("row", BROKEN)
def test_broken(row: str) -> None:
    table = ConntrackTable()
    with pytest.raises(HostError) as caught:
        load(table, f"\n{row}\n", "conntrack.txt")
    assert (caught.value.line, caught.value.source) == (2, "conntrack.txt")


def test_twice() -> None:
    with pytest.raises(HostError):
        load(ConntrackTable(), f"{LINES[0]}\n{LINES[0]}")


@pytest.mark.parametrize("value", ["yes", "-1", "", "1e9", "9" * 50])
def test_broken_sysctl(value: str) -> None:
    with pytest.raises(HostError):
        ConntrackTable({"net.netfilter.nf_conntrack_max": value})
