"""The answer of routing: where a packet goes, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pyiptables.hooks import Family
from pyiptables.host.model import Route


class Kind(Enum):
    """What routing decides about a packet.

    UNICAST is sent by this host, FORWARD passes through it; LOCAL, BROADCAST and MULTICAST are delivered when they came
    in, and sent when this host made them (see :attr:`Decision.oif`). The others end the packet's way.
    """

    LOCAL = "local"
    BROADCAST = "broadcast"
    MULTICAST = "multicast"
    ANYCAST = "anycast"
    FORWARD = "forward"
    UNICAST = "unicast"
    BLACKHOLE = "blackhole"
    UNREACHABLE = "unreachable"
    PROHIBIT = "prohibit"
    NO_ROUTE = "no route"
    MARTIAN = "martian"


REFUSED = frozenset({Kind.BLACKHOLE, Kind.UNREACHABLE, Kind.PROHIBIT, Kind.NO_ROUTE, Kind.MARTIAN})


@dataclass(frozen=True, slots=True)
class Decision:
    """A routing decision.

    ``oif`` is where the packet leaves: "" for a refused packet, ``lo`` for one to this host that this host sends, and
    "" for one that came in and stays. ``gateway`` (of ``gateway_family``) is None on the link itself; ``next_hop`` is
    the gateway or the destination. ``source`` is the address that routing chose for a packet without one, else the
    packet's own; 0 when there is none. ``error`` is the errno that a sending process gets, 0 for none; ``icmp`` the
    type and code of the ICMP error that goes back to the sender of a packet that came in, None for silence.
    ``looped_back`` says that a broadcast or multicast that this host sends also comes back to it. ``mtu`` is in bytes.
    """

    kind: Kind
    family: Family
    words: str
    oif: str = ""
    gateway: int | None = None
    gateway_family: Family | None = None
    next_hop: int = 0
    source: int = 0
    route: Route | None = None
    mtu: int = 0
    error: int = 0
    icmp: tuple[int, int] | None = None
    looped_back: bool = False

    @property
    def refused(self) -> bool:
        """Whether the packet's way ends here."""
        return self.kind in REFUSED

    @property
    def delivered(self) -> bool:
        """Whether a packet that came in goes to a process of this host."""
        return not self.oif and not self.refused

    @property
    def table(self) -> str:
        """The table that the route stands in, or ""."""
        return self.route.table if self.route is not None else ""
