"""Statements about all packets of a kind, decided by packet sets; what is false is shown by a packet that is traced.

A set is known from two sides (what may be in it, what must). Where they differ a statement can be neither proved nor
refuted, unless a packet is found that the trace shows to refute it; then the answer is "unknown", with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.witness import Witness as Told
from pyiptables.hooks import Family, Hook
from pyiptables.host import Host
from pyiptables.testing.claims import Kind, Service, Statement
from pyiptables.testing.expectations import Difference
from pyiptables.testing.facts import Facts, interface_names
from pyiptables.testing.firewall import Firewall
from pyiptables.testing.outcome import Outcome, own_events
from pyiptables.testing.packets import Kinds, space_of
from pyiptables.testing.results import Failure, Status
from pyiptables.testing.rows import Rows
from pyiptables.testing.source import Source, interfaces_of, source_text
from pyiptables.testing.steps import read_packets
from pyiptables.testing.suite import Claim, Suite
from pyiptables.trace import events

MOST_WITNESSES = 12
"""How many packets are tried before a set that may be empty is called unknown."""
ELSEWHERE = {Family.IPV4: "198.18.0.1/32", Family.IPV6: "2001:2::1/128"}
"""The address of an interface of an assumed host, for MASQUERADE to choose (RFC 2544, RFC 5180)."""
BLOCKED = ("DROP", "REJECT", "STOLEN", "QUEUE")
Decision = tuple[Status, list[Failure], tuple[str, ...]]


def decide(suite: Suite, claim: Claim) -> Decision:
    """Decide a statement for each family it speaks of."""
    failures: list[Failure] = []
    assumed: dict[str, None] = {}
    status = Status.PASSED
    for family in claim.families:
        judge = _Judge(suite, claim, family)
        found = list(judge.failures())
        failures += found
        if found:
            assumed.update(dict.fromkeys(suite.source.assumptions(family)))
            unsure = all(failure.unknown for failure in found)
            status = status if status is Status.FAILED else Status.UNKNOWN if unsure else Status.FAILED
    return status, failures, tuple(assumed)


def reach_of(source: Source, family: Family, statements: tuple[Statement, ...] = ()) -> Reach:
    """All packets' ways through the rules of a family."""
    ruleset = source.ruleset(family)
    space = space_of([ruleset], statements, interface_names(source.real_host()))
    return Reach.of(ruleset, facts=source.real_host(), sets=source.sets(0), space=space)


@dataclass(frozen=True, slots=True)
class Witness:
    """A packet, or a conversation, in one line, and what became of it."""

    line: str
    outcome: Outcome
    passed: bool
    """Whether it passed the hook in question."""
    arrived: bool
    """Whether it came to that hook at all."""


class _Judge:
    """Decides one statement for one family."""

    def __init__(self, suite: Suite, claim: Claim, family: Family) -> None:
        self.suite = suite
        self.claim = claim
        self.family = family
        self.statement: Statement = claim.values
        self.hook = Hook[self.statement.hook]
        self.reach = reach_of(suite.source, family, (self.statement,))
        self.kinds = Kinds(self.reach.space)
        self.facts = Facts(self.reach.space, suite.source.real_host())
        self.subject = self._subject(self.statement.subject)

    def _subject(self, kind: Kind) -> PacketSet:
        found = self.kinds.arriving(kind) & self.facts.arriving()
        if self.hook is not Hook.OUTPUT and not kind.interfaces:
            found = found & self.kinds.by_network()
        return found

    def failures(self) -> Iterator[Failure]:
        """What does not hold."""
        if self.claim.kind == "services":
            yield from self._services()
        elif self.claim.kind == "nothing":
            yield from self._nothing(self.subject - self._others(), "accepted")
        else:
            yield from self._everything()

    def _others(self) -> PacketSet:
        found = self.kinds.everything - self.kinds.everything
        for kind in self.statement.others:
            found = found | self.kinds.arriving(kind)
        return found

    def _leaving(self) -> PacketSet:
        """Packets at the hook that leave as the statement says; those of OUTPUT by any interface but lo, else."""
        kind = self.statement.subject
        if self.hook is Hook.OUTPUT and not kind.out_interfaces:
            return self.kinds.not_looped()
        return self.kinds.leaving(kind)

    def _ends(self, *verdicts: str) -> PacketSet:
        """The packets, as they arrive, that may end so at the hook."""
        found = self.kinds.everything - self.kinds.everything
        for verdict in verdicts:
            at_hook = self.reach.verdict_at(self.hook, verdict).may
            found = found | self.reach.origin(at_hook & self._leaving() & self.facts.at(self.hook), self.hook)
        return found

    def _nothing(self, packets: PacketSet, what: str) -> Iterator[Failure]:
        bad = packets & self._ends("ACCEPT")
        if bad:
            yield self._refuted(
                bad, want_passed=True, expected="no such packet is accepted", actual=f"this one is {what}"
            )

    def _everything(self) -> Iterator[Failure]:
        bad = (self.subject - self._others()) & self._ends(*BLOCKED)
        early = self.reach.verdict(Hook.PREROUTING, "DROP").may if self.hook is not Hook.OUTPUT else None
        if early:
            bad = bad | ((self.subject - self._others()) & early)
        if bad:
            yield self._refuted(
                bad, want_passed=False, expected="each such packet is accepted", actual="this one is not"
            )

    def _services(self) -> Iterator[Failure]:
        yield from self._nothing(self.subject - self._others(), "accepted, and is none of these")
        accepted = self.subject & self._ends("ACCEPT")
        for kind in self.statement.others:
            wanted = self.kinds.arriving(kind)
            if not wanted or not _is_of(kind, self.family):
                continue
            if not accepted & wanted:
                yield self._refuted(
                    self.subject & wanted, want_passed=False, expected=f"{kind.describe()} is open", actual="it is not"
                )

    # packets that show it

    def _refuted(self, bad: PacketSet, *, want_passed: bool, expected: str, actual: str) -> Failure:
        """The failure that a packet of the set shows; unknown where no packet does."""
        last: Witness | None = None
        for tried in self.witnesses(bad):
            shown = tried.passed if want_passed else tried.arrived and not tried.passed
            if shown:
                note = f"such packets: {self.described(bad)}"
                return Failure((self._difference(expected, actual),), tried.outcome, note=note, packet=tried.line)
            last = last or tried
        note = "unknown: no packet was found that shows it, but the sets do not exclude it\n"
        note += f"packets that are open: {self.described(bad)}"
        outcome, line = (last.outcome, last.line) if last is not None else (None, "")
        return Failure((self._difference(expected, "unknown"),), outcome, note=note, packet=line, unsure=True)

    def described(self, packets: PacketSet) -> str:
        """A set in words."""
        come = self.reach.at_hook(self.hook).may & self._leaving() & self.facts.at(self.hook)
        return Rows(self.reach, self.reach.origin(come, self.hook) & self.subject).describe(packets)

    def _difference(self, expected: str, actual: str) -> Difference:
        both = len(self.claim.families) > 1
        return Difference(f"IPv{self.family.version} {self.hook.name}" if both else self.hook.name, expected, actual)

    def witnesses(self, packets: PacketSet) -> Iterator[Witness]:
        """Packets of a set, each from another part of it, with what became of them."""
        for line in lines_of(self.reach, packets, self.facts, self.hook):
            yield traced(self.suite.source, line, self.hook, self.suite.seed)


