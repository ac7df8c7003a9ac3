"""Reading snapshots and host files: what they say, what is assumed, and what is wrong with broken ones."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from pyiptables.errors import HostError
from pyiptables.hooks import Family
from pyiptables.host import Host, Kind
from pyiptables.packet.addresses import from_text, to_text

DATA = Path(__file__).parent / "data"
FILES = (
    "ip-addr.json",
    "ip-route.json",
    "ip6-route.json",
    "ip-rule.json",
    "ip6-rule.json",
    "ip-neigh.json",
    "sysctl.txt",
)


def way(host: Host, src: str, iif: str, dst: str) -> str:
    address, family = from_text(dst)
    decision = host.route(family, address, src=from_text(src)[0], iif=iif)
    return f"{decision.kind.value} {decision.oif} {to_text(decision.next_hop, family)}"


GATEWAYS = [
    ("gateway4", "192.0.2.10", "eth0", "10.1.0.10", "forward eth1 10.1.0.10"),
    ("gateway4", "10.1.0.10", "eth1", "8.8.8.8", "forward eth0 192.0.2.254"),
    ("gateway4", "10.1.0.10", "eth1", "10.9.1.1", "forward eth1 10.1.0.14"),
    ("gateway4", "10.1.0.10", "eth1", "10.2.255.255", "broadcast  10.2.255.255"),
    ("gateway6", "2001:db8::10", "eth0", "2001:db8:2:1::10", "forward eth2 2001:db8:2:1::10"),
    ("gateway6", "2001:db8:1::10", "eth1", "2001:4860::8", "forward eth0 2001:db8::fe"),
    ("gateway6", "2001:db8:1::10", "eth1", "fd00:5::1", "local  fd00:5::1"),
]


@pytest.mark.parametrize(("folder", "src", "iif", "dst", "expected"), GATEWAYS)
def test_snapshot(folder: str, src: str, iif: str, dst: str, expected: str) -> None:
    host = Host.from_snapshot(DATA / folder)
    assert (way(host, src, iif, dst), host.assumptions) == (expected, ())


def test_questions_to_a_snapshot() -> None:
    host = Host.from_snapshot(DATA / "gateway4")
    gateway = from_text("192.0.2.254")[0]
    assert host.neighbour("eth0", gateway) == bytes.fromhex("02aa000000fe")
    assert host.neighbour("eth1", gateway) is None
    assert host.interface("eth1").mac.hex(":") == "02:00:00:00:01:01"
    assert host.interface("nothing") is None
    assert host.sysctl("net.ipv4.ip_forward") == host.sysctl("net/ipv4/ip_forward") == 1
    assert host.sysctl("net.ipv4.nothing", 7) == 7
    addresses = ("192.0.2.1", "127.8.8.8", "192.0.2.255", "192.0.2.10")
    assert [host.is_local(Family.IPV4, from_text(text)[0]) for text in addresses] == [True, True, False, False]


WITHOUT = [
    # file left out, part of the assumption, and a way that still works
    ("ip-route.json", "no gateway is known", "forward eth1 10.1.0.10"),
    ("ip-rule.json", "policy rules", "forward eth1 10.1.0.10"),
    ("ip-neigh.json", "no MAC", "forward eth1 10.1.0.10"),
    ("sysctl.txt", "forwarding is taken as on", "forward eth1 10.1.0.10"),
    ("ip-addr.json", "only known from routes", "forward eth1 10.1.0.10"),
]


@pytest.mark.parametrize(("name", "assumption", "expected"), WITHOUT)
def test_without_a_file(tmp_path: Path, name: str, assumption: str, expected: str) -> None:
    shutil.copytree(DATA / "gateway4", tmp_path / "s")
    (tmp_path / "s" / name).unlink()
    if name == "ip-route.json":
        (tmp_path / "s" / "ip6-route.json").unlink()
    host = Host.from_snapshot(tmp_path / "s")
    assert any(assumption in text for text in host.assumptions), host.assumptions
    assert way(host, "192.0.2.10", "eth0", "10.1.0.10") == expected


def test_empty_folder(tmp_path: Path) -> None:
    host = Host.from_snapshot(tmp_path)
    assert [link.name for link in host.interfaces] == ["lo"]
    assert host.route(Family.IPV4, 0x08080808).kind is Kind.NO_ROUTE


def test_rules_that_cannot_be_judged_are_said(tmp_path: Path) -> None:
    shutil.copytree(DATA / "gateway4", tmp_path / "s")
    path = tmp_path / "s" / "ip-rule.json"
    rules = json.loads(path.read_text())
    odd = {"priority": 5, "src": "all", "action": "prohibit", "uid_start": 0, "uid_end": 9}
    path.write_text(json.dumps([*rules, odd]))
    host = Host.from_snapshot(tmp_path / "s")
    assert host.assumptions == ("policy rule 5 asks for uid_start: it is taken never to match",)
    assert way(host, "192.0.2.10", "eth0", "10.1.0.10") == "forward eth1 10.1.0.10"


BROKEN = [
    # file, content, part of the message, line
    ("ip-addr.json", "[{", "this is not JSON", 1),
    ("ip-addr.json", '[\n{"ifname": "eth0",}\n]', "this is not JSON", 2),
    ("ip-addr.json", "{}", "expected a list", None),
    ("ip-addr.json", "[1]", "interface 1: expected an object, not 1", None),
    ("ip-addr.json", '[{"ifname": 5}]', "ifname must be a text", None),
    ("ip-addr.json", '[{"ifname": "a", "flags": {}}]', "flags must be a list", None),
    ("ip-addr.json", '[{"ifname": "a", "mtu": "x"}]', "mtu must be a number", None),
    ("ip-addr.json", '[{"ifname": "a", "mtu": 1e999}]', "mtu must be a number", None),
    ("ip-addr.json", '[{"ifname": "a", "addr_info": [{"family": "inet", "local": "1.2.3"}]}]', "must be an IP", None),
    ("ip-addr.json", '[{"ifname": "a", "addr_info": [{"family": "inet", "local": "::1"}]}]', "IPv4 address", None),
    (
        "ip-addr.json",
        '[{"ifname": "a", "addr_info": [{"family": "inet", "local": "1.2.3.4", "prefixlen": 33}]}]',
        "prefixlen must be a number from 0 to 32, not 33",
        None,
    ),
    ("ip-addr.json", "[" * 100_000, "nested too deeply", None),
    ("ip-addr.json", "[" + "9" * 5000 + "]", "interface 1: expected an object", None),
    ("ip-route.json", '[{"dst": "10.0.0.0/40"}]', "dst must be an IP prefix", None),
    ("ip-route.json", '[{"dst": "10.0.0.0/8", "type": "odd"}]', "type 'odd' is not known", None),
    ("ip-route.json", '[{"dst": "10.0.0.0/8", "nexthops": [3]}]', "nexthops 1: expected an object", None),
    ("ip-route.json", '[{"dst": "default", "gateway": []}]', "gateway must be a text", None),
    ("ip-rule.json", '[{"priority": -1}]', "priority must be a number", None),
    ("ip-rule.json", '[{"priority": 1, "src": "10.0.0.0", "srclen": 99}]', "srclen must be", None),
    ("ip-rule.json", '[{"priority": 1, "action": "dance"}]', "action 'dance' is not known", None),
    ("ip-rule.json", '[{"priority": 1, "goto": {}}]', "goto must be a number", None),
    ("ip-neigh.json", '[{"dst": "x", "lladdr": "y"}]', "dst must be an IP address", None),
]


@pytest.mark.parametrize(("name", "content", "message", "line"), BROKEN)
def test_broken_snapshot(tmp_path: Path, name: str, content: str, message: str, line: int | None) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(HostError) as caught:
        Host.from_snapshot(tmp_path)
    if "9" * 100 not in content:
        assert message in caught.value.text
    assert (caught.value.line, caught.value.source) == (line, str(tmp_path / name))


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "ip-addr.json").mkdir()
    with pytest.raises(HostError, match="not a plain file"):
        Host.from_snapshot(tmp_path)
    with pytest.raises(HostError, match="no such snapshot folder"):
        Host.from_snapshot(tmp_path / "nothing")
    with pytest.raises(HostError, match="No such file"):
        Host.from_toml(tmp_path / "nothing.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    with pytest.raises(HostError, match="not a plain file"):
        Host.from_toml(tmp_path / "pipe.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9\n")
    with pytest.raises(HostError, match="not UTF-8"):
        Host.from_toml(tmp_path / "latin.toml")


def test_any_value_anywhere_is_answered(tmp_path: Path) -> None:
    """Each value of a good snapshot, replaced by each odd one: a Host or a HostError, nothing else."""
    odd: list[object] = [
        None,
        True,
        -1,
        1 << 70,
        1.5,
        "",
        "x" * 100,
        "9" * 30,
        [],
        {},
        [[]],
        [{}],
        "\x00",
        "0x",
        "::/200",
    ]
    for name in FILES[:-1]:
        entries = json.loads((DATA / "router" / name).read_text())
        for key in sorted({key for entry in entries for key in entry}):
            entry = next(entry for entry in entries if key in entry)
            for value in odd:
                (tmp_path / name).write_text(json.dumps([{**entry, key: value}]))
                try:
                    host = Host.from_snapshot(tmp_path)
                except HostError:
                    continue
                for family in Family:
                    host.route(family, 0x0A010009)
        (tmp_path / name).unlink()


HOST = """
forwarding = true
routes = ["default via 192.0.2.254", "10.9.0.0/16 via 10.1.0.14 dev eth1 metric 5 mtu 1400",
          "prohibit 10.66.0.0/16", "default via 10.1.0.77 table 100", "default via 2001:db8::fe",
          { dst = "10.77.0.0/16", gateway = "10.1.0.7" },
          "10.70.0.0/16 nexthop via 10.1.0.20 weight 2 nexthop via 192.0.2.20 dev eth0"]
