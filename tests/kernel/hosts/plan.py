"""What a host that is to be recorded looks like, as a declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hosts.talk import Talk

HOST = "the host"
"""The name under which the recorded host itself takes part in a conversation, among the machines."""


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface of the host: its MAC, and its addresses with prefix length."""

    mac: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine on the wire of one interface of the host.

    ``addresses`` are those with prefix length that it has; the first one is who it usually is. ``routes`` are what
    ``ip route add`` takes, without the device.
    """

    wire: str
    mac: str
    addresses: tuple[str, ...]
    routes: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The first address, without its prefix length."""
        return self.addresses[0].partition("/")[0]


@dataclass(frozen=True, slots=True)
class HostPlan:
    """A host, the machines around it, and the conversations that are recorded.

    ``routes`` are the host's own, with device; ``neighbours`` are what it knows of MACs: address to (interface, MAC).
    ``start`` is the time of the first packet that the capture says. The ruleset is the ``rules.v4`` of the folder.
    """

    name: str
    interfaces: Mapping[str, Interface]
    machines: Mapping[str, Machine]
    start: datetime
    play: Callable[[Talk], None]
    routes: tuple[str, ...] = ()
    neighbours: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    sysctls: Mapping[str, str | int] = field(default_factory=dict)
