"""The space of packets: which fields there are, as variables of a diagram, and which packets can be.

One space serves one question; rulesets that are compared share one, so that their sets can be compared.

A field has one group of variables however many names rules have for it: ports, ICMP's type and code are the transport
header's first two words; what connection tracking will say of a packet is a field like any other, fixed from the start.
What NAT and MARK change is kept beside the new value, in variables of its own (``arrived``): so every set of packets at
some place of the path can be led back to how the packets came.

A stateless condition that is not modelled is a variable too, one for each distinct text: it holds or not, the same at
each place where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import Diagrams, Node
from pyiptables.analysis.interfaces import Names
from pyiptables.conntrack.icmp import ERRORS, HIGHEST_TYPE, QUESTIONS, QUESTIONS_V6, REDIRECT_V6, UNTRACKED_V6
from pyiptables.conntrack.tcp import VALID_FLAGS
from pyiptables.hooks import Family
from pyiptables.host import Host, RouteType
from pyiptables.host.model import LOCAL as LOCAL_TABLE

NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED = range(5)
"""States of a packet, as ``space.state`` has them."""
STATE_NAMES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED")
STATE_BITS = (8, 2, 4, 1, 256)
"""The bits of ``ct.state`` for each."""

UNICAST, LOCAL, BROADCAST, MULTICAST, ANYCAST, OTHER_TYPE = range(6)
"""What routing takes an address for, as ``space.destination_type`` has it."""
TYPE_BITS = (1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 4, 0xFC1)
"""The bits that ``-m addrtype`` has for each (1 << RouteType)."""

_KINDS = {
    RouteType.LOCAL: LOCAL,
    RouteType.BROADCAST: BROADCAST,
    RouteType.ANYCAST: ANYCAST,
}
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
PORTED = (6, 17, 33, 132, 136)
"""Protocols whose header begins with two ports."""
MAC = "meta.mac_source"
MOST_CONDITIONS = 2000
"""Distinct texts that are told apart; further ones are simply not known."""


class Keeps(IntEnum):
    """What a condition's answer outlasts."""

    NOTHING = 0
    """It hangs on the hook, or on what the host knows."""
    HOOKS = 1
    """The packet's bytes decide, its TTL among them."""
    ROUTING = 2
    """Its bytes decide, but not those that change when it is forwarded."""


@dataclass(slots=True)
class Free:
    """A condition that is not modelled: its text, its variable, what it hangs on, and how a packet is asked."""

    text: str
    number: int
    keeps: Keeps
    holds: Callable[[Any], bool] | None = field(default=None, repr=False)
    settled: bool = False
    """Whether a trace answers without knowing more than the packet."""
    users: tuple[int, int] | None = None
    """The range of users that the sending process is asked for, where it is that."""


