"""The connection list, out and in."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyiptables.cli.trace import main
from pyiptables.conntrack import ConntrackTable, dump, load
from pyiptables.errors import HostError
from pyiptables.hooks import Family

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


@pytest.mark.parametrize(
    ("row", "verdict"), [("", "DROP"), (LINES[0].replace("icmp     1", "udp 17"), "error"), (None, "ACCEPT")]
)
def test_a_snapshot_may_hold_a_list(
    row: str | None, verdict: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With the list, a packet in the middle of a connection is one of it."""
    (tmp_path / "rules.v4").write_text(
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT\nCOMMIT\n"
    )
    (tmp_path / "ip-addr.json").write_text(
        '[{"ifindex": 2, "ifname": "eth0", "flags": ["UP"], "mtu": 1500, "operstate": "UP", "link_type": "ether",'
        ' "address": "02:00:00:00:00:01", "addr_info": [{"family": "inet", "local": "10.0.0.2", "prefixlen": 24}]}]'
    )
    known = (
        "udp 17 20 src=10.0.0.1 dst=10.0.0.2 sport=7 dport=9 src=10.0.0.2 dst=10.0.0.1 sport=9 dport=7 mark=0 use=1\n"
    )
    if row != "":
        (tmp_path / "conntrack.txt").write_text(known if row is None else row)
    words = ["-i", "eth0", "-p", "udp", "-s", "10.0.0.1", "--sport", "7", "-d", "10.0.0.2", "--dport", "9"]
    status = main(["--snapshot", str(tmp_path), *words], Family.IPV4)
    shown = capfd.readouterr()
    assert (status == 1 and "conntrack.txt" in shown.err) if verdict == "error" else f"   {verdict}" in shown.out


BESIDE = {
    "conntrack-expect.txt": "99 proto=17 src=10.0.0.1 dst=10.0.0.2 sport=0 dport=9 mask-src=255.255.255.255"
    " mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.0.0.1 master-dst=10.0.0.2 sport=7 dport=69 class=0"
    " helper=tftp\n",
    "nfct-timeout.txt": ".short = { .l3proto = 2, .l4proto = 17, .policy = { .UNREPLIED = 5, .REPLIED = 6, }, };\n",
}


@pytest.mark.parametrize("broken", [None, *BESIDE])
def test_a_snapshot_may_hold_expectations_and_timeout_policies(  # iptables-save cuts names of policies
    broken: str | None, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rules.v4").write_text(
        "*raw\n-A PREROUTING -p udp -j CT --timeout shor\nCOMMIT\n"
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED -j ACCEPT\nCOMMIT\n"
    )
    (tmp_path / "ip-addr.json").write_text(
        '[{"ifindex": 2, "ifname": "eth0", "flags": ["UP"], "mtu": 1500, "operstate": "UP", "link_type": "ether",'
        ' "address": "02:00:00:00:00:01", "addr_info": [{"family": "inet", "local": "10.0.0.2", "prefixlen": 24}]}]'
    )
    (tmp_path / "conntrack.txt").write_text(
        "udp 17 20 src=10.0.0.1 dst=10.0.0.2 sport=7 dport=69 [UNREPLIED] src=10.0.0.2 dst=10.0.0.1 sport=69 dport=7"
        " mark=0 helper=tftp\n"
    )
    for name, text in BESIDE.items():
        (tmp_path / name).write_text("no such list\n" if name == broken else text)
    words = ["-i", "eth0", "-p", "udp", "-s", "10.0.0.1", "--sport", "7", "-d", "10.0.0.2", "--dport", "9"]
    after = tmp_path / "after.txt"
    status = main(["--snapshot", str(tmp_path), "--save-conntrack", str(after), *words], Family.IPV4)
    shown = capfd.readouterr()
    if broken:
        assert status == 1 and broken in shown.err
    else:
        assert "   ACCEPT" in shown.out
        assert "udp      17 5 src=10.0.0.1 dst=10.0.0.2 sport=7 dport=9 " in after.read_text()
