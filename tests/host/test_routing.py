"""Routing, held against what the kernel answered to the same questions (data/router/answers.txt)."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest
from routes_of_kernel import Router

from pyiptables.hooks import Family
from pyiptables.host import Address, Decision, Host, Kind, NextHop, Route, RouteType
from pyiptables.host.derive import in_kernel_order, kernel_routes
from pyiptables.host.reading import prefix
from pyiptables.packet.addresses import from_text, to_text

DATA = Path(__file__).parent / "data" / "router"
FAMILIES = {"-4": Family.IPV4, "-6": Family.IPV6}
PROTOCOLS = {"tcp": 6, "udp": 17}
NAMES = {Kind.FORWARD: "unicast", Kind.UNICAST: "unicast"}


@pytest.fixture(scope="module")
def router() -> Host:
    return Host.from_snapshot(DATA)


def ask(host: Host, question: str) -> str:
    """Put a question of `ip route get` to the model; the answer in the form of routes_of_kernel.py."""
    option, destination, *words = question.split()
    family = FAMILIES[option]
    given = dict(zip(words[::2], words[1::2], strict=True))
    numbers = {key: int(given.get(key, "0"), 0) for key in ("mark", "tos", "sport", "dport")}
    decision = host.route(
        family,
        from_text(destination)[0],
        src=from_text(given["from"])[0] if "from" in given else 0,
        iif=given.get("iif", ""),
        oif=given.get("oif", ""),
        protocol=PROTOCOLS.get(given.get("ipproto", ""), 0),
        any_source=False,
        **numbers,
    )
    return told(decision, "from" not in given)


def told(decision: Decision, with_source: bool) -> str:
    if decision.refused:
        return "EINVAL" if decision.error == errno.EXDEV else errno.errorcode[decision.error]
    line = f"{NAMES.get(decision.kind, decision.kind.value)} dev {decision.oif or 'lo'}"
    if decision.gateway is not None:
        line += f" via {to_text(decision.gateway, decision.gateway_family or decision.family)}"
    return line + (f" src {to_text(decision.source, decision.family)}" if with_source and decision.source else "")


def types_of(host: Host, family: Family, address: int, dev: str) -> str:
    kinds = [kind for kind in RouteType if kind < RouteType.THROW]
    if family is Family.IPV6:
        # The kernel refuses rules with the others.
        kinds = [kind for kind in kinds if kind.name not in {"BROADCAST", "BLACKHOLE", "PROHIBIT"}]
    found = [kind.name for kind in kinds if host.address_has_type(family, address, 1 << kind, dev)]
    return " ".join(found) or "-"


def reply(host: Host, question: str) -> str:
    match question.split():
        case ["type", option, address, *dev]:
            return types_of(host, FAMILIES[option], from_text(address)[0], dev[0] if dev else "")
        case ["masquerade", option, address]:
            family, dst = FAMILIES[option], from_text(address)[0]
            way = host.route(family, dst)
            nexthop = way.next_hop if family is way.gateway_family else dst
            chosen = host.masquerade_source(family, way.oif, nexthop if family is Family.IPV4 else dst)
            return to_text(chosen, family)
    return ask(host, question)


ANSWERS = [line.split("=") for line in (DATA / "answers.txt").read_text().splitlines() if line[:1] in {"-", "t", "m"}]


@pytest.mark.parametrize(("question", "answer"), [(question.strip(), answer.strip()) for question, answer in ANSWERS])
def test_as_the_kernel(router: Host, question: str, answer: str) -> None:
    assert reply(router, question) == answer


def test_derived_routes_are_the_kernels(router: Host) -> None:
    forwarding = [link.name for link in router.interfaces]
    made = kernel_routes(router.interfaces, forwarding)
    assert {shape(route) for route in made} == {shape(route) for route in router.routes if route.kernel}


def test_addresses_stand_in_the_kernels_order(router: Host) -> None:
    added = [line.split() for line in (DATA / "build.txt").read_text().splitlines() if line.startswith("a add ")]
    for link in router.interfaces[1:]:
        own = [words for words in added if words[-1] == link.name]
        given = [plain(*prefix(words[2])) for words in own if "peer" not in words and "scope" not in words]
        if len(given) == len(own):
            assert [key(one) for one in in_kernel_order(given)] == [key(one) for one in link.addresses]


def plain(value: int, length: int, family: Family) -> Address:
    return Address(family, value, length, value)


def key(address: Address) -> tuple[int, int, bool]:
    return address.address, address.length, address.secondary


def shape(route: Route) -> tuple[object, ...]:
    return route.family, route.table, route.type, route.prefix, route.dev, route.prefsrc, route.metric, route.scope


WORDS = [
    # iif ("" sends), source, destination, words, icmp
    ("eth0", "192.0.2.10", "10.1.0.10", "10.1.0.10 via eth1 (10.1.0.0/24)", None),
    ("eth1", "10.1.0.10", "8.8.8.8", "8.8.8.8 via 192.0.2.254 eth0 (default)", None),
    ("eth0", "192.0.2.10", "100.64.0.1", "100.64.0.1 via tun0 (100.64.0.0/10, table 300)", None),
    ("eth0", "192.0.2.10", "192.0.2.1", "192.0.2.1 is this host's (eth0)", None),
    ("eth0", "192.0.2.10", "10.66.0.1", "10.66.0.1 is prohibited (10.66.0.0/16)", (3, 13)),
    ("eth0", "192.0.2.10", "10.68.0.1", "10.68.0.1 is unreachable (10.68.0.0/16)", (3, 1)),
    ("eth0", "192.0.2.10", "10.67.0.1", "10.67.0.1 is in a black hole (10.67.0.0/16)", None),
    ("eth1", "10.1.0.10", "198.51.100.200", "198.51.100.200 is unreachable (rule 51)", (3, 0)),
    ("eth1", "10.1.0.10", "198.18.0.1", "198.18.0.1 is prohibited (rule 32762)", (3, 13)),
    ("host0", "10.43.0.9", "8.8.8.8", "8.8.8.8 via 192.0.2.254 eth0 (default), but forwarding is off on host0", None),
    ("host0", "10.43.0.9", "10.66.0.1", "10.66.0.1 is prohibited (10.66.0.0/16)", None),
    ("rpf1", "10.42.0.9", "10.1.0.1", "reverse path: 10.42.0.9 is reached by rpf2, not by rpf1 (rp_filter 1)", None),
    ("eth1", "10.1.0.1", "10.1.0.9", "martian source 10.1.0.1: an address of this host", None),
    ("eth0", "192.0.2.10", "224.0.0.9", "nobody on eth0 has joined the group 224.0.0.9", None),
    ("", "0.0.0.0", "192.0.2.1", "192.0.2.1 is this host's, by lo", None),
    ("eth0", "2001:db8::9", "2001:db8:66::1", "2001:db8:66::1 is prohibited (2001:db8:66::/48)", (1, 1)),
    ("eth0", "2001:db8::9", "2001:db8:68::1", "2001:db8:68::1 is unreachable (2001:db8:68::/48)", (1, 0)),
    ("eth0", "2001:db8::9", "2001:db8::", "2001:db8:: is the anycast address of its routers (eth0)", None),
    ("eth0", "fe80::9", "ff02::1", "group ff02::1, joined on eth0", None),
    ("eth0", "fe80::9", "ff02::1:ff00:1", "group ff02::1:ff00:1, joined on eth0", None),
    ("eth0", "fe80::9", "ff02::fb", "nobody on eth0 has joined the group ff02::fb", None),
]


@pytest.mark.parametrize("case", WORDS, ids=lambda case: " ".join(case[:3]))
def test_words(router: Host, case: tuple[str, str, str, str, tuple[int, int] | None]) -> None:
    iif, src, dst, words, icmp = case
    address, family = from_text(dst)
    decision = router.route(family, address, src=from_text(src)[0], iif=iif)
    assert (decision.words, decision.icmp) == (words, icmp)


MTUS = [("10.50.3.1", 1400), ("8.8.8.8", 1500), ("127.0.0.1", 65536), ("2001:db8:71::1", 1300)]


@pytest.mark.parametrize(("dst", "mtu"), MTUS)
def test_mtu(router: Host, dst: str, mtu: int) -> None:
    address, family = from_text(dst)
    assert router.route(family, address).mtu == mtu


def test_decisions_are_remembered_within_bounds(router: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    first = router.route(Family.IPV4, 0x08080808, src=0x0A01000A, iif="eth1")
    assert router.route(Family.IPV4, 0x08080808, src=0x0A01000A, iif="eth1") is first
    monkeypatch.setattr("pyiptables.host.host.CACHED_DECISIONS", 10)
    for number in range(100):
        router.route(Family.IPV4, 0x08080808 + number)
    assert len(router._decisions) <= 10


def test_many_routes() -> None:
    lo, eth0 = Host.assumed(["eth0"]).interfaces
    hops = (NextHop("eth0"),)
    routes = tuple(Route(Family.IPV4, number << 8, 24, hops) for number in range(1 << 16, (1 << 16) + 20_000))
    host = Host((lo, eth0), routes)
    assert host.route(Family.IPV4, routes[777].dst + 5).route is routes[777]


@pytest.mark.kernel
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for network namespaces")
def test_questions_live() -> None:
    """The same questions to this machine's kernel, and to a snapshot of it taken now."""
    router = Router()
    try:
        with tempfile.TemporaryDirectory() as folder:
            router.snapshot(Path(folder))
            host = Host.from_snapshot(folder)
        asked = [question.strip() for question, _ in ANSWERS if question.startswith("-")]
        told = {question: router.reply(question) for question in asked}
        assert {question: ask(host, question) for question in asked} == told
    finally:
        router.close()
