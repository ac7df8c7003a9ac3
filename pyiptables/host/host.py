"""A host: everything about a machine that decides where its packets go, and the questions one can ask it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from pyiptables.hooks import Family
from pyiptables.host import routing4, routing6
from pyiptables.host.assumed import assumed_host
from pyiptables.host.decision import Decision
from pyiptables.host.fib import Flow
from pyiptables.host.hostfile import host_parts, read_host_file
from pyiptables.host.model import (
    LOOPBACK,
    HostParts,
    Interface,
    Neighbour,
    PolicyRule,
    Route,
    RouteType,
    Scope,
    default_rules,
    sysctl_name,
)
from pyiptables.host.network import Network
from pyiptables.host.reading import Fields
from pyiptables.host.snapshot import read_snapshot
from pyiptables.host.source import select4, select6

CACHED_DECISIONS = 65_536
"""How many decisions are remembered; the memory is then started anew."""


@dataclass(frozen=True, slots=True, eq=False)
class Host:
    """A machine's interfaces, routes, policy rules, neighbours and settings; it never changes.

    Routes are complete: those that the kernel makes from addresses stand among them
    (:func:`~pyiptables.host.derive.kernel_routes`). ``sysctls`` has names as ``sysctl -a`` prints them (a dot in an
    interface's name is a slash). ``assumptions`` says in words what was not given and how it was taken.
    """

    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...] = ()
    rules: tuple[PolicyRule, ...] = default_rules(Family.IPV4) + default_rules(Family.IPV6)
    neighbours: tuple[Neighbour, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    _network: Network = field(init=False, repr=False)
    _macs: dict[tuple[str, Family, int], bytes] = field(init=False, repr=False)
    _decisions: dict[tuple[object, ...], Decision] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "sysctls", MappingProxyType(dict(self.sysctls)))
        object.__setattr__(self, "_network", Network(self.interfaces, self.routes, self.rules, self.sysctls))
        known = ((near.dev, near.family, near.address, near.mac) for near in self.neighbours if near.mac)
        object.__setattr__(self, "_macs", {(dev, family, address): mac for dev, family, address, mac in known})

    @classmethod
    def from_snapshot(cls, folder: str | Path) -> Host:
        """Read the outputs of ``ip -j`` and ``sysctl -a`` that a snapshot folder holds; any of them may be missing.

        Raises HostError, naming the file, where one cannot be read or is not what the command prints.
        """
        return cls._of(read_snapshot(Path(folder)))

    @classmethod
    def from_toml(cls, path: str | Path) -> Host:
        """Read a host file, whose form :mod:`pyiptables.host.hostfile` tells; raises HostError."""
        return cls._of(read_host_file(Path(path)))

    @classmethod
    def from_values(cls, values: object, where: str, source: str) -> Host:
        """Make the host of what a host file would say, already read from another TOML file; raises HostError."""
        return cls._of(host_parts(Fields(values, where, source)))

    @classmethod
    def assumed(
        cls,
        interfaces: Iterable[str] = ("eth0",),
        addresses: Mapping[str, Iterable[str]] | None = None,
        ways: Mapping[str, str] | None = None,
    ) -> Host:
        """Make a host of which only the names of the interfaces are known, and perhaps addresses ("192.0.2.1/24").

        ``ways`` are other hosts, by address, with the interface that leads to them.
        All else is assumed, and said in ``assumptions``. Raises HostError for a broken address.
        """
        return cls._of(assumed_host(interfaces, addresses or {}, ways or {}))

    @classmethod
    def _of(cls, parts: HostParts) -> Host:
        return cls(parts.interfaces, parts.routes, parts.rules, parts.neighbours, parts.sysctls, parts.assumptions)

    def interface(self, name: str) -> Interface | None:
        """Find an interface by name."""
        return self._network.interfaces.get(name)

    def sysctl(self, name: str, default: int = 0) -> int:
        """Read a setting as a number; ``default`` where it is not known or not a number. Slashes may separate."""
        found = self._network.sysctl(sysctl_name(name))
        return default if found is None else found

    def neighbour(self, dev: str, address: int, family: Family | None = None) -> bytes | None:
        """Find the MAC behind an address on an interface; None when it is not known. Family by size when not given."""
        if family is None:
            family = Family.IPV6 if address >> 32 else Family.IPV4
        return self._macs.get((dev, family, address))

    def is_local(self, family: Family, address: int) -> bool:
        """Whether packets for an address are for this host itself (127.0.0.0/8 too, broadcasts not)."""
        return self._network.fibs[family].local_type(address) is RouteType.LOCAL

    def route(
        self,
        family: Family,
        dst: int,
        *,
        src: int = 0,
        iif: str = "",
        oif: str = "",
        mark: int = 0,
        tos: int = 0,
        protocol: int = 0,
        sport: int = 0,
        dport: int = 0,
        output: bool | None = None,
        any_source: bool = True,
    ) -> Decision:
        """Decide where a packet goes.

        ``output`` tells a packet of this host from one that came in on ``iif``; when not given, one without ``iif`` is
        this host's. ``src`` 0 in output lets routing choose the source; ``any_source=False`` refuses an IPv4 one that
        is not this host's, as for an ordinary socket. ``tos`` is the whole byte, ``mark`` the packet's mark; ports are
        numbers in host order. With several next hops the first that is up is taken: the kernel's hash has a random key.
        """
        output = not iif if output is None else output
        uses = self._network.fibs[family].uses
        # What no rule or route looks at is left out, so that packets of one way share one decision.
        mark = mark if "mark" in uses else 0
        tos = tos & 0xFC if "tos" in uses else 0
        protocol = protocol if "protocol" in uses or protocol == routing4.IGMP else 0
        sport, dport = (sport, dport) if "sport" in uses or "dport" in uses else (0, 0)
        key = (family, output, any_source, dst, src, iif, oif, mark, tos, protocol, sport, dport)
        decision = self._decisions.get(key)
        if decision is None:
            if len(self._decisions) >= CACHED_DECISIONS:
                self._decisions.clear()
            flow = Flow(
                dst=dst,
                src=src,
                iif=LOOPBACK if output else iif,
                oif=oif,
                mark=mark,
                tos=tos,
                protocol=protocol,
                sport=sport,
                dport=dport,
            )
            decision = self._decide(family, flow, output, any_source)
            self._decisions[key] = decision
        return decision

    def _decide(self, family: Family, flow: Flow, output: bool, any_source: bool) -> Decision:
        network = self._network
        if family is Family.IPV4:
            return routing4.output_route(network, flow, any_source) if output else routing4.input_route(network, flow)
        return routing6.output_route(network, flow) if output else routing6.input_route(network, flow)

    def way_back(self, src: int, *, dst: int = 0, mark: int = 0, tos: int = 0) -> Route | None:
        """Look up the IPv4 route towards a packet's source, without what routing adds to it; None when there is none.

        ``dst`` is the packet's destination, as the source of the way back (rpfilter_lookup_reverse of ipt_rpfilter.c).
        """
        found = self._network.fibs[Family.IPV4].lookup(Flow(dst=src, src=dst, iif=LOOPBACK, mark=mark, tos=tos))
        return None if found.error else found.route

    def address_type(self, family: Family, address: int, dev: str = "") -> RouteType:
        """Name the type of an address, with ``dev`` as if only that interface were there (inet_dev_addr_type).

        IPv6 addresses may have several types; the first of UNSPEC, MULTICAST, LOCAL, ANYCAST, UNREACHABLE, UNICAST that
        holds is named. ``-m addrtype`` is answered by :meth:`address_has_type`.
        """
        if family is Family.IPV4:
            if address in {0, routing4.LIMITED_BROADCAST}:
                return RouteType.BROADCAST
            if routing4.is_multicast(address):
                return RouteType.MULTICAST
            return self._network.fibs[family].local_type(address, dev) or RouteType.UNICAST
        if not address:
            return RouteType.UNSPEC
        if routing6.is_multicast(address):
            return RouteType.MULTICAST
        types = routing6.address_types(self._network, address, dev)
        order = (RouteType.LOCAL, RouteType.ANYCAST, RouteType.UNREACHABLE)
        return next((kind for kind in order if kind in types), RouteType.UNICAST)

    def address_has_type(self, family: Family, address: int, types: int, dev: str = "") -> bool:
        """Whether ``-m addrtype`` finds an address to be of ``types``, bits 1 << RouteType (xt_addrtype.c).

        IPv4 wants one of the bits. IPv6 wants MULTICAST, UNICAST and UNSPEC each, when asked for, and one of the rest.
        """
        if family is Family.IPV4:
            return bool(types >> self.address_type(family, address, dev) & 1)
        return routing6.has_types(self._network, address, types, dev)

    def masquerade_source(self, family: Family, oif: str, gateway_or_dst: int) -> int:
        """Choose the source that MASQUERADE gives a packet that leaves by ``oif``; 0 when there is none.

        IPv4 wants the next hop (inet_select_addr with the universe's scope), IPv6 the destination
        (ipv6_dev_get_saddr).
        """
        if family is Family.IPV4:
            return select4(self._network, oif, gateway_or_dst, Scope.GLOBAL)
        return select6(self._network, oif, gateway_or_dst)