rules = ["from 10.1.0.0/25 lookup 100", { fwmark = 3, action = "blackhole" }, "-6 fwmark 0x10/0xf0 prohibit"]

[interfaces.eth0]
addresses = ["192.0.2.1/24", "192.0.2.2/24", "2001:db8::1/64"]
mac = "02:00:00:00:00:01"
multicast = ["224.0.0.251"]

[interfaces.eth1]
addresses = ["10.1.0.1/24"]
mtu = 9000

[neighbours.eth0]
"192.0.2.254" = "02:aa:00:00:00:fe"

[sysctls]
"net.ipv4.conf.eth1.rp_filter" = 1
"""
TOML_WAYS = [
    ("192.0.2.10", "eth0", "10.1.0.10", "forward eth1 10.1.0.10"),
    ("10.1.0.200", "eth1", "8.8.8.8", "forward eth0 192.0.2.254"),
    ("10.1.0.20", "eth1", "8.8.8.8", "forward eth1 10.1.0.77"),
    ("10.1.0.200", "eth1", "192.0.2.2", "local  192.0.2.2"),
    ("10.1.0.200", "eth1", "10.66.0.1", "prohibit  0.0.0.0"),
    ("192.0.2.10", "eth0", "10.9.0.1", "forward eth1 10.1.0.14"),
    ("192.0.2.10", "eth0", "10.77.0.1", "forward eth1 10.1.0.7"),
    ("192.0.2.10", "eth0", "10.70.0.1", "forward eth1 10.1.0.20"),
    ("192.0.2.10", "eth0", "224.0.0.251", "multicast  224.0.0.251"),
    ("8.8.8.8", "eth1", "192.0.2.1", "martian  0.0.0.0"),
    ("2001:db8::9", "eth0", "2001:4860::8", "forward eth0 2001:db8::fe"),
    ("2001:db8::9", "eth0", "2001:db8::", "anycast  2001:db8::"),
]


@pytest.fixture(scope="module")
def toml_host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    path = tmp_path_factory.mktemp("toml") / "host.toml"
    path.write_text(HOST)
    return Host.from_toml(path)


@pytest.mark.parametrize(("src", "iif", "dst", "expected"), TOML_WAYS)
def test_host_file(toml_host: Host, src: str, iif: str, dst: str, expected: str) -> None:
    assert way(toml_host, src, iif, dst) == expected


def test_host_file_values(toml_host: Host) -> None:
    assert [(rule.priority, rule.family.version) for rule in toml_host.rules[5:]] == [
        (32765, 4),
        (32764, 4),
        (32765, 6),
    ]
    assert toml_host.interface("eth1").mtu == 9000
    assert toml_host.route(Family.IPV4, from_text("10.9.0.1")[0]).mtu == 1400
    assert toml_host.route(Family.IPV4, 0x08080808, mark=3).kind is Kind.BLACKHOLE
    assert toml_host.neighbour("eth0", from_text("192.0.2.254")[0]) == bytes.fromhex("02aa000000fe")
    assert toml_host.assumptions == ()


BROKEN_TOML = [
    # text, part of the message, part of the hint
    ("x = [", "not TOML", None),
    ("interfces = {}", "unknown key 'interfces'", "did you mean 'interfaces'?"),
    ("[interfaces.eth0]\nadresses = []", "unknown key 'adresses'", "did you mean 'addresses'?"),
    ("[interfaces.eth0]\naddresses = ['10.0.0.1/33']", "'10.0.0.1/33' is not an address", "192.0.2.1/24"),
    ("[interfaces.eth0]\naddresses = [3]", "addresses must be a list of texts", None),
    ("[interfaces.eth0]\nmac = '02:00'", "mac must look like", None),
    ("[interfaces.'a name that is far too long']", "1 to 15 letters", None),
    ("interfaces = 3", "interfaces: expected an object", None),
    ("forwarding = 3", "forwarding must be true or false", None),
    ("routes = ['default via 192.0.2.254']", "no interface has a network with the gateway 192.0.2.254", None),
    ("routes = ['default dev eth9']\n[interfaces.eth0]", "there is no interface 'eth9'", "did you mean 'eth0'?"),
    ("routes = ['default']", "expected dev with an interface", None),
    ("routes = ['default via']", "expected a value of via at the end", None),
    ("routes = ['default dve eth0']", "'dve' is not known here, did you mean 'dev'?", None),
    ("routes = ['']", "expected a destination", None),
    ("routes = [3]", "route 1: expected an object, not 3", None),
    ("routes = [{}]", "dst is missing", None),
    ("rules = ['from 10.0.0.0/8 lokup 3']", "did you mean 'lookup'?", None),
    ("rules = ['from banana']", "'banana' is not an IP address", None),
    ("rules = ['dport 99999']", "dport_start must be a number from 0 to 65535", None),
    ("rules = ['fwmark x']", "fwmark must be a number", None),
    ("[neighbours.eth0]\n'1.2.3.4' = 'x'", "there is no interface 'eth0'", None),
    ("[neighbours.lo]\n'1.2.3.4' = 'x'", "the MAC of 1.2.3.4 must look like", None),
    ("[sysctls]\nx = []", "sysctl 'x' must be", None),
    ("x = " + "[" * 50_000, "", None),
]


@pytest.mark.parametrize(("text", "message", "hint"), BROKEN_TOML, ids=lambda value: str(value)[:40])
def test_broken_host_file(tmp_path: Path, text: str, message: str, hint: str | None) -> None:
    path = tmp_path / "host.toml"
    path.write_text(text)
    with pytest.raises(HostError) as caught:
        Host.from_toml(path)
    assert message in caught.value.text
    assert hint is None or hint in (caught.value.hint or "")
    assert caught.value.source == str(path)


def test_toml_error_has_its_place(tmp_path: Path) -> None:
    path = tmp_path / "host.toml"
    path.write_text("forwarding = true\nroutes = = 3\n")
    with pytest.raises(HostError) as caught:
        Host.from_toml(path)
    assert (caught.value.line, caught.value.column, caught.value.snippet) == (2, 10, "routes = = 3")


def test_forwarding_off_is_said(tmp_path: Path) -> None:
    path = tmp_path / "host.toml"
    path.write_text("[interfaces.a]\naddresses = ['10.0.0.1/24']\n[interfaces.b]\naddresses = ['10.0.1.1/24']\n")
    host = Host.from_toml(path)
    assert "forwarding is not given" in host.assumptions[0]
    assert way(host, "10.0.0.9", "a", "10.0.1.9") == "unreachable  0.0.0.0"


ASSUMED = [
    (["eth0"], {"eth0": ["192.0.2.1/24"]}, "8.8.8.8", "eth0", "192.0.2.1", "local  192.0.2.1"),
    (["eth0"], {"eth0": ["192.0.2.1"]}, "8.8.8.8", "eth0", "192.0.2.255", "broadcast  192.0.2.255"),
    (["eth0", "eth1"], {"eth1": ["10.1.0.1/24"]}, "8.8.8.8", "eth0", "10.1.0.9", "forward eth1 10.1.0.9"),
    (["eth0", "eth1"], {"eth1": ["10.1.0.1/24"]}, "10.1.0.9", "eth1", "8.8.8.8", "forward eth0 8.8.8.8"),
    (["eth0"], {}, "8.8.8.8", "eth0", "192.0.2.1", "unreachable  0.0.0.0"),
    (["eth0"], {"eth0": ["2001:db8::1"]}, "2001:db8::9", "eth0", "2001:db8::1", "local  2001:db8::1"),
]


@pytest.mark.parametrize("case", ASSUMED)
def test_assumed(case: tuple[list[str], dict[str, list[str]], str, str, str, str]) -> None:
    names, addresses, src, iif, dst, expected = case
    host = Host.assumed(names, addresses)
    assert way(host, src, iif, dst) == expected
    assert host.assumptions


def test_assumed_with_a_broken_address() -> None:
    with pytest.raises(HostError, match="is not an address"):
        Host.assumed(["eth0"], {"eth0": ["banana"]})
