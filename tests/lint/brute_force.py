"""Packets thrown at a ruleset, made of what its rules speak of: whether one of them meets a rule after all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from random import Random

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.lint.finding import Place
from pyiptables.netfilter import Engine
from pyiptables.netfilter.arriving import handed_over
from pyiptables.packet.typed_notation import parse_notation
from pyiptables.ruleset.model import Ruleset
from pyiptables.trace import events

_ADDRESS = re.compile(r"(?:\d+\.){3}\d+(?:/[\d.]+)?|[0-9a-f]*:[0-9a-f:]*:[0-9a-f:]*(?:/\d+)?")
_PORTS = re.compile(r"--[sd]?ports? (\S+)")
FLAGS = ("S", "S", "A", "SA", "F", "R", "PA", "-", "FSPU")


def _addresses(text: str, six: bool) -> list[str]:
    """Addresses of each network that is spoken of: the first, the last, those beside it."""
    found = {"2001:db8:ffff::7", "2001:db8:fffe::9"} if six else {"198.51.100.7", "203.0.113.9"}
    for word in re.findall(_ADDRESS, text):
        if word.count(":") == 2 and "::" not in word:
            continue  # a time of day
        odd = re.search(r"/\d+\.", word) and not re.search(r"/(255\.)*(0\.)*0$", word)
        network = ip_network(word.partition("/")[0] if odd else word, strict=False)
        if (network.version == 6) is not six:
            continue
        first, last = int(network[0]), int(network[-1])
        for each in (first, first + 1, last, last + 1, first - 1, (first + last) // 2):
            found.add(str(IPv6Address(each) if six else ip_address(max(each, 1 << 24))))
    return sorted(found)


def _values(text: str, pattern: str, extra: tuple[int, ...], most: int) -> list[int]:
    found = set(extra)
    for words in re.findall(pattern, text):
        for number in re.findall(r"0x[0-9a-f]+|\d+", words):
            found |= {value for value in range(int(number, 0) - 1, int(number, 0) + 2) if 0 <= value <= most}
    return sorted(found)


@dataclass(frozen=True, slots=True)
class Shot:
    """A packet in pyipt's notation; the interfaces that its host has, and whose address there is the host's own, if any."""

    line: str
    names: tuple[str, ...]
    name: str
    own: str | None


def names_in(text: str) -> tuple[str, ...]:
    """The interfaces that rules speak of, one for each wildcard, and one more."""
    named = re.findall(r" -[io] (\S+)", text)
    return tuple(dict.fromkeys(("eth0", *(name.replace("+", "0") for name in named if name != "lo"))))


def thrown(family: Family, text: str, place: Place, random: Random, count: int) -> Iterator[Shot]:
    """Packets about a rule, and about others."""
    six = family is Family.IPV6
    addresses, near = _addresses(text, six), _addresses(text.split("\n")[place.line - 1], six)
    ports = _values(text, _PORTS, (0, 22, 65535), 65535)
    marks, ttls = _values(text, r"--mark (\S+)", (0,), 2**32 - 1), _values(text, r"--(?:ttl|hl)-\S+ (\d+)", (64,), 255)
    names = names_in(text)
    kinds = ("tcp", "tcp", "udp", "udp", "icmp6 echo-request" if six else "icmp echo-request", "proto 47", "proto 99")
    for _ in range(count):
        source, destination = (random.choice(near if random.random() < 0.5 else addresses) for _ in range(2))
        kind, name = random.choice(kinds), random.choice(names)
        out = place.chain == "OUTPUT" or random.random() < 0.3
        ends = [source, destination]
        if kind in ("tcp", "udp"):
            ends = [f"[{each}]:{random.choice(ports)}" if six else f"{each}:{random.choice(ports)}" for each in ends]
        line = f"{'' if out else name + ': '}{ends[0]} > {ends[1]} {kind}"
        line += f" {random.choice(FLAGS)}" if kind == "tcp" else ""
        line += f" ttl {max(random.choice(ttls), 1)}" if random.random() < 0.6 else ""
        line += f" mark {random.choice(marks)}" if out and random.random() < 0.5 else ""
        own = source if out else destination if random.random() < 0.6 else None
        yield Shot(line, names, name, own)


def meets(ruleset: Ruleset, text: str, place: Place, random: Random, *, shots: int = 300) -> str | None:
    """The packet, of many tried, that meets a rule; None where none does."""
    for shot in thrown(ruleset.family, text, place, random, shots):
        try:
            typed = parse_notation(shot.line)
            host = Host.assumed(list(shot.names), {shot.name: [shot.own]} if shot.own else {})
            trace = Engine(ruleset, host).send(handed_over(typed, host))
        except Error:
            continue
        for event in trace.of(events.RuleMatched):
            if (event.table, event.chain, event.number) == (place.table, place.chain, place.number):
                return shot.line
    return None
