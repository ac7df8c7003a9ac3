#!/usr/bin/env python3
"""record_paths.py OUT [NAME ...]: record what the kernel does with single packets at turns of their way that few take.

Each case is a host, some rules and a row of packets; those in ``tests/netfilter/recordings`` whose names begin with
``path-`` were made with it. Needs what ``record_seeds.py`` needs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).parent))

from oracle.areas import Area, Scenario
from oracle.packets import (
    ACK,
    AH,
    DEST_OPTIONS,
    DONT,
    FRAGMENT,
    HOPOPT,
    SYN,
    Header,
    ah_body,
    cut,
    icmp,
    options_header,
    tcp,
    udp,
)
from oracle.player import Player
from oracle.recording import record_twice
from oracle.ruleset import BUILT_IN
from oracle.universe import Universe, universe

Sent = tuple[str | None, bytes]
"""Where a packet comes in (None: the host sends it), and its bytes."""
RECORD = b"\x07\x07\x04\0\0\0\0"
OPTIONS = (
    b"",
    b"\x94\x04\0\0",
    RECORD,
    b"\x07\x07\x08\x01\x02\x03\x04",
    b"\x44\x08\x09\0\0\0\0\0",
    b"\x01\x01\x01\x01",
)
"""None, router alert, record route with room and without, a full timestamp, no-operations."""
PORTS = (33001, 8080)


class World:
    """A universe's addresses by name, and packets between them."""

    def __init__(self, family: int) -> None:
        self.host = universe(Random("paths"), family)
        self.n, self.four = self.host.number, family == 4
        self.wan, self.lan, self.dmz = self.host.names
        self.here = f"2001:db8:{self.n:x}"
        self.me = self.host.links[self.lan].addresses[0].partition("/")[0]
        self.other = self.host.links[self.dmz].addresses[0].partition("/")[0]
        self.near, self.far = self.host.links[self.lan].near[0], self.host.links[self.dmz].near[0]
        self._ident = 0

    def header(self, source: str, destination: str, **fields: object) -> Header:
        """A header, each with an identification of its own."""
        self._ident += 1
        return Header(source, destination, ident=self._ident, **fields)  # type: ignore[arg-type]

    def udp(self, source: str, destination: str, size: int = 4, **fields: object) -> bytes:
        """A datagram."""
        return udp(self.header(source, destination, **fields), PORTS, b"x" * size)

    def tcp(self, source: str, destination: str, flags: int = SYN, **fields: object) -> bytes:
        """A segment."""
        return tcp(self.header(source, destination, **fields), PORTS, flags, seq=1, ack=1)


@dataclass(frozen=True, slots=True)
class Case:
    """A case: rules with their tables, and packets; ``change`` makes the host another."""

    family: int
    rules: tuple[str, ...]
    packets: Callable[[World], Iterable[Sent]]
    change: Callable[[Universe, World], None] = lambda host, world: None


@dataclass(frozen=True, slots=True)
class FixedScenario(Scenario):
    """A scenario whose packets are given."""

    packets: tuple[Sent, ...] = ()

    def play(self, player: Player) -> None:
        """Send them."""
        for interface, packet in self.packets:
            player.send(interface, packet)


def with_options(destination: str) -> Callable[[World], Iterable[Sent]]:
    """Datagrams and segments with each kind of options, right ones and one whose checksum is wrong."""

    def packets(w: World) -> Iterable[Sent]:
        to = getattr(w, destination)
        for options in OPTIONS:
            yield w.lan, w.udp(w.near, to, options=options)
            yield w.lan, w.tcp(w.near, to, options=options)
            yield None, w.udp(w.me, w.other, options=options)
        yield w.lan, udp(w.header(w.near, to), PORTS, b"bad", bad=True)
        yield w.lan, w.header(w.near, to).packet(99, b"\0\0")
        yield w.lan, w.header(w.near, to, options=RECORD).packet(99, b"\xff\xff")

    return packets


def sent4(w: World) -> Iterable[Sent]:
    """What the host sends to many, to itself, without a source, and what is at its last hop."""
    for destination in (f"10.{w.n}.0.255", "255.255.255.255", "224.0.0.1", "224.0.0.5", "127.255.255.255", w.far):
        for ttl in (0, 1):
            yield None, w.udp(w.me, destination, ttl=ttl)
    for source in ("0.0.0.0", "127.0.0.1", "203.0.113.1"):
        for destination in (w.far, "224.0.0.5", "0.0.0.0", "127.1.2.3"):
            yield None, w.udp(source, destination)
    for source in (f"10.{w.n}.0.255", "240.1.2.3", "0.1.2.3", w.near):
        yield w.lan, w.udp(source, w.far, ttl=1)
        yield w.lan, w.udp(source, w.far, 1400, fragment=DONT)