def lines_of(
    reach: Reach, packets: PacketSet, facts: Facts, hook: Hook, most: int = MOST_WITNESSES, oif: str = ""
) -> Iterator[str]:
    """Packets of a set, as they arrive, in one line each: the ordinary ones first; ``oif`` is where they are to leave."""
    left = most
    for preferred in (*facts.preferences(hook), packets):
        some = packets & preferred
        line = reach.witness(some, oif=oif) if some else None
        if line is None:
            continue
        yield line
        left -= 1
        packets = packets - preferred
        if not left or not packets:
            return


def traced(source: Source, line: str, hook: Hook, seed: int = 0) -> Witness:
    """What becomes of a packet, and whether it passed a hook.

    Where the host is not given, several are assumed in turn, until the packet comes to that hook and passes it.
    """
    found: list[Witness] = []
    for one in standing(source, line, hook):
        outcome = Firewall(one, seed=seed).send(line).outcome
        found.append(Witness(line, outcome, passed(outcome, hook), hook in _hooks(outcome)))
        if found[-1].passed:
            break
    return max(found, key=lambda one: (one.passed, one.arrived))


def standing(source: Source, line: str, hook: Hook) -> Iterator[Source]:
    """The firewall on its host; where that is not given, on hosts on which the packet could come to the hook."""
    yield source
    if source.real_host() is not None:
        return
    if isinstance(line, Told):
        yield source.on(line.host())
    if hook not in (Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING):
        return
    packets = read_packets(line)
    names = interfaces_of(source.ruleset(packets[0].family), packets)
    everywhere = "default" if packets[0].family is Family.IPV4 else "::/0"
    for out in names:
        links: dict[str, dict[str, list[str]]] = {name: {} for name in names if name != "lo"}
        if out in links:
            links[out] = {
                "addresses": [source_text(packets[-1]) if packets[-1].local else ELSEWHERE[packets[-1].family]]
            }
        values = {"forwarding": True, "interfaces": links, "routes": [f"{everywhere} dev {out}"]}
        yield source.on(Host.from_values(values, "host", "the assumed host"))


def _hooks(outcome: Outcome) -> list[Hook]:
    return [event.hook for event in own_events(outcome.trace) if isinstance(event, events.HookEntered)]


def passed(outcome: Outcome, hook: Hook) -> bool:
    """Whether a packet came to a hook and went on behind it."""
    decided = outcome.trace.decided
    stopped = decided is None or (decided.verdict != "ACCEPT" and decided.hook in (hook, None))
    return hook in _hooks(outcome) and not stopped


def _is_of(kind: Kind, family: Family) -> bool:
    """Whether a family has such packets at all."""
    services: tuple[Service, ...] = kind.services
    return not services or any(service.family in (None, family) for service in services)
