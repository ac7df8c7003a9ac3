"""The events of a packet's way through the hooks, in the order in which they happen.

An engine emits them; renderers read them. They are frozen and hold copies: nothing in them changes when the packet does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pyiptables.hooks import Family, Hook
from pyiptables.ruleset.model import RuleSpec


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True, slots=True)
class Arrived(Event):
    """A packet came in on an interface, or (``local``) was handed over by a process; ``data`` from its network header on."""

    number: int
    time: int
    family: Family
    interface: str
    local: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class Made(Event):
    """The host made a packet of its own: ``what`` says why (``REJECT with tcp-reset``, ``time exceeded``)."""

    what: str
    family: Family
    data: bytes


@dataclass(frozen=True, slots=True)
class MadeEnd(Event):
    """The made packet's way has ended; the events after it belong to the packet before."""


@dataclass(frozen=True, slots=True)
class Looped(Event):
    """A packet to the host itself came back in through the loopback interface."""

    interface: str


@dataclass(frozen=True, slots=True)
class HookEntered(Event):
    """The packet stands at a hook, with its interfaces there (empty: none)."""

    hook: Hook
    in_interface: str
    out_interface: str


@dataclass(frozen=True, slots=True)
class Tracked(Event):
    """What connection tracking says: NEW, ESTABLISHED, RELATED, INVALID, UNTRACKED; ``reply`` for its direction.

    ``connection`` is the tuple of the connection's first packet, before NAT; None where there is no connection.
    """

    state: str
    reply: bool
    detail: str = ""
    connection: tuple[Any, ...] | None = None


@dataclass(frozen=True, slots=True)
class TableEntered(Event):
    """A table's base chain at the present hook begins."""

    table: str
    chain: str


@dataclass(frozen=True, slots=True)
class TableLeft(Event):
    """A table is done; ``verdict`` is ACCEPT, DROP, QUEUE, STOLEN, and ``by_policy`` whether the policy gave it."""

    table: str
    verdict: str
    by_policy: bool


@dataclass(frozen=True, slots=True)
class RuleMatched(Event):
    """All conditions of a rule held; the number counts from 1 in its chain. ``depth`` is how many jumps lead to the chain."""

    table: str
    chain: str
    number: int
    spec: RuleSpec
    depth: int


@dataclass(frozen=True, slots=True)
class Failing:
    """A part of a rule that the packet does not fulfil: the rule's words for it, and what the packet has instead."""

    wanted: str
    has: str


@dataclass(frozen=True, slots=True)
class RuleMissed(Event):
    """A rule did not match; ``failed`` are its parts that fail, the first one tested first. ``parts`` is how many it has."""

    table: str
    chain: str
    number: int
    spec: RuleSpec
    depth: int
    failed: tuple[Failing, ...]
    parts: int


@dataclass(frozen=True, slots=True)
class RuleBehind(Event):
    """A rule that would have accepted the packet, had not a rule before it dropped it."""

    table: str
    chain: str
    number: int
    spec: RuleSpec


@dataclass(frozen=True, slots=True)
class ChainEntered(Event):
    """A rule jumped or went to a user-defined chain."""

    table: str
    chain: str
    depth: int


@dataclass(frozen=True, slots=True)
class ChainReturned(Event):
    """A user-defined chain ended or returned without a verdict."""

    table: str
    chain: str
    depth: int


@dataclass(frozen=True, slots=True)
class Changed(Event):
    """Something about the packet or its connection changed: ``what`` (destination, source, mark, ttl ...), before, after."""

    what: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Routed(Event):
    """A routing decision in words; ``kind`` is that of the decision (LOCAL, UNICAST, BROADCAST ...)."""

    kind: str
    words: str
    out_interface: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Logged(Event):
    """A line for the kernel's log: all that it takes to print it (``prefix`` included), the packet as it was.

    ``level`` is syslog's number; ``flags`` those of the LOG target (1 tcp-sequence, 2 tcp-options, 4 ip-options, 8 uid,
    0x20 macdecode).
    """

    time: int
    prefix: str
    level: int
    flags: int
    family: Family
    in_interface: str
    out_interface: str
    mac: bytes
    mark: int
    data: bytes
    trace: bool = False
    uid: int | None = None
    gid: int | None = None


@dataclass(frozen=True, slots=True)
class Sent(Event):
    """A frame left the host: link-layer header and all, of the link type that captures number (1 Ethernet, 101 raw IP)."""

    interface: str
    frame: bytes
    linktype: int = 1


@dataclass(frozen=True, slots=True)
class Delivered(Event):
    """The packet reached a process of the host (or its protocol handler)."""

    interface: str


@dataclass(frozen=True, slots=True)
class Held(Event):
    """A fragment waits for the others of its datagram."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reassembled(Event):
    """The last fragment came: the events after it are about the whole datagram."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Noted(Event):
    """A target did something that does not change the packet's way."""

    text: str


@dataclass(frozen=True, slots=True)
class Assumed(Event):
    """Something that neither ruleset, host nor packet says was assumed."""

    text: str


@dataclass(frozen=True, slots=True)
class Unmodelled(Event):
    """A part of a rule that is not modelled took part in the outcome."""

    table: str
    chain: str
    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Decided(Event):
    """How a packet's way ended.

    ``verdict``: ACCEPT (delivered or sent), DROP, STOLEN, QUEUE. ``table``, ``chain``, ``number`` and ``spec`` name the
    rule that decided (number 0: the chain's policy; table empty: not by a rule, see ``reason``). ``via`` are the rules
    that jumped there, outermost first: chain and number of each.
    """

    verdict: str
    hook: Hook | None
    reason: str
    table: str = ""
    chain: str = ""
    number: int = 0
    spec: RuleSpec | None = None
    via: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """All that happened to one packet that was handed to the engine, and to the packets that it gave rise to."""

    number: int
    events: tuple[Event, ...] = field(default=())

    @property
    def own(self) -> Iterator[Event]:
        """The events of the packet itself, those of packets that the host made on its way left out."""
        depth = 0
        for event in self.events:
            if isinstance(event, Made):
                depth += 1
            elif isinstance(event, MadeEnd):
                depth -= 1
            elif not depth:
                yield event

    @property
    def decided(self) -> Decided | None:
        """How the way of the packet itself ended."""
        found = None
        for event in self.own:
            if isinstance(event, Decided):
                found = event
                if event.verdict != "ACCEPT":  # what comes in through lo after that is an answer to it
                    break
        return found

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]
