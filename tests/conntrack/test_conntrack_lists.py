"""Lists of expectations and of timeout policies, as conntrack and nfct print them, in and out."""

from __future__ import annotations

import pytest

from pyiptables.conntrack import ConntrackTable, dump_expectations, load, load_expectations, read_policies
from pyiptables.conntrack.settings import Settings
from pyiptables.errors import HostError
from pyiptables.hooks import Family

CONNECTIONS = """\
tcp      6 299 ESTABLISHED src=10.0.0.1 dst=192.0.2.9 sport=1000 dport=21 src=192.0.2.9 dst=10.0.0.1 sport=21 dport=1000 [ASSURED] mark=0 helper=ftp use=1
tcp      6 299 ESTABLISHED src=10.0.0.1 dst=192.0.2.9 sport=1000 dport=1723 src=192.0.2.9 dst=10.0.0.1 sport=1723 dport=1000 [ASSURED] mark=0 helper=pptp use=1
udp      17 29 src=10.0.0.1 dst=10.0.0.255 sport=137 dport=137 [UNREPLIED] src=10.0.0.255 dst=10.0.0.1 sport=137 dport=137 mark=0 zone=5 helper=netbios-ns use=1
"""
FTP = "master-src=10.0.0.1 master-dst=192.0.2.9 sport=1000 dport=21 class=0 helper=ftp"
HOST_MASKS = "mask-src=255.255.255.255 mask-dst=255.255.255.255"
EXPECTED = [
    f"299 proto=6 src=10.0.0.1 dst=192.0.2.9 sport=0 dport=5000 {HOST_MASKS} sport=0 dport=65535 {FTP}",
    f"10 proto=6 src=0.0.0.0 dst=192.0.2.9 sport=0 dport=5001 mask-src=0.0.0.0 mask-dst=255.255.255.255 sport=0 dport=65535"
    f" {FTP.replace('class=0', 'PERMANENT,INACTIVE class=0')}",
    f"99 proto=47 src=10.0.0.1 dst=192.0.2.9 srckey=0x55 dstkey=0x77 {HOST_MASKS} srckey=0xffff dstkey=0xffff"
    " master-src=10.0.0.1 master-dst=192.0.2.9 sport=1000 dport=1723 class=0 helper=pptp",
    "2 proto=17 src=10.0.0.255 dst=10.0.0.1 sport=137 dport=137 mask-src=255.255.255.0 mask-dst=255.255.255.255 sport=65535"
    " dport=65535 master-src=10.0.0.1 master-dst=10.0.0.255 sport=137 dport=137 PERMANENT class=0 helper=netbios-ns",
]


def table() -> ConntrackTable:
    made = ConntrackTable()
    made.now = 1_000_000_000_000
    load(made, CONNECTIONS)
    return made


def test_expectations_there_and_back() -> None:
    made = table()
    text = "\n".join([*EXPECTED, "conntrack v1.4.7 (conntrack-tools): 4 expectations have been shown."])
    assert load_expectations(made, text) == len(EXPECTED)
    assert sorted(dump_expectations(made)) == sorted(EXPECTED)


@pytest.mark.parametrize(
    "row",
    [
        "x",
        "299 proto=6",
        EXPECTED[0].replace("proto=6", "proto=x"),
        EXPECTED[0].replace("proto=6", "proto=256"),
        EXPECTED[0].replace("sport=1000", "sport=1001"),
        EXPECTED[0].replace("dst=192.0.2.9 sport=0", "dst=::1 sport=0"),
        EXPECTED[0].replace(" class", " ALWAYS class"),
        EXPECTED[0].replace("helper=ftp", "helper=sip"),
        EXPECTED[0].replace("dport=5000", "dport=65536"),
        "dport=3 " + EXPECTED[0],
        "299 " + "src=10.0.0.1 " * 50,
    ],
)
def test_no_expectation(row: str) -> None:
    with pytest.raises(HostError) as raised:
        load_expectations(table(), row)
    assert raised.value.line == 1


def test_more_expectations_than_there_may_be() -> None:
    made = ConntrackTable({"net.netfilter.nf_conntrack_expect_max": "1"})
    load(made, CONNECTIONS)
    with pytest.raises(HostError):
        load_expectations(made, "\n".join(EXPECTED))


POLICIES = """\
.short = {
	.l3proto = 2,
	.l4proto = 6,
	.policy = {
		.SYN_SENT = 7,
		.RETRANS = 11,
	},
};
.other = {
	.l3proto = 10,
	.l4proto = 255,
	.policy = {
		.TIMEOUT = 5,
	},
};
"""


def test_policies() -> None:
    base = Settings.read({})
    short, other = read_policies(POLICIES).values()
    assert short.settings(base).tcp == (120, 7, *base.tcp[2:10], 11, 300)
    assert other.settings(base).generic == 5
    fits = [short.fits(Family.IPV4, 6), short.fits(Family.IPV4, 17), short.fits(Family.IPV6, 6)]
    assert fits == [True, False, False]
    assert [other.fits(Family.IPV6, 50), other.fits(Family.IPV6, 6)] == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        "no list",
        ".a = {",
        "}",
        ".a = 5,",
        ".a = { .l3proto = 2, .l4proto = 6, };",
        ".a = { .l3proto = 3, .l4proto = 6, .policy = { }, };",
        ".a = { .l3proto = 2, .l4proto = 6, .policy = { .CLOSE = 9999999999, }, };",
        ".a = { .l3proto = 2, .l4proto = 6, .policy = { .CLOSE = 99999999999999, }, };",
        ".a = { .b = { .c = { .d = { .e = {",
    ],
)
def test_no_policies(text: str) -> None:
    with pytest.raises(HostError):
        read_policies(text, "file")
