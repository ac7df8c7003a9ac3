"""What a known host says about packet sets: which interfaces and addresses it has, and which packets are ordinary there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import ESTABLISHED, NEW, PORTED, Space
from pyiptables.hooks import Family, Hook
from pyiptables.host import Host
from pyiptables.host.model import LOOPBACK, Route, RouteType, default_rules

MULTICAST4 = (0xE0000000, 0xEFFFFFFF)
MULTICAST6 = (0xFF << 120, (1 << 128) - 1)
LIMITED_BROADCAST = 0xFFFFFFFF
ORDINARY_PORTS = (1024, 65535)
SYN, ACK = 2, 16


def interface_names(host: Host | None) -> Iterator[tuple[str, bool]]:
    """The host's interfaces, as tests that a space must know."""
    for interface in host.interfaces if host is not None else ():
        yield interface.name, False


class Facts:
    """Packet sets of a host, in one space; of a host that is not known, everything."""

    def __init__(self, space: Space, host: Host | None) -> None:
        self.space = space
        self.host = host
        self.family = space.family
        self.everything = PacketSet(space, space.valid)
        own = [route for route in host.routes if route.family is self.family] if host is not None else []
        self._local = [_range(route) for route in own if route.type is RouteType.LOCAL]
        self._broadcast = [_range(route) for route in own if route.type is RouteType.BROADCAST]
        self._routes = own
        self._networks = [route for route in own if route.type is RouteType.UNICAST and route.dev and route.length]
        self._defaults = [
            route.dev for route in own if route.type is RouteType.UNICAST and route.dev and not route.length
        ]

    def arriving(self) -> PacketSet:
        """The packets that come in by an interface that the host has, or by none."""
        if self.host is None:
            return self.everything
        space = self.space
        names = (interface.name for interface in self.host.interfaces)
        found = space.any_of(space.iif.equals(space.interfaces.code(name)) for name in names)
        return PacketSet(space, space.valid & (found | space.iif.equals(0)))

    def at(self, hook: Hook) -> PacketSet:
        """The packets, as they are there, that routing may send to a hook."""
        if self.host is None or hook in (Hook.PREROUTING, Hook.OUTPUT):
            return self.everything
        if hook is Hook.POSTROUTING:
            return self._routed() | PacketSet(self.space, self.space.iif.equals(0))
        if hook is Hook.FORWARD:
            return (self.everything - self._destined(self._local)) & self._routed()
        several = [MULTICAST4, (LIMITED_BROADCAST,) * 2] if self.family is Family.IPV4 else [MULTICAST6]
        if self.family is Family.IPV6:  # anycast addresses are its own, too
            return self.everything
        return self._destined([*self._local, *self._broadcast, *several])

    def _routed(self) -> PacketSet:
        """The packets that leave by the interface that a route names; all where routing looks at more than destinations."""
        host, space = self.host, self.space
        plain = host is not None and [one for one in host.rules if one.family is self.family] == list(
            default_rules(self.family)
        )
        ways = [route for route in self._routes if route.type is RouteType.UNICAST and route.nexthops]
        if not plain or any(len(route.nexthops) > 1 or route.tos or route.src_length for route in ways):
            return self.everything
        found, seen = PacketSet(space, space.false), PacketSet(space, space.false)
        for length in sorted({route.length for route in ways}, reverse=True):
            these = [route for route in ways if route.length == length]
            for dev in dict.fromkeys(route.dev for route in these):
                out = PacketSet(space, space.oif.equals(space.interfaces.code(dev)))
                found = found | ((self._destined(_range(one) for one in these if one.dev == dev) - seen) & out)
            seen = seen | self._destined(map(_range, these))
        return found | self._destined([MULTICAST4 if self.family is Family.IPV4 else MULTICAST6])

    def preferences(self, hook: Hook) -> Iterator[PacketSet]:
        """What ordinary packets are like, the most ordinary first: to be tried before others."""
        space = self.space
        new = PacketSet(space, space.state.equals(NEW))
        ported = space.any_of(space.protocol.equals(number) for number in PORTED)
        client = PacketSet(space, space.word0.within(*ORDINARY_PORTS) | ~ported)
        begins = PacketSet(space, space.flags.equals(SYN) | ~space.protocol.equals(6))
        unmarked = PacketSet(space, space.mark.equals(0))
        usual = new & client & begins & unmarked
        tcp, open_already = space.protocol.equals(6), space.state.equals(ESTABLISHED)
        answers = PacketSet(space, open_already & space.reply.equals(1) & (space.flags.equals(SYN | ACK) | ~tcp))
        going_on = PacketSet(space, open_already & (space.flags.equals(ACK) | ~tcp))
        if self.host is not None:
            home = self._at_home(hook)
            yield home & usual & self._going(hook)
            yield home & usual
            yield home & new
            yield home & answers
            yield home & going_on
            yield home
        yield usual
        yield new
        yield answers
        yield going_on

    def _destined(self, ranges: Iterable[tuple[int, int]]) -> PacketSet:
        space = self.space
        return PacketSet(space, space.valid & space.any_of(space.destination.within(*one) for one in ranges))

    def _sourced(self, ranges: Iterable[tuple[int, int]]) -> PacketSet:
        space = self.space
        return PacketSet(space, space.valid & space.any_of(space.source.within(*one) for one in ranges))

    def _at_home(self, hook: Hook) -> PacketSet:
        """Packets whose source is reached by the interface they come in on; those of OUTPUT from an own address."""
        space, found = self.space, PacketSet(self.space, self.space.false)
        own = [_range(route) for route in self._networks]
        foreign = self.everything - self._sourced(
            [*own, *self._local, *self._broadcast, (0, (1 << 24) - 1), MULTICAST4]
        )
        if self.family is Family.IPV6:
            foreign = self.everything - self._sourced([*own, *self._local, (0, 1 << 32), MULTICAST6])
        if hook is Hook.OUTPUT:
            return self._sourced(
                [one for one in self._local if one[0] == one[1] and one[0] >> 24 != 127 and one[0] != 1]
            )
        assert self.host is not None
        for interface in self.host.interfaces:
            if interface.name == LOOPBACK:
                continue
            here = PacketSet(space, space.iif.equals(space.interfaces.code(interface.name)))
            networks = self._sourced(_hosts(route) for route in self._networks if route.dev == interface.name)
            sources = networks - self._sourced([*self._local, *self._broadcast])
            if interface.name in self._defaults:
                sources = sources | foreign
            found = found | (here & sources)
        return found

    def _going(self, hook: Hook) -> PacketSet:
        """Packets whose destination, as they arrive, is one of the hook's: an own address, or somebody else's."""
        real = [one for one in self._local if one[0] == one[1] and one[0] >> 24 != 127 and one[0] != 1]
        if hook is Hook.INPUT:
            return self._destined(real)
        odd = [(0, (1 << 24) - 1), MULTICAST4] if self.family is Family.IPV4 else [(0, 1 << 32), MULTICAST6]
        if hook is Hook.FORWARD:
            return self.everything - self._destined([*self._local, *self._broadcast, *odd])
        return self.everything - self._destined([*self._local, *odd])


def _range(route: Route) -> tuple[int, int]:
    """The first and last address of a route's destination."""
    free = (1 << (route.family.bits - route.length)) - 1
    return route.dst & ~free, route.dst | free


def _hosts(route: Route) -> tuple[int, int]:
    """The first and last address that a machine of a network may have."""
    low, high = _range(route)
    return (low + 1, high - 1) if high - low > 2 else (low, high)
