"""What a host is made of: interfaces, addresses, routes, policy rules, neighbours.

Addresses are numbers beside a :class:`~pyiptables.hooks.Family`, as in :mod:`pyiptables.packet.addresses`; 0 stands for
"none" where the kernel has it so (a source not given). Tables are named as ``ip`` prints them: ``local``, ``main``,
``default``, or a number's digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from pyiptables.hooks import Family
from pyiptables.packet.addresses import to_text

LOCAL, MAIN, DEFAULT = "local", "main", "default"
LOOPBACK = "lo"


class RouteType(IntEnum):
    """The type of a route, numbered as RTN_* (include/uapi/linux/rtnetlink.h)."""

    UNSPEC = 0
    UNICAST = 1
    LOCAL = 2
    BROADCAST = 3
    ANYCAST = 4
    MULTICAST = 5
    BLACKHOLE = 6
    UNREACHABLE = 7
    PROHIBIT = 8
    THROW = 9
    NAT = 10
    XRESOLVE = 11


class Scope(IntEnum):
    """How far an address or a route reaches, numbered as RT_SCOPE_*; a larger number is nearer."""

    GLOBAL = 0
    SITE = 200
    LINK = 253
    HOST = 254
    NOWHERE = 255


class Action(IntEnum):
    """What a policy rule does, numbered as FR_ACT_* (include/uapi/linux/fib_rules.h)."""

    TABLE = 1
    GOTO = 2
    NOP = 3
    BLACKHOLE = 6
    UNREACHABLE = 7
    PROHIBIT = 8


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an interface.

    ``peer`` is the far end of a point-to-point address, else the address itself; the prefix length belongs to it.
    ``broadcast`` is None where none is set (the network's own still gets its route); ``secondary`` marks an IPv4
    address whose network an earlier one has; ``deprecated`` and ``tentative`` are IPv6 states.
    """

    family: Family
    address: int
    length: int
    peer: int
    broadcast: int | None = None
    scope: int = Scope.GLOBAL
    secondary: bool = False
    deprecated: bool = False
    tentative: bool = False
    prefix_route: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface: ``mac`` is empty where there is none, ``group`` the device group's number.

    ``joined`` are multicast groups that processes joined, beside those that the kernel joins by itself.
    """

    name: str
    index: int
    mac: bytes = b""
    mtu: int = 1500
    up: bool = True
    loopback: bool = False
    flags: frozenset[str] = frozenset()
    group: int = 0
    addresses: tuple[Address, ...] = ()
    joined: tuple[tuple[Family, int], ...] = ()


@dataclass(frozen=True, slots=True)
class NextHop:
    """Where a route leads: the interface, and the gateway on it, which for an IPv4 route may be an IPv6 address."""

    dev: str
    gateway: int | None = None
    gateway_family: Family | None = None
    weight: int = 1
    dead: bool = False
    linkdown: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """A route: destination, what it does with packets for it, and by which next hops.

    ``src`` with ``src_length`` is the source prefix that an IPv6 route may ask for; ``prefsrc`` is 0 when not set;
    ``mtu`` 0 means the interface's; ``preference`` is an IPv6 router's (-1, 0, 1); ``kernel`` marks those that the
    kernel makes from addresses.
    """

    family: Family
    dst: int
    length: int
    nexthops: tuple[NextHop, ...] = ()
    type: RouteType = RouteType.UNICAST
    table: str = MAIN
    prefsrc: int = 0
    metric: int = 0
    scope: int = Scope.GLOBAL
    tos: int = 0
    mtu: int = 0
    src: int = 0
    src_length: int = 0
    preference: int = 0
    kernel: bool = False

    @property
    def dev(self) -> str:
        """The interface of the first next hop, or ""."""
        return self.nexthops[0].dev if self.nexthops else ""

    @property
    def gateway(self) -> int | None:
        """The gateway of the first next hop, or None."""
        return self.nexthops[0].gateway if self.nexthops else None

    @property
    def prefix(self) -> str:
        """The destination as ``ip route`` prints it: default, an address, or address/length."""
        return prefix_text(self.family, self.dst, self.length)


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """A rule of the routing policy database; every selector left at its default holds for each packet.

    ``table`` belongs to Action.TABLE, ``goto`` (a priority) to Action.GOTO. ``suppress_length`` rejects a route whose
    prefix is no longer than this, ``suppress_group`` one that leaves by an interface of the group.
    """

    family: Family
    priority: int
    action: Action = Action.TABLE
    table: str = MAIN
    goto: int = 0
    src: int = 0
    src_length: int = 0
    dst: int = 0
    dst_length: int = 0
    iif: str = ""
    oif: str = ""
    mark: int = 0
    mask: int = 0
    tos: int = 0
    protocol: int = 0
    sport: tuple[int, int] | None = None
    dport: tuple[int, int] | None = None
    invert: bool = False
    suppress_length: int = -1
    suppress_group: int = -1


@dataclass(frozen=True, slots=True)
class Neighbour:
    """The link-layer address behind an address on an interface; ``mac`` is empty when it is not known."""

    dev: str
    family: Family
    address: int
    mac: bytes = b""
    state: str = "PERMANENT"


def default_rules(family: Family) -> tuple[PolicyRule, ...]:
    """Make the rules that the kernel starts with: local, main and, for IPv4, default."""
    rules = (PolicyRule(family, 0, table=LOCAL), PolicyRule(family, 32766, table=MAIN))
    return (*rules, PolicyRule(family, 32767, table=DEFAULT)) if family is Family.IPV4 else rules


@dataclass(frozen=True, slots=True)
class HostParts:
    """All that a :class:`~pyiptables.host.host.Host` is made from, in the order of its fields."""

    interfaces: tuple[Interface, ...]
    routes: tuple[Route, ...]
    rules: tuple[PolicyRule, ...]
    neighbours: tuple[Neighbour, ...]
    sysctls: Mapping[str, str]
    assumptions: tuple[str, ...]


def loopback_link() -> Interface:
    """Make the interface ``lo`` as it is on every host."""
    addresses = (
        Address(Family.IPV4, 0x7F000001, 8, 0x7F000001, scope=Scope.HOST, label=LOOPBACK),
        Address(Family.IPV6, 1, 128, 1, scope=Scope.HOST),
    )
    return Interface(
        LOOPBACK, 1, bytes(6), 65536, loopback=True, flags=frozenset({"LOOPBACK", "UP"}), addresses=addresses
    )


def sysctl_name(name: str) -> str:
    """Write a setting's name with dots: net/ipv4/conf/eth0.1/rp_filter is net.ipv4.conf.eth0/1.rp_filter."""
    dot, slash = name.find("."), name.find("/")
    if slash >= 0 and (dot < 0 or slash < dot):
        return name.translate(str.maketrans("./", "/."))
    return name


def sysctl_of(version: int, dev: str, key: str) -> str:
    """Name the setting ``key`` of an interface, for IP version 4 or 6."""
    return f"net.ipv{version}.conf.{dev.replace('.', '/')}.{key}"


def prefix_text(family: Family, address: int, length: int) -> str:
    """Write a prefix as ``ip`` does: default, a bare address, or address/length."""
    if length == 0 and not address:
        return "default"
    return to_text(address, family) + ("" if length == family.bits else f"/{length}")
