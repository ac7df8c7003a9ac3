"""A firewall to ask from Python: packets in, outcomes out, with assertions whose message is the trace.

firewall = Firewall.of("rulesets/home-router")
firewall.send("eth0: 198.51.100.7:40000 > 203.0.113.10:443 tcp S").is_accepted(rule="NAS: web", out="eth1")
firewall.send("reply S.").is_accepted(ctstate="ESTABLISHED")
assert firewall.drops("eth0: 198.51.100.7:40000 > 203.0.113.10:22 tcp S")
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.netfilter.arriving import handed_over
from pyiptables.netfilter.engine import Engine
from pyiptables.packet.typed_packet import TypedPacket
from pyiptables.testing.expectations import Difference, Expected, differences, expected_from
from pyiptables.testing.outcome import Outcome, outcome_of
from pyiptables.testing.source import Source
from pyiptables.testing.steps import following, leans, read_packets

SECOND = 1_000_000_000


class Firewall:
    """A host with its rules, connections and clock; each packet that is sent is there for those after it.

    ``source`` says where rules, host and sets come from; ``seed`` decides chance; ``time`` is the clock, in nanoseconds
    since 1970. ``misses=False`` leaves out what failed in rules that did not match, which is quicker.
    """

    def __init__(self, source: Source, *, seed: int = 0, time: int = 0, misses: bool = True) -> None:
        self.source = source
        self.seed = seed
        self.time = time
        self.misses = misses
        self.judged: Sent | None = None
        """What an :class:`Answer` was last made of: it explains a failed ``assert``."""
        self._engines: dict[Family, Engine] = {}
        self._number = 0
        self._first: tuple[TypedPacket, Outcome] | None = None

    @classmethod
    def of(cls, path: str | Path, **more: Any) -> Firewall:
        """The firewall of a snapshot folder or a ruleset file; ``host`` and ``ipset`` may name more files."""
        source = Source.of(path)
        for name in ("host", "ipset", "rules6"):
            value = more.pop(name, None)
            if value is not None:
                setattr(source, name, value if isinstance(value, Host) else Path(value))
        return cls(source, **more)

    def __repr__(self) -> str:
        source = self.source
        return f"<Firewall {source.snapshot or source.rules or source.rules6}>"

    def anew(self) -> Firewall:
        """The same firewall without the connections and counts of this one."""
        return Firewall(self.source, seed=self.seed, time=self.time, misses=self.misses)

    @property
    def first_outcome(self) -> Outcome | None:
        """What became of the packet that later ones lean on."""
        return self._first[1] if self._first is not None else None

    def wait(self, seconds: float) -> Firewall:
        """Let time pass."""
        self.time += int(seconds * SECOND)
        return self

    def engine(self, family: Family, *packets: TypedPacket) -> Engine:
        """The engine of a family; a host that has to be assumed is assumed from these packets."""
        found = self._engines.get(family)
        if found is None:
            host = self.source.host_for(family, packets)
            sets = self.source.sets(self.time)
            found = Engine(self.source.ruleset(family), host, sets=sets, seed=self.seed, misses=self.misses)
            self.source.connect(found.conntrack, self.time)
            self._engines[family] = found
        return found

    def send(self, packet: str | TypedPacket) -> Sent:
        """Send a packet, or a conversation in one line; what became of the last one.

        The text is the one-line notation, iptables' words, or a packet that leans on the first one (``reply S.``,
        ``again .``). Error where it cannot be read, or arrives on an interface that the host does not have.
        """
        self.judged = None
        if isinstance(packet, str) and leans(packet):
            if self._first is None:
                raise Error(f"{packet!r} comes first: there is no packet to lean on")
            typed, outcome = self._first
            return self._sent(following(packet, self.engine(typed.family), typed, outcome), first=False)
        packets = read_packets(packet) if isinstance(packet, str) else (packet,)
        self.engine(packets[0].family, *packets)
        return [self._sent(each, first=True) for each in packets][-1]

    def accepts(self, packet: str | TypedPacket) -> Answer:
        """Whether a packet that is sent passes."""
        return self._answer(packet, "ACCEPT")

    def drops(self, packet: str | TypedPacket) -> Answer:
        """Whether a packet that is sent is dropped without an answer."""
        return self._answer(packet, "DROP")

    def rejects(self, packet: str | TypedPacket) -> Answer:
        """Whether a packet that is sent is rejected, with an answer."""
        return self._answer(packet, "REJECT")

    def blocks(self, packet: str | TypedPacket) -> Answer:
        """Whether a packet that is sent is dropped or rejected."""
        return self._answer(packet, "DROP", "REJECT")

    def _answer(self, packet: str | TypedPacket, *verdicts: str) -> Answer:
        sent = self.send(packet)
        return Answer(
            self, sent, tuple(differences(expected_from({"verdict": list(verdicts)}), sent.outcome, self.source))
        )

    def _sent(self, typed: TypedPacket, *, first: bool) -> Sent:
        engine = self.engine(typed.family, typed)
        for _ in range(typed.count):
            self._number += 1
            trace = engine.send(handed_over(typed, engine.host, time=self.time, number=self._number))
        outcome = outcome_of(trace, engine)
        if first:
            self._first = (typed, outcome)
        return Sent(self, outcome)


@dataclass(frozen=True, slots=True)
class Sent:
    """A packet that was sent, with assertions about it: each returns itself, or raises AssertionError with the trace.

    Keywords are the keys of a case in TOML: ``rule``, ``matched``, ``out``, ``delivered``, ``source``, ``destination``,
    ``ctstate``, ``mark``, ``ctmark``, ``reject``, ``log``, ``hook``.
    """

    firewall: Firewall
    outcome: Outcome

    def matches(self, **expected: Any) -> Sent:
        """Assert any of them."""
        __tracebackhide__ = True
        found = list(differences(expected_from(expected), self.outcome, self.firewall.source))
        if found:
            raise AssertionError(message(self.outcome, found))
        return self

    def is_accepted(self, **expected: Any) -> Sent:
        """Assert that it passed."""
        __tracebackhide__ = True
        return self.matches(verdict="ACCEPT", **expected)

    def is_dropped(self, **expected: Any) -> Sent:
        """Assert that it was dropped without an answer."""
        __tracebackhide__ = True
        return self.matches(verdict="DROP", **expected)

    def is_rejected(self, **expected: Any) -> Sent:
        """Assert that it was rejected with an answer."""
        __tracebackhide__ = True
        return self.matches(verdict="REJECT", **expected)

    def is_blocked(self, **expected: Any) -> Sent:
        """Assert that it was dropped or rejected."""
        __tracebackhide__ = True
        return self.matches(verdict=["DROP", "REJECT"], **expected)

    def __repr__(self) -> str:
        return f"<{self.outcome.verdict}: {self.outcome.line}>"


class Answer:
    """Yes or no, and why. Asked for its truth it tells the firewall, whose pytest fixture then explains the assertion."""

    __slots__ = ("differences", "firewall", "sent")

    def __init__(self, firewall: Firewall, sent: Sent, found: tuple[Difference, ...]) -> None:
        self.firewall = firewall
        self.sent = sent
        self.differences = found

    def __bool__(self) -> bool:
        self.firewall.judged = self.sent
        return not self.differences

    @property
    def why(self) -> str:
        """The trace."""
        return "\n".join(self.sent.outcome.story())

    def __repr__(self) -> str:
        return repr(self.sent)


def message(outcome: Outcome, found: list[Difference]) -> str:
    """What a failed assertion says: expected and actual, then the trace."""
    lines = [outcome.line, *(line for difference in found for line in difference.lines()), "", *outcome.story()]
    return "\n".join(lines)


__all__ = ["Answer", "Expected", "Firewall", "Sent"]