class Space:
    """The fields and packets of one family; ``names`` are the tests of interface names that rules make.

    ``noted`` more variables are for whoever follows packets to note something on them.
    """

    def __init__(
        self,
        family: Family,
        names: Iterable[tuple[str, bool]] = (),
        *,
        facts: Host | None = None,
        large: bool = False,
        noted: int = 0,
    ) -> None:
        self.family = family
        self.facts = facts
        self.diagrams = Diagrams(large=large)
        self.true, self.false = self.diagrams.true, self.diagrams.false
        self.interfaces = Names(names)
        self.free: dict[str, Free] = {}
        self.others: dict[str, Bits] = {}
        self.present: dict[str, Bits] = {}
        self.readers: dict[str, Callable[[Any], Any]] = {}
        """How the fields in ``others`` are read off a packet; the few of connections are not among them."""
        self._renamings: dict[tuple[tuple[Bits, Bits], ...], Callable[[Node], Node]] = {}
        self._declare(noted)
        self.destination_typed = self.typed(self.destination_type, self.destination)
        """What a destination and its type have to do with each other."""
        self.with_ports = self.any_of(self.protocol.equals(number) for number in PORTED)
        """The packets of protocols that have ports."""
        self.beginning = ~self.protocol.equals(TCP) | self.flags.masked(0x17, 0x02) | self.flags.masked(0x17, 0x10)
        """The packets with which a connection can begin, as far as flags say: a SYN, or an ACK where it is picked up."""
        self.valid = self._valid()
        """The packets that can be, at any place."""

    def _bits(self, name: str, width: int) -> Bits:
        return Bits(name, self.diagrams.add(width), self.diagrams)

    def _pair(self, name: str, width: int, times: int = 2) -> tuple[Bits, ...]:
        """Groups whose variables lie side by side, so that equality is a small set and renaming is cheap."""
        numbers = self.diagrams.add(width * times)
        names = (name, f"arrived {name}", f"connection's {name}")
        return tuple(Bits(names[at], numbers[at::times], self.diagrams) for at in range(times))

    def _declare(self, noted: int) -> None:
        """All fields, from the top of the diagrams down: what few rules name first, what many do last."""
        wide = self.family.bits
        self.noted = self._bits("noted", noted)
        self.state, self.reply = self._bits("state", 3), self._bits("reply", 1)
        self.snat, self.dnat = self._bits("snat", 1), self._bits("dnat", 1)
        self.moved, self.ported = self._bits("moved", 1), self._bits("ported", 1)
        self.marked = self._bits("marked", 1)
        width = max(1, (len(self.interfaces.examples) - 1).bit_length())
        self.mark, self.arrived_mark, self.ctmark = self._pair("mark", 32, 3)
        self.protocol, self.fragoff = self._bits("protocol", 8), self._bits("fragment offset", 13)
        self.flags = self._bits("tcp flags", 8)
        self.word0 = self._bits("source port", 16)
        self.oif = self._bits("oif", width)
        self.destination_type, self.arrived_type = self._pair("destination type", 3)
        self.destination, self.arrived_destination = self._pair("destination", wide)
        self.word1, self.arrived_word1 = self._pair("destination port", 16)
        self.iif = self._bits("iif", width)
        self.source_type, self.source = self._bits("source type", 3), self._bits("source", wide)
        self.other(MAC, 48)  # rules tie it to sources
        self.tos, self.ttl, self.length = self._bits("tos", 8), self._bits("ttl", 8), self._bits("length", 17)
        self.status = self._bits("status", 4)
        word0, flags, tos = self.word0, self.flags, self.tos
        self.fields: dict[str, Bits] = {
            "ip.saddr": self.source,
            "ip.daddr": self.destination,
            "ip.protocol": self.protocol,
            "ip.fragoff": self.fragoff,
            "ip.ttl": self.ttl,
            "ip.length": self.length,
            "ip.tos": tos,
            "ip.dscp": tos.part("dscp", 2, 6),
            "ip.ecn": tos.part("ecn", 0, 2),
            "tcp.flags": flags.part("flags", 0, 6),
            "tcp.ecn": flags,
            "icmp.type": word0.part("icmp type", 8, 8),
            "icmp.code": word0.part("icmp code", 0, 8),
            "meta.mark": self.mark,
        }
        for name in ("tcp", "udp"):
            self.fields |= {f"{name}.sport": word0, f"{name}.dport": self.word1}
        self.fields |= {"ports.source": word0, "ports.destination": self.word1}
        self.icmp_type, self.icmp_code = self.fields["icmp.type"], self.fields["icmp.code"]

    # what rules name beside those

    def other(self, name: str, width: int, read: Callable[[Any], Any] | None = None) -> tuple[Bits, Bits]:
        """The variables of a field that has no place of its own, and the one that says whether the packet has it."""
        found = self.others.get(name)
        if read is not None:
            self.readers[name] = read
        if found is None:
            self.present[name] = self._bits(f"{name} is there", 1)
            found = self.others[name] = self._bits(name, max(1, width))
        return found, self.present[name]

    def condition(
        self,
        text: str,
        *,
        keeps: Keeps,
        holds: Callable[[Any], bool] | None = None,
        settled: bool = False,
        users: tuple[int, int] | None = None,
    ) -> Node | None:
        """The packets that fulfil a condition that only its text tells from others; None where there are too many."""
        found = self.free.get(text)
        if found is None:
            if len(self.free) >= MOST_CONDITIONS:
                return None
            found = self.free[text] = Free(
                text, self.diagrams.add(1)[0], keeps, holds, settled or keeps is not Keeps.NOTHING, users
            )
        return self.diagrams.variables[found.number]

    def forget(self, node: Node, quantify: Callable[[Node, Node], Node], most: Keeps) -> Node:
        """The set with the conditions free whose answers outlast so much at most."""
        numbers = [one.number for one in self.free.values() if one.keeps <= most]
        return quantify(node, self.diagrams.quantifier(numbers)) if numbers else node

    def renamed(self, node: Node, *pairs: tuple[Bits, Bits]) -> Node:
        """The set with fields (the first of each pair) put in the place of others (the second)."""
        rename = self._renamings.get(pairs)
        if rename is None:
            variables = self.diagrams.variables
            rename = self._renamings[pairs] = self.diagrams.renaming(
                (old, variables[new])
                for first, second in pairs
                for old, new in zip(first.numbers, second.numbers, strict=True)
            )
        return rename(node)

    # which packets can be

    def states(self, *states: int) -> Node:
        """The packets in one of the states."""
        return self.any_of(self.state.equals(state) for state in states)

    def any_of(self, nodes: Iterable[Node]) -> Node:
        """The union."""
        found = self.false
        for node in nodes:
            found = found | node
        return found

    def named(self, side: Bits, text: str, prefix: bool) -> Node:
        """The packets whose interface has the name, or begins so."""
        if prefix and not text:
            return self.true
        codes = self.interfaces.matching(text, prefix)
        found = self.false
        start = 0
        while start < len(codes):  # neighbours are one range
            end = start
            while end + 1 < len(codes) and codes[end + 1] == codes[end] + 1:
                end += 1
            found = found | side.within(codes[start], codes[end])
            start = end + 1
        return found

    def has(self, side: Bits) -> Node:
        """The packets that have an interface there."""
        return side.within(1, len(self.interfaces.examples) - 1)

    def typed(self, side: Bits, address: Bits) -> Node:
        """What address and type have to do with each other: on the host that is given, else on any."""
        if self.facts is None:
            return self._typed_anywhere(side, address)
        regions = {UNICAST: self.true} | dict.fromkeys(range(1, OTHER_TYPE + 1), self.false)
        for kind, where in self._regions(self.facts, address):
            regions = {one: (region | where if one == kind else region & ~where) for one, region in regions.items()}
        return self.any_of(side.equals(kind) & region for kind, region in regions.items())

    def _regions(self, facts: Host, address: Bits) -> Iterator[tuple[int, Node]]:
        """Addresses and their types, a later one before an earlier."""
        wide = self.family.bits
        local = [route for route in facts.routes if route.table == LOCAL_TABLE and route.family is self.family]
        for route in sorted(local, key=lambda route: route.length):
            if route.type in _KINDS:
                mask = (1 << wide) - (1 << wide - route.length)
                yield _KINDS[route.type], address.masked(mask, route.dst & mask)
        if self.family is Family.IPV4:
            yield MULTICAST, address.masked(0xF << 28, 0xE << 28)
            yield BROADCAST, address.equals(0) | address.equals(0xFFFFFFFF)
        else:
            yield MULTICAST, address.masked(0xFF << 120, 0xFF << 120)
            yield OTHER_TYPE, address.equals(0)

    def _typed_anywhere(self, side: Bits, address: Bits) -> Node:
        four = self.family is Family.IPV4
        multicast = address.masked(0xF << 28, 0xE << 28) if four else address.masked(0xFF << 120, 0xFF << 120)
        local = address.within(0x7F000001, 0x7FFFFFFE) if four else address.equals(1)
        found = ~(multicast ^ side.equals(MULTICAST)) & (~local | side.equals(LOCAL)) & side.within(0, OTHER_TYPE)
        if four:
            found = found & ~((address.equals(0xFFFFFFFF) | address.equals(0)) & ~side.equals(BROADCAST))
            found = found & ~(side.equals(ANYCAST))
        else:
            found = found & ~(side.equals(BROADCAST))
        return found

    def _valid(self) -> Node:
        """What holds for every packet at every place, once connection tracking has seen it."""
        last = len(self.interfaces.examples) - 1
        entry = self.states(NEW, ESTABLISHED, RELATED)
        found = self.iif.within(0, last) & self.oif.within(0, last) & self.states(*range(5))
        found = found & (entry | (~self._set(self.reply) & ~self._set(self.snat) & ~self._set(self.dnat)))
        found = found & (entry | self.ctmark.equals(0)) & self.destination_typed
        return found & self.typed(self.source_type, self.source)

    @staticmethod
    def _set(bit: Bits) -> Node:
        return bit.equals(1)

    def tracked(self) -> Node:
        """What connection tracking can say of which packet, where it looks at them (nf_conntrack_core.c)."""
        new, untracked = self.state.equals(NEW), self.state.equals(UNTRACKED)
        found = ~(new & (self._set(self.reply) | self._set(self.snat) | self._set(self.dnat)))
        found = found & ~(new & ~self.ctmark.equals(0))
        tcp = self.protocol.equals(TCP)
        sane = self.any_of(self.flags.masked(0x37, flags) for flags in VALID_FLAGS)
        # Until an answer is seen, the opener's packets are NEW: whatever it may send, but no answer of its own.
        answers = (self.flags.masked(0x16, 0x12)) | self.flags.masked(0x17, 0)
        unanswered = new | (self.state.equals(RELATED) & ~self._set(self.reply))
        found = found & ~(tcp & ~sane & ~self.states(INVALID, UNTRACKED)) & ~(tcp & unanswered & answers)
        if self.family is Family.IPV4:
            return found & self._tracked_icmp() & ~untracked
        return found & self._tracked_icmp6()

    def _tracked_icmp(self) -> Node:
        icmp, kind, state = self.protocol.equals(ICMP), self.icmp_type, self.states
        questions = self.any_of(kind.equals(number) for number in QUESTIONS)
        errors = self.any_of(kind.equals(number) for number in ERRORS)
        answers = kind.within(0, HIGHEST_TYPE) & ~questions & ~errors
        told = (questions & state(NEW, ESTABLISHED, RELATED, INVALID)) | (errors & state(RELATED, INVALID))
        return ~icmp | told | (answers & state(ESTABLISHED, INVALID)) | (~kind.within(0, HIGHEST_TYPE) & state(INVALID))

    def _tracked_icmp6(self) -> Node:
        icmp, kind, state = self.protocol.equals(ICMPV6), self.icmp_type, self.states
        questions = self.any_of(kind.equals(number) for number in QUESTIONS_V6)
        neighbours = self.any_of(kind.equals(number) for number in UNTRACKED_V6)
        errors = kind.within(0, 127) | kind.equals(REDIRECT_V6)
        rest = ~questions & ~neighbours & ~errors
        told = (questions & state(NEW, ESTABLISHED, RELATED, INVALID)) | (errors & state(RELATED, INVALID))
        told = told | (rest & state(ESTABLISHED, INVALID)) | (neighbours & state(UNTRACKED))
        # A bad checksum makes any message INVALID, also one of neighbour discovery.
        return (~icmp & ~state(UNTRACKED)) | (icmp & (told | (neighbours & state(INVALID))))
