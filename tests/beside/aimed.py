"""Packets aimed at the rules of a ruleset: made of the conditions of a rule and of the jumps that lead to it.

They are shots, not proofs: what cannot be aimed at (sets, owners of sockets, payloads) is left to chance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pyiptables.errors import Error
from pyiptables.hooks import Family, Hook
from pyiptables.host import Host
from pyiptables.netfilter import Engine
from pyiptables.netfilter.arriving import handed_over
from pyiptables.packet.addresses import to_text
from pyiptables.packet.fields import CT_STATES
from pyiptables.packet.spec import PacketSpec
from pyiptables.packet.spec_bytes import to_bytes
from pyiptables.packet.typed_packet import TypedPacket
from pyiptables.ruleset.model import Chain, InterfaceMatch, Ruleset, RuleSpec

Place = tuple[str, str, int]
"""Table, chain, number of a rule."""
TRIES = 12
SECOND = 10**9
PORTED = (6, 17, 33, 132, 136)
_PORT_KEYS = {"sport": ("sport", "sources", "either"), "dport": ("dport", "destinations", "either")}


@dataclass
class Wanted:
    """What the rules on a way ask for, field by field: pairs of a way to draw a value and a test of it."""

    draws: dict[str, list[Callable[[], Any]]] = field(default_factory=dict)
    tests: dict[str, list[Callable[[Any], bool]]] = field(default_factory=dict)

    def add(self, name: str, draw: Callable[[], Any], test: Callable[[Any], bool], *, invert: bool) -> None:
        """One more condition on a field; an inverted one is only tested."""
        if not invert:
            self.draws.setdefault(name, []).append(draw)
        self.tests.setdefault(name, []).append((lambda value: not test(value)) if invert else test)

    def value(self, name: str, default: Callable[[], Any]) -> Any:
        """A value that passes all tests, if one is found; drawn by the condition asked last."""
        draws = self.draws.get(name, [])
        value = None
        for attempt in range(TRIES):
            value = (draws[-1 - attempt % len(draws)] if draws else default)()
            if all(test(value) for test in self.tests.get(name, ())):
                break
        return value


class Aim:
    """Makes hosts and packets for one ruleset."""

    def __init__(self, ruleset: Ruleset, seed: int) -> None:
        self.ruleset = ruleset
        self.family = ruleset.family
        self.random = Random(seed)
        self.callers: dict[tuple[str, str], list[Place]] = {}
        self.specs: dict[Place, RuleSpec] = {}
        self.names: dict[str, None] = {}
        self.owned: list[int] = []
        self.ports = [22, 80, 443, 40000]
        for table, chain, number, rule in ruleset.rules():
            place = (table.name, chain.name, number)
            self.specs[place] = rule.spec
            if rule.spec.jump in table.chains:
                self.callers.setdefault((table.name, rule.spec.jump), []).append(place)
            self._note(rule.spec)
        for spare in ("eth0", "eth1"):  # with fewer than two nothing is forwarded
            if len(self.names) < 2:
                self.names[spare] = None

    def _note(self, spec: RuleSpec) -> None:
        for match in (spec.in_interface, spec.out_interface):
            if match is not None and match.name not in ("lo", "+"):
                self.names[self._named(match)] = None
        for address in (spec.destination, spec.source):
            if address is not None and bin(address.mask).count("1") == self.family.bits and not address.invert:
                self.owned.append(address.address)

    def _named(self, match: InterfaceMatch) -> str:
        name = match.name
        return f"{name[:-1]}{self.random.choice('017')}"[:15] if name.endswith("+") else name

    def hosts(self, most: int) -> Iterator[Host]:
        """Hosts with the interfaces that rules name, each with another one to everywhere and other addresses."""
        names = list(self.names)
        self.random.shuffle(names)
        four = self.family is Family.IPV4
        for turn in range(min(most, max(3, len(names)))):
            order = [names[turn % len(names)], *(name for name in names if name != names[turn % len(names)])][:64]
            addresses: dict[str, list[str]] = {}
            for at, name in enumerate(order):
                addresses[name] = [f"192.0.{at}.77/24" if four else f"2001:db8:{at:x}::77/64"]
            for _ in range(min(4, len(self.owned))):
                one = self.random.choice(self.owned)
                if (four and not (1 << 24 < one < 127 << 24 or 128 << 24 <= one < 224 << 24)) or one >> 120 == 0xFF:
                    continue
                text = f"{to_text(one, self.family)}/{self.random.choice((24, 32) if four else (64, 128))}"
                addresses[self.random.choice(order)].append(text)
            try:
                yield Host.assumed(order, addresses)
            except Error:
                continue

    def way(self, place: Place) -> list[Place]:
        """A way of jumps to a rule, from a built-in chain on; of those there are, one by chance."""
        found = [place]
        while len(found) < 20:
            table, chain, _ = found[0]
            before = self.callers.get((table, chain))
            if not before or self._chain(table, chain).built_in:
                break
            found.insert(0, self.random.choice(before))
        return found

    def _chain(self, table: str, chain: str) -> Chain:
        return self.ruleset.tables[table].chains[chain]

    def wanted(self, way: list[Place]) -> Wanted:
        """All that the rules of a way ask for."""
        found = Wanted()
        for place in way:
            self._ask(found, self.specs[place])
        return found

    def _ask(self, found: Wanted, spec: RuleSpec) -> None:
        bits, random = self.family.bits, self.random
        for name, address in (("source", spec.source), ("destination", spec.destination)):
            if address is not None:
                base, mask = address.address, address.mask
                free = ~mask & ((1 << bits) - 1)
                found.add(
                    name, lambda base=base, free=free: base | (random.getrandbits(bits) & free),
                    lambda value, base=base, mask=mask: value & mask == base, invert=address.invert,
                )  # fmt: skip
        for name, match in (("iif", spec.in_interface), ("oif", spec.out_interface)):
            if match is not None:
                text = match.name
                found.add(
                    name, lambda match=match: self._named(match),
                    lambda value, text=text: value == text or (text.endswith("+") and value.startswith(text[:-1])),
                    invert=match.invert,
                )  # fmt: skip
        if spec.protocol is not None:
            number = spec.protocol.number
            found.add("protocol", lambda: number, lambda value: value == number, invert=spec.protocol.invert)
        for match in spec.matches:
            for key, given in match.values.items():
                self._ask_match(found, match.name, key, given, key in match.inverted)

    def _ask_match(self, found: Wanted, name: str, key: str, given: Any, invert: bool) -> None:
        random = self.random
        if name in ("tcp", "udp", "sctp", "dccp", "udplite", "multiport") and key in (
            "sport", "dport", "sources", "destinations", "either",
        ):  # fmt: skip
            ranges = (given,) if isinstance(given[0], int) else given
            side = next(side for side, keys in _PORT_KEYS.items() if key in keys)
            found.add(
                side, lambda: random.choice([*random.choice(ranges), random.randint(*random.choice(ranges))]),
                lambda value: any(low <= value <= high for low, high in ranges), invert=invert,
            )  # fmt: skip
        elif name == "tcp" and key == "flags":
            mask, wanted = given
            found.add(
                "flags", lambda: wanted | (random.choice((0, 0, 16, random.getrandbits(6))) & ~mask & 63),
                lambda value: value & mask == wanted, invert=invert,
            )  # fmt: skip
        elif name in ("icmp", "icmp6") and key == "type":
            kind, low, _ = given
            if kind != 255:
                found.add("icmp", lambda: (kind, low), lambda value: value[0] == kind, invert=invert)
        elif name == "iprange" and key in ("source", "destination") and given[0] <= given[1]:
            found.add(
                key, lambda: random.choice([*given, random.randint(*given)]),
                lambda value: given[0] <= value <= given[1], invert=invert,
            )  # fmt: skip
        elif name in ("state", "conntrack") and key == "state":
            found.add("state", lambda: given, lambda value: bool(value & given), invert=invert)
        elif name == "ttl" and isinstance(given, int):
            found.add("ttl", lambda: max(1, given - (key == "lt") + (key == "gt")), lambda value: True, invert=False)
        elif name == "mac" and isinstance(given, int):
            found.add(
                "mac", lambda: given.to_bytes(6, "big"), lambda value: value == given.to_bytes(6, "big"), invert=invert
            )
        elif name == "mark" and key == "mark":
            found.add("mark", lambda: given[0], lambda value: value & given[1] == given[0], invert=invert)
        elif name == "owner" and key == "uid" and isinstance(given, tuple):
            found.add("uid", lambda: given[0], lambda value: given[0] <= value <= given[1], invert=invert)

    def packet(self, place: Place, host: Host) -> tuple[TypedPacket, PacketSpec, Hook]:
        """A packet aimed at a rule on a host."""
        way = self.way(place)
        hook = Hook.__members__.get(way[0][1], Hook.INPUT)
        wanted, random = self.wanted(way), self.random
        own = [each.address for link in host.interfaces for each in link.addresses if each.family is self.family]
        links = [link.name for link in host.interfaces if link.name != "lo"]
        far = [value ^ random.randint(1, 120) for value in own] + [self._anywhere()]
        local = hook is Hook.OUTPUT or (hook is Hook.POSTROUTING and random.random() < 0.4)
        protocol = wanted.value("protocol", lambda: random.choice(self._protocols(wanted)))
        six = self.family is Family.IPV6
        kind, code = wanted.value(
            "icmp", lambda: random.choice([(128, 0), (129, 0), (135, 0)] if six else [(8, 0), (0, 0)])
        )
        asked = wanted.value("state", lambda: 0)
        flags = wanted.value(
            "flags", lambda: random.choice([4, 16, 1] if asked == CT_STATES["INVALID"] else [2, 2, 2, 16])
        )
        source = wanted.value("source", lambda: random.choice(own if local else far))
        destination = wanted.value("destination", lambda: random.choice(own if hook is Hook.INPUT else far))
        spec = PacketSpec(
            self.family, source, destination, protocol, flags=flags, icmp_type=kind, icmp_code=code,
            sport=wanted.value("sport", lambda: random.choice([40000, 1024 + random.getrandbits(15), 53])),
            dport=wanted.value("dport", lambda: random.choice(self.ports)),
            ttl=wanted.value("ttl", lambda: 64),
        )  # fmt: skip
        iif = wanted.value("iif", lambda: random.choice(links))
        if iif not in (*links, "lo"):
            iif = random.choice(links)
        mac = wanted.value("mac", lambda: None)
        typed = TypedPacket(
            self.family, to_bytes(spec), None if local or iif == "lo" else iif, mark=wanted.value("mark", lambda: 0) if local else 0,
            mac_source=mac if not local and iif != "lo" else None, uid=wanted.value("uid", lambda: 0) if local else None,
        )  # fmt: skip
        return typed, spec, hook

    def _protocols(self, wanted: Wanted) -> list[int]:
        if "flags" in wanted.tests:
            return [6]
        if "icmp" in wanted.tests:
            return [58 if self.family is Family.IPV6 else 1]
        if "dport" in wanted.tests or "sport" in wanted.tests:
            return [6, 17]
        return [6, 17, 58 if self.family is Family.IPV6 else 1, 47]

    def _anywhere(self) -> int:
        bits = self.family.bits
        if bits == 32:
            return self.random.randint(1 << 24, (127 << 24) - 1)
        return (0x20010DB8 << 96) | self.random.getrandbits(40)


def turned(spec: PacketSpec) -> PacketSpec:
    """The answer to a packet."""
    flags = 18 if spec.flags == 2 else 16
    kind = {8: 0, 0: 8, 128: 129, 129: 128}.get(spec.icmp_type, spec.icmp_type)
    return PacketSpec(
        spec.family, spec.destination, spec.source, spec.protocol, sport=spec.dport, dport=spec.sport, flags=flags,
        icmp_type=kind, seq=1, ack_seq=1,
    )  # fmt: skip


class Range:
    """An engine to which packets are sent, one after the other; time goes on."""

    def __init__(self, aim: Aim, host: Host, *, record: bool = False) -> None:
        self.aim, self.host = aim, host
        self.engine = Engine(aim.ruleset, host, record=record)
        self.time = 1577880000 * SECOND
        self.sent = 0

    def send(self, typed: TypedPacket) -> Any:
        """Send one; its trace."""
        if typed.local and not self.host.is_local(typed.family, _source(typed)):
            # a host sends from its own addresses, else what it sent could come in again, of a connection that it began
            link = self.aim.random.choice([link.name for link in self.host.interfaces if link.name != "lo"])
            typed = TypedPacket(typed.family, typed.data, link)
        self.time += 10 * SECOND // 1000
        self.sent += 1
        trace = self.engine.send(handed_over(typed, self.host, time=self.time, number=self.sent))
        self.engine.take_frames()
        return trace

    def shoot(self, place: Place) -> None:
        """A conversation that a packet aimed at a rule begins, or that it answers."""
        typed, spec, hook = self.aim.packet(place, self.host)
        random = self.aim.random
        if random.random() < 0.35:
            self.send(self._opening(spec, hook, typed))
            self.send(typed)
            return
        self.send(typed)
        last = self.engine.last
        if last is None or random.random() < 0.4:
            return
        back = last.oif or None
        if back == "lo" or (back is not None and self.host.interface(back) is None):
            back = None
        answer = turned(spec_of(last.data, spec))
        self.send(TypedPacket(spec.family, to_bytes(answer), back))
        again = spec if spec.protocol != 6 else _acknowledged(spec)
        self.send(
            TypedPacket(typed.family, to_bytes(again), typed.interface, mark=typed.mark, mac_source=typed.mac_source)
        )
        if random.random() < 0.4:
            self.send(
                TypedPacket(
                    spec.family, to_bytes(_error(spec.family, last.data, answer.source, answer.destination)), back
                )
            )

    def _opening(self, spec: PacketSpec, hook: Hook, typed: TypedPacket) -> TypedPacket:
        links = [link.name for link in self.host.interfaces if link.name != "lo"]
        first = turned(spec)
        kind = {0: 8, 129: 128}.get(spec.icmp_type, spec.icmp_type)
        opened = PacketSpec(
            first.family,
            first.source,
            first.destination,
            first.protocol,
            sport=first.sport,
            dport=first.dport,
            icmp_type=kind,
        )
        forwarded = hook not in (Hook.INPUT, Hook.OUTPUT) and self.aim.random.random() < 0.7
        arrives = hook is Hook.OUTPUT or forwarded
        return TypedPacket(spec.family, to_bytes(opened), self.aim.random.choice(links) if arrives else None)


def _source(typed: TypedPacket) -> int:
    at, size = (12, 4) if typed.family is Family.IPV4 else (8, 16)
    return int.from_bytes(typed.data[at : at + size], "big")


def _acknowledged(spec: PacketSpec) -> PacketSpec:
    return PacketSpec(
        spec.family, spec.source, spec.destination, spec.protocol, sport=spec.sport, dport=spec.dport, flags=16, seq=1, ack_seq=1,
    )  # fmt: skip


def spec_of(data: bytes, like: PacketSpec) -> PacketSpec:
    """What a packet has become, translated perhaps, in the terms of the one that it was."""
    four = like.family is Family.IPV4
    at, size, head = (12, 4, 20) if four else (8, 16, 40)
    source, destination = (int.from_bytes(data[start : start + size], "big") for start in (at, at + size))
    sport, dport = (int.from_bytes(data[start : start + 2], "big") for start in (head, head + 2))
    if like.protocol not in PORTED:
        sport, dport = like.sport, like.dport
    return PacketSpec(
        like.family, source, destination, like.protocol, sport=sport, dport=dport, flags=like.flags,
        icmp_type=like.icmp_type, icmp_code=like.icmp_code,
    )  # fmt: skip


def _error(family: Family, cited: bytes, source: int, destination: int) -> PacketSpec:
    """An ICMP error of the host that a packet was sent to."""
    four = family is Family.IPV4
    protocol, kind = (1, 3) if four else (58, 1)
    return PacketSpec(
        family, source, destination, protocol, icmp_type=kind, icmp_code=1, payload=cited[: 68 if four else 120]
    )