def sent6(w: World) -> Iterable[Sent]:
    """The same for IPv6, with the scopes of its addresses."""
    for destination in ("ff02::1", "ff02::5", "ff05::5", "ff01::1", "::", "::1", "fe80::1", w.other, w.far):
        for ttl in (0, 64):
            yield None, w.udp(w.me, destination, ttl=ttl)
    for source in ("::", "::1", "fe80::5", "2001:db8:ffff::1", "fec0::1", "::ffff:1.2.3.4"):
        yield None, w.udp(source, w.far)
        yield w.lan, w.udp(source, w.far)
        yield w.lan, w.udp(source, "::", ttl=255)
        yield w.lan, w.udp(source, w.me)


def refused6(w: World) -> Iterable[Sent]:
    """To addresses that the host has in other ways than as its own: anycast, routed to itself."""
    for destination in (f"{w.here}:1::", f"{w.here}:200::", f"{w.here}:1::77", "2001:db8:77::9", w.me, w.other):
        yield w.lan, w.udp(w.near, destination)
        yield w.lan, w.tcp(w.near, destination)
        yield w.lan, w.udp("fe80::9", destination)


def refused4(w: World) -> Iterable[Sent]:
    """The same for IPv4; what is sent on, too."""
    for destination in ("77.1.1.1", "78.1.1.1", w.me, w.far):
        yield w.lan, w.udp(w.near, destination)
        yield w.lan, w.tcp(w.near, destination)
        yield w.wan, w.tcp("203.0.113.1", destination, ACK, ttl=1)


def headers6(w: World) -> Iterable[Sent]:
    """Extension headers that end before a transport header does, and first fragments that do."""
    short = (
        (AH, b"\0\0"), (AH, bytes(7)), (AH, bytes(9)), (HOPOPT, b"\x11\x00\x01\x04\0\0\0\0"), (DEST_OPTIONS, b"\x11"),
        (43, b"\x11\0\0"), (FRAGMENT, b"\x11\0\0"), (DEST_OPTIONS, b""),
    )  # fmt: skip
    for to in (w.me, w.far):
        for kind, body in short:
            yield w.lan, w.header(w.near, to).packet(kind, body)
        for after, rest in ((60, options_header(b"")), (17, b"\x80\xe9\x1f\x90"), (6, bytes(16)), (200, b"")):
            body = bytes((after, 0, 0, 1, 0, 0, 0, 7 + after)) + (b"\x11" + rest if after == 60 else rest)
            yield w.lan, w.header(w.near, to).packet(FRAGMENT, body)
        yield w.lan, w.header(w.near, to).packet(FRAGMENT, bytes((60, 0, 0, 0x10, 0, 0, 0, 9)) + bytes(8))
        yield w.lan, w.header(w.near, to, extensions=((AH, ah_body(7)),)).packet(58, b"")
        yield w.lan, w.udp(w.near, to, extensions=((HOPOPT, options_header(b"\x05\x02\0\0")),))


def pieces(w: World) -> Iterable[Sent]:
    """Datagrams in fragments, through the host, to it, and from it to itself."""
    for size, cuts in ((1600, (800,)), (100, (40,)), (100, (100,))):
        for interface, source, to in ((w.lan, w.near, w.far), (w.lan, w.near, w.me), (None, w.me, w.other)):
            yield from ((interface, piece) for piece in cut(w.udp(source, to, size), cuts, size))


def routed6(w: World) -> Iterable[Sent]:
    """From several places to destinations whose routes want a source."""
    for destination in ("2001:db8:9999::5", "2001:db8:9999::6", "3fff::1"):
        for source in (w.near, w.host.links[w.wan].near[0], f"fd00:{w.n:x}::3"):
            yield w.lan, w.udp(source, destination)
        for source in (w.me, w.host.local[0], "::"):
            yield None, w.udp(source, destination)


def sourced_routes(host: Universe, w: World) -> None:
    """Routes of one destination, some for packets from one network only."""
    net = f"{w.here}::/64"
    host.routes += [
        f"2001:db8:9999::5 from {net} via {w.here}:1::13 dev {w.lan}", "blackhole 2001:db8:9999::5",
        f"2001:db8:9999::6 from {net} via {w.here}:1::13 dev {w.lan}",
        f"default from {net} via {w.far} dev {w.dmz}",
    ]  # fmt: skip


def policy4(w: World) -> Iterable[Sent]:
    """By mark, protocol and port, through the host and from it."""
    for to in (w.far, "203.0.113.1"):
        yield w.lan, w.udp(w.near, to)
        yield w.lan, w.tcp(w.near, to)
        yield w.lan, icmp(w.header(w.near, to), 8, 0, b"\0\1\0\1", b"echo")
        yield None, w.udp(w.me, to)
        yield None, w.tcp(w.me, to)
        yield None, icmp(w.header(w.me, to), 8, 0, b"\0\1\0\1", b"echo")


def policy_rules(host: Universe, w: World) -> None:
    """Rules that do nothing, jump, ask for protocols and suppress."""
    host.routes += [f"default via {w.far} dev {w.dmz} table 200", "unreachable default table 201"]
    host.policy += [
        "ipproto tcp nop pref 300", "fwmark 0x10/0xf0 goto 330 pref 310", "ipproto udp dport 8080 table 200 pref 320",
        "ipproto icmp table main suppress_prefixlength 0 pref 330", "fwmark 0x3 iif lo table 201 pref 340",
        "table main suppress_prefixlength 0 pref 350", "fwmark 0x10 prohibit pref 360",
    ]  # fmt: skip
    host.sysctls["net.ipv4.fwmark_reflect"] = 1


