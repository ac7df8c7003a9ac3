"""What these targets ask of the engine, beside :class:`~pyiptables.extensions.effects.EffectServices`.

Each method is one deed that a target cannot do to the packet alone. None of the methods returns before it is done, and
none raises for what a packet holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pyiptables.extensions.base import Services
from pyiptables.extensions.kinds.sets import SetReference
from pyiptables.hooks import Verdict


@dataclass(frozen=True, slots=True)
class SynproxyRequest:
    """What SYNPROXY tells a client in the server's place: its TCP options, and whether ECN is offered."""

    mss: int | None = None
    window_scale: int | None = None
    timestamp: bool = False
    sack_permitted: bool = False
    ecn: bool = False


@dataclass(frozen=True, slots=True)
class SetValues:
    """What an element of a set with skbinfo says about packets; None where it says nothing."""

    mark: int = 0
    mark_mask: int = 0
    priority: int | None = None
    queue: int | None = None


class ActionServices(Services, Protocol):
    """What the engine does for targets that act on more than the packet."""

    def audit(self, skb: Any, kind: str) -> None:
        """Write an audit record; ``kind`` is accept, drop or reject. The packet's way does not change (xt_AUDIT.c)."""

    def nflog(self, skb: Any, *, group: int, prefix: str, size: int | None, threshold: int) -> None:
        """Hand a copy to whoever listens at that netlink group; ``size`` bytes, or all with None (xt_NFLOG.c)."""

    def tee(self, skb: Any, gateway: int, oif: str) -> None:
        """Send a copy to that gateway on the local link, through ``oif`` or, with "", where routing leads.

        The copy is not tracked and not copied again; at PREROUTING and INPUT its TTL is one less. It leaves by way of
        OUTPUT and POSTROUTING (nf_dup_ipv4.c, nf_dup_ipv6.c).
        """

    def tproxy(self, skb: Any, address: int, port: int) -> bool:
        """Hand the packet to a transparent socket: whether there is one (xt_TPROXY.c).

        It is that of the packet's own connection, else the listener at the address (0: the incoming interface's first,
        else the packet's destination) and the port (0: the packet's destination port).
        """

    def synproxy(self, skb: Any, request: SynproxyRequest) -> Verdict | None:
        """Answer a client's SYN, or check its ACK and open the connection to the server (nf_synproxy_core.c).

        STOLEN for these, DROP for a wrong cookie or checksum, None for every other segment.
        """

    def path_mtu(self, skb: Any) -> int:
        """The smaller of the MTUs of the packet's route and of the route back to its source, in bytes."""

    def parameter_problem(self, skb: Any, pointer: int) -> None:
        """Send ICMPv6's parameter problem, code 0, about the packet; ``pointer`` is an offset into it."""

    def set_add(self, skb: Any, reference: SetReference, *, exist: bool, timeout: int | None) -> None:
        """Add what the packet has at those sides. ``exist`` renews an element that is there already.

        ``timeout`` is in seconds, 0 for ever, None for the set's own (ip_set_add).
        """

    def set_delete(self, skb: Any, reference: SetReference) -> None:
        """Delete what the packet has at those sides, if it is there (ip_set_del)."""

    def set_values(self, skb: Any, reference: SetReference) -> SetValues | None:
        """What the element that the packet matches says, or None when it matches none (ip_set_test)."""
