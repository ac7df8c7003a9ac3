"""What targets ask of the engine: requests as plain values, and the services that answer them.

Targets decide what is to be done; whoever drives the packet knows connections, the host and the log, and does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pyiptables.extensions.base import Services
from pyiptables.hooks import Verdict

MAP_IPS, PROTO_SPECIFIED, PROTO_RANDOM, PERSISTENT, PROTO_RANDOM_FULLY, PROTO_OFFSET = (1 << bit for bit in range(6))
"""The kernel's flags of a range (NF_NAT_RANGE_*)."""


@dataclass(frozen=True, slots=True)
class NatRequest:
    """A range to map an address and port into; both ends are included.

    ``addresses`` and ``ports`` are None where nothing is said of them. ``base_port`` is None unless ports are shifted:
    then a port is mapped by its distance from it.
    """

    addresses: tuple[int, int] | None = None
    ports: tuple[int, int] | None = None
    base_port: int | None = None
    random: bool = False
    random_fully: bool = False
    persistent: bool = False

    @property
    def flags(self) -> int:
        """The same as bits of the kernel's."""
        return (
            (MAP_IPS if self.addresses is not None else 0)
            | (PROTO_SPECIFIED if self.ports is not None else 0)
            | (PROTO_OFFSET if self.base_port is not None else 0)
            | PROTO_RANDOM * self.random
            | PROTO_RANDOM_FULLY * self.random_fully
            | PERSISTENT * self.persistent
        )


@dataclass(frozen=True, slots=True)
class TemplateRequest:
    """What the CT target wants of the connection that a packet will begin.

    ``zone`` is the zone's number, or None for the packet's mark; ``directions`` has 1 for the original direction and 2
    for the reply. ``events`` and ``expectation_events`` are bits (IPCT_*, IPEXP_*).
    """

    zone: int | None = 0
    directions: int = 3
    helper: str | None = None
    timeout: str | None = None
    events: int = 0
    expectation_events: int = 0


class EffectServices(Services, Protocol):
    """What the engine does for targets, beside what it does for matches."""

    def nat(self, skb: Any, request: NatRequest, manip: Literal["SRC", "DST"]) -> Verdict:
        """Set the packet's connection up for NAT of one side (nf_nat_setup_info): ACCEPT, or DROP where it fails."""

    def masquerade(self, skb: Any, request: NatRequest) -> Verdict:
        """The same for the source, with the outgoing interface's own address (nf_nat_masquerade_ipv4, _ipv6)."""

    def redirect(self, skb: Any, request: NatRequest) -> Verdict:
        """The same for the destination, with this host's own address.

        That is the first of the incoming interface, at OUTPUT the loopback's; DROP when the interface has none
        (nf_nat_redirect_ipv4, _ipv6).
        """

    def reject(self, skb: Any, kind: str) -> Verdict:
        """Answer the packet; always DROP. ``kind`` is a name of REJECT's: ``icmp-port-unreachable``, ``tcp-reset``."""

    def log(self, skb: Any, *, prefix: str, level: int, flags: int, trace: bool = False) -> None:
        """Write a line to the kernel's log: level 0 to 7, flags as bits XT_LOG_*; ``trace`` for lines of TRACE."""

    def template(self, skb: Any, request: TemplateRequest) -> Any:
        """A template entry to hang on the packet, from which its connection takes zone, helper and policy."""