def settle(**sysctls: int) -> Callable[[Universe, World], None]:
    """A change of settings, given with ``__`` for a dot."""

    def change(host: Universe, _: World) -> None:
        host.sysctls |= {name.replace("__", "."): value for name, value in sysctls.items()}

    return change


def anywhere4(host: Universe, w: World) -> None:
    """Networks that are the host's own by a route only; errors come from where their cause came in."""
    host.routes += ["local 77.0.0.0/8 dev lo", "local default dev lo table 203"]
    host.policy.append("to 78.0.0.0/8 table 203 pref 100")
    host.sysctls["net.ipv4.icmp_errors_use_inbound_ifaddr"] = 1


def anywhere6(host: Universe, w: World) -> None:
    """The same for IPv6, and an anycast address that was added."""
    host.routes += ["local 2001:db8:77::/64 dev lo", f"anycast {w.here}:1::77 dev {w.lan}"]


REFUSE = tuple(
    f"filter -A {chain} {rule}"
    for chain in ("INPUT", "FORWARD")
    for rule in ("-p tcp -j REJECT --reject-with tcp-reset", "-j REJECT")
)
TRACKED = ("mangle -A FORWARD -m conntrack --ctstate NEW",)
MAPPED = ("nat -A OUTPUT -d {far} -j REDIRECT",)
DECODED = ("filter -A INPUT -j LOG --log-macdecode", "filter -A INPUT -m eui64", "filter -A INPUT -j LOG")
ASKED = ("raw -A PREROUTING -d {far} -p udp", "mangle -A FORWARD ! -p tcp", "filter -A INPUT -i wan+ -p tcp")
MARKED = (
    "mangle -A OUTPUT -p icmp -j MARK --set-mark 0x3", "mangle -A OUTPUT -p tcp -j MARK --set-mark 0x10", "filter -A OUTPUT -p tcp -j REJECT",
    "mangle -A PREROUTING -p tcp -j MARK --set-mark 0x15",
)  # fmt: skip
UNTRACKED = ("raw -A PREROUTING -j CT --notrack", "filter -A INPUT -j REJECT", *TRACKED)
CASES: dict[str, Case] = {
    "options-in": Case(4, REFUSE, with_options("me")),
    "options-in-tracked": Case(4, REFUSE + TRACKED, with_options("me")),
    "options-forward": Case(4, REFUSE, with_options("far")),
    "options-forward-tracked": Case(4, REFUSE + TRACKED, with_options("far")),
    "sent-v4": Case(4, TRACKED, sent4),
    "sent-v6": Case(6, TRACKED, sent6),
    "sent-mapped-v4": Case(4, MAPPED, sent4),
    "sent-refused-v4": Case(4, ("filter -A OUTPUT -j REJECT", *REFUSE), sent4),
    "sent-reset-v4": Case(4, ("filter -A OUTPUT -p icmp -j REJECT", "filter -A INPUT -j REJECT"), policy4),
    "untracked-v4": Case(4, UNTRACKED, with_options("me")),
    "decoded-v6": Case(6, DECODED, sent6),
    "refused-v4": Case(4, REFUSE, refused4, anywhere4),
    "refused-v6": Case(6, REFUSE, refused6, anywhere6),
    "headers-v6": Case(6, ASKED, headers6),
    "headers-tracked-v6": Case(6, ASKED + TRACKED, headers6),
    "pieces-v6": Case(6, TRACKED, pieces),
    "sourced-v6": Case(6, (), routed6, sourced_routes),
    "policy-v4": Case(4, MARKED, policy4, policy_rules),
}


def scenario(name: str) -> FixedScenario:
    """The scenario of a case."""
    case = CASES[name]
    world = World(case.family)
    case.change(world.host, world)
    packets = tuple(case.packets(world))
    lines = []
    for table, hooks in BUILT_IN.items():
        lines += [f"*{table}", *(f":{hook} ACCEPT [0:0]" for hook in hooks)]
        lines += ["-A PREROUTING -j TRACE", "-A OUTPUT -j TRACE"] if table == "raw" else []
        lines += [rule.partition(" ")[2].format(**vars(world)) for rule in case.rules if rule.startswith(table + " ")]
        lines.append("COMMIT")
    return FixedScenario(name, Area({}), name, world.host, "", "\n".join(lines) + "\n", packets)


def main() -> None:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(description="record the kernel's way with single packets (needs root)")
    parser.add_argument("out", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CASES))
    options = parser.parse_args()
    for name in options.names or CASES:
        unsteady = record_twice(scenario(name), options.out / f"path-{name}", 10_000)
        print(f"{name}: unsteady in {', '.join(unsteady[:3])}" if unsteady else name, flush=True)


if __name__ == "__main__":
    main()
