"""Packets of a kind, as a file of tests names them, as packet sets."""

from __future__ import annotations

from collections.abc import Iterable

from pyiptables.analysis.scan import interface_tests
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import STATE_NAMES, Space
from pyiptables.hooks import Hook
from pyiptables.ruleset.model import Ruleset
from pyiptables.testing.claims import Kind, Prefix, Service, Statement

ICMP, ICMPV6 = 1, 58
LARGE = 2000
"""Rules from which on the diagrams get a large cache."""


def space_of(
    rulesets: Iterable[Ruleset],
    statements: Iterable[Statement] = (),
    names: Iterable[tuple[str, bool]] = (),
    *,
    noted: int = 0,
) -> Space:
    """A space in which these rulesets, all of one family, and the interfaces of statements can be told apart.

    ``names`` are more tests of interface names, ``noted`` how many variables there are for notes on packets.
    """
    rulesets = list(rulesets)
    tests = dict.fromkeys(test for ruleset in rulesets for test in interface_tests(ruleset))
    tests |= dict.fromkeys(names)
    for statement in statements:
        for kind in (statement.subject, *statement.others):
            for name in (*kind.interfaces, *kind.out_interfaces):
                tests[_test(name)] = None
    rules = sum(1 for ruleset in rulesets for _ in ruleset.rules())
    return Space(rulesets[0].family, tests, large=rules > LARGE, noted=noted)


class Kinds:
    """Packet sets of kinds, in one space."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.family = space.family
        self.everything = PacketSet(space, space.valid)

    def arriving(self, kind: Kind) -> PacketSet:
        """The packets of a kind as they arrive, or leave their process: all but by which interface they will leave."""
        space = self.space
        found = self.everything
        if kind.sources or kind.destinations:
            found = (
                found
                & self._addresses(space.source, kind.sources)
                & self._addresses(space.destination, kind.destinations)
            )
        if kind.interfaces:
            found = found & self._interfaces(space.iif, kind.interfaces)
        if kind.services:
            found = found & self._any(self.service(service) for service in kind.services)
        if kind.states:
            found = found & PacketSet(space, space.states(*(STATE_NAMES.index(state) for state in kind.states)))
        return found

    def leaving(self, kind: Kind) -> PacketSet:
        """The packets that leave by one of the kind's interfaces; all where it names none."""
        return self._interfaces(self.space.oif, kind.out_interfaces) if kind.out_interfaces else self.everything

    def at(self, hook: Hook) -> PacketSet:
        """What tells packets at one hook from those at others: which interfaces they have."""
        space = self.space
        inward, outward = space.has(space.iif), space.has(space.oif)
        node = {
            Hook.PREROUTING: inward & ~outward,
            Hook.INPUT: inward & ~outward,
            Hook.FORWARD: inward & outward,
            Hook.OUTPUT: ~inward & outward,
            Hook.POSTROUTING: outward,
        }[hook]
        return PacketSet(space, space.valid & node)

    def by_network(self) -> PacketSet:
        """The packets that come by any interface but lo."""
        space = self.space
        return PacketSet(space, space.has(space.iif) & ~space.iif.equals(space.interfaces.code("lo")))

    def not_looped(self) -> PacketSet:
        """The packets that leave by any interface but lo."""
        space = self.space
        return PacketSet(space, space.has(space.oif) & ~space.oif.equals(space.interfaces.code("lo")))

    def service(self, service: Service) -> PacketSet:
        """The packets to a service."""
        space = self.space
        if service.family not in (None, self.family):
            return PacketSet(space, space.false)
        found = space.protocol.equals(service.protocol)
        if service.icmp is not None:
            kind, low, high = service.icmp
            if kind <= 255:
                found = found & space.icmp_type.equals(kind) & space.icmp_code.within(low, high)
        elif service.low is not None and service.high is not None:
            found = found & space.word1.within(service.low, service.high) & space.fragoff.equals(0)
        return PacketSet(space, found & space.valid)

    def _addresses(self, field: object, prefixes: tuple[Prefix, ...]) -> PacketSet:
        if not prefixes:
            return self.everything
        space = self.space
        own = (prefix for prefix in prefixes if prefix.family is self.family)
        bits = space.source if field is space.source else space.destination
        return self._any(PacketSet(space, bits.within(prefix.low, prefix.high)) for prefix in own)

    def _interfaces(self, side: object, names: tuple[str, ...]) -> PacketSet:
        space = self.space
        bits = space.iif if side is space.iif else space.oif
        return self._any(PacketSet(space, space.named(bits, *_test(name))) for name in names)

    def _any(self, sets: Iterable[PacketSet]) -> PacketSet:
        found = PacketSet(self.space, self.space.false)
        for one in sets:
            found = found | one
        return found


def _test(name: str) -> tuple[str, bool]:
    return name.removesuffix("+"), name.endswith("+")
