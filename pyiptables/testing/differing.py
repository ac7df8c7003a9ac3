"""What two rulesets do differently: each set of packets whose fate changes, by the rules responsible on both sides.

A fate is a hook and how packets leave its tables. Sets are those of :mod:`pyiptables.analysis`, as packets arrive at the
host or leave a process of it. Beside fates, what the nat table makes of connections is compared, by the targets of its
rules. What a packet gets besides (marks, TTL, logs) is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.extensions.base import Target
from pyiptables.hooks import TABLES, Family, Hook
from pyiptables.render.rules import rule_text
from pyiptables.ruleset.model import Chain, Table
from pyiptables.testing.facts import Facts, interface_names
from pyiptables.testing.firewall import Firewall
from pyiptables.testing.outcome import Outcome, Step
from pyiptables.testing.packets import Kinds, space_of
from pyiptables.testing.rows import Rows
from pyiptables.testing.rulenames import step_text
from pyiptables.testing.sets import lines_of, passed, standing
from pyiptables.testing.source import Source

VERDICTS = ("ACCEPT", "DROP", "REJECT", "QUEUE", "STOLEN")
MOST_PARTS = 12
"""Pairs of rules that one change of fate is parted by; what is left is told together."""
SEVERAL = "several rules"
FATES = tuple(
    (hook, verdict)
    for hook in Hook
    for verdict in VERDICTS
    if verdict != "ACCEPT" or hook in (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT)
)
"""A packet passes one of these hooks, or it ends at any of them."""
Fate = tuple[Hook, str]


@dataclass(frozen=True, slots=True)
class Change:
    """Packets whose fate changes.

    ``before`` and ``after`` are the fates in words, ``old`` and ``new`` the rules or policies responsible in words.
    ``packets`` describes the set; ``witness`` is one of it, in the notation that ``pyipt trace`` takes, and ``confirmed``
    whether tracing it through both sides shows the change.
    """

    family: Family
    hook: str
    before: str
    after: str
    old: str
    new: str
    packets: str
    witness: str | None
    confirmed: bool


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two rulesets."""

    source: Source
    reach: Reach
    facts: Facts


class Differing:
    """Compares two firewalls for one family."""

    def __init__(self, old: Source, new: Source, family: Family) -> None:
        self.family = family
        rulesets = (old.ruleset(family), new.ruleset(family))
        hosts = (old.real_host(), new.real_host())
        names = [test for host in hosts for test in interface_names(host)]
        self.space = space_of(rulesets, (), names)
        self.nothing = PacketSet(self.space, self.space.false)
        self.old, self.new = (
            self._side(source, other, host)
            for source, other, host in zip((old, new), reversed(rulesets), hosts, strict=True)
        )
        self._deciders: dict[
            tuple[int, Fate], tuple[list[tuple[Step, PacketSet]], Iterator[tuple[Step, PacketSet]]]
        ] = {}
        self._hooks: dict[tuple[int, str, str], tuple[Hook, ...]] = {}

    def _side(self, source: Source, other: object, host: object) -> _Side:
        ruleset = source.ruleset(self.family)
        reach = Reach.of(
            ruleset,
            facts=source.real_host(),
            sets=source.sets(0),
            space=self.space,
            looked_at=(other,),  # type: ignore[arg-type]
        )
        return _Side(source, reach, Facts(self.space, source.real_host()))

    def changes(self) -> Iterator[Change]:
        """All changes, fates first, then translations."""
        before, after = self._fates(self.old), self._fates(self.new)
        lost = {fate: before[fate] - after[fate] for fate in FATES}
        gained = {fate: after[fate] - before[fate] for fate in FATES}
        changed = self.nothing
        for packets in (*lost.values(), *gained.values()):
            changed = changed | packets
        for same_hook in (True, False):
            for fate, other in product(FATES, FATES):
                packets = lost[fate] & gained[other] if (fate[0] is other[0]) is same_hook else self.nothing
                if packets:
                    yield from self._split(packets, fate, other)
                    lost[fate], gained[other] = lost[fate] - packets, gained[other] - packets
        yield from self._open(lost, gained, before, after)
        yield from self._translations(changed)

    def _open(
        self,
        lost: dict[Fate, PacketSet],
        gained: dict[Fate, PacketSet],
        before: dict[Fate, PacketSet],
        after: dict[Fate, PacketSet],
    ) -> Iterator[Change]:
        """Packets of which one fate was, or became, only possible: a limit came or went."""
        for fate, other in product(FATES, FATES):
            both = before[other] & after[other] if fate != other and fate[0] is other[0] else self.nothing
            if lost[fate] & both:
                yield from self._split(lost[fate] & both, fate, other, was="perhaps ")
            if gained[fate] & both:
                yield from self._split(gained[fate] & both, other, fate, becomes="perhaps ")

    def _fates(self, side: _Side) -> dict[Fate, PacketSet]:
        """The packets, as they arrive, that may have each fate."""
        arriving = side.facts.arriving()
        found = {}
        for hook, verdict in FATES:
            at_hook = side.reach.verdict_at(hook, verdict).may & side.facts.at(hook)
            found[hook, verdict] = side.reach.origin(at_hook, hook) & arriving if at_hook else self.nothing
        return found

    # the rules responsible

    def _split(self, packets: PacketSet, fate: Fate, other: Fate, was: str = "", becomes: str = "") -> Iterator[Change]:
        """A changed set by the rules responsible on both sides."""
        left, count = packets, 0
        for old, some in self._parted(self.old, packets, fate):
            for new, part in self._parted(self.new, some, other):
                yield self._change(part, fate, other, (old, new), was, becomes)
                left, count = left - part, count + 1
                if count == MOST_PARTS:
                    if left:
                        yield self._change(left, fate, other, None, was, becomes)
                    return

    def _parted(self, side: _Side, packets: PacketSet, fate: Fate) -> Iterator[tuple[Step | None, PacketSet]]:
        left = packets
        for step, taken in self._deciding(side, fate):
            some = left & taken
            if some:
                yield step, some
                left = left - some
                if not left:
                    return
        policy = self._policy(side, fate)
        if left:
            yield policy, left

    def _deciding(self, side: _Side, fate: Fate) -> Iterator[tuple[Step, PacketSet]]:
        """The rules that give a fate, each with the packets, as they arrive, to which it may give it; found once."""
        key = (id(side), fate)
        if key not in self._deciders:
            self._deciders[key] = ([], self._found(side, fate))
        known, more = self._deciders[key]
        place = 0
        while True:
            if place == len(known):
                found = next(more, None)
                if found is None:
                    return
                known.append(found)
            yield known[place]
            place += 1

    def _hooks_of(self, side: _Side, table: str, chain: str) -> tuple[Hook, ...]:
        key = (id(side), table, chain)
        found = self._hooks.get(key)
        if found is None:
            found = self._hooks[key] = side.reach.hooks_of(table, chain)
        return found

    def _found(self, side: _Side, fate: Fate) -> Iterator[tuple[Step, PacketSet]]:
        hook, verdict = fate
        reach = side.reach
        place = side.facts.at(hook) & Kinds(self.space).at(hook)
        for table, chain, number, rule in reach.ruleset.rules():
            spec = rule.spec
            ends = (
                "REJECT"
                if spec.target_name == "REJECT"
                else "QUEUE"
                if spec.target_name == "NFQUEUE"
                else spec.target_name
            )
            wanted = ends == verdict and hook in TABLES[table.name]
            if not wanted or (verdict == "ACCEPT" and table.name != "filter"):
                continue
            if hook not in self._hooks_of(side, table.name, chain.name):
                continue
            taken = reach.takes(table.name, chain.name, number).may & place
            if taken:
                yield Step(table.name, chain.name, number, spec), reach.origin(taken, hook)

    def _policy(self, side: _Side, fate: Fate) -> Step | None:
        hook, verdict = fate
        for name in ("filter", "mangle", "raw", "security", "nat"):
            table = side.reach.ruleset.tables.get(name)
            chain = table.chains.get(hook.name) if table is not None else None
            if chain is not None and chain.policy == verdict:
                return Step(name, chain.name, 0, None, verdict)
        return None

    # what the nat table makes of connections

    def _translations(self, changed: PacketSet) -> Iterator[Change]:
        """Connections that pass on both sides, and are translated otherwise."""
        for hooks in ((Hook.PREROUTING,), (Hook.OUTPUT,), (Hook.POSTROUTING,), (Hook.INPUT,)):
            before, after = (self._translated(side, hooks[0]) for side in (self.old, self.new))
            for text, (packets, old) in before.items():
                for other, (others, new) in after.items():
                    if text != other and packets & others - changed:
                        part = packets & others - changed
                        yield self._translation(part, hooks[0], text, other, old, new)

    def _translated(self, side: _Side, hook: Hook) -> dict[str, tuple[PacketSet, Step | None]]:
        """The packets, as they arrive, that come to each target of the nat table at a hook; "" for none."""
        table = side.reach.ruleset.tables.get("nat")
        place = Kinds(self.space).at(hook) & side.facts.at(hook)
        come = side.reach.at_hook(hook).may & place & PacketSet(self.space, self.space.states(0))
        rest = side.reach.origin(come, hook) & side.facts.arriving()
        found: dict[str, tuple[PacketSet, Step | None]] = {}
        for chain, number, text in _nat_rules(table, self.family):
            if table is None or hook not in self._hooks_of(side, "nat", chain.name):
                continue
            taken = side.reach.takes("nat", chain.name, number).may & place
            packets = side.reach.origin(taken, hook) & rest if taken else self.nothing
            if packets:
                before, step = found.get(
                    text, (self.nothing, Step("nat", chain.name, number, chain.rules[number - 1].spec))
                )
                found[text] = (before | packets, step)
                rest = rest - packets
        found[""] = (rest, None)
        return found

    # showing it

    def _change(
        self,
        part: PacketSet,
        fate: Fate,
        other: Fate,
        rules: tuple[Step | None, Step | None] | None,
        was: str,
        becomes: str,
    ) -> Change:
        witness, confirmed = self._witness(part, fate, other)
        moved = fate[0] is not other[0]
        return Change(
            self.family,
            fate[0].name,
            was + fate[1] + (f" at {fate[0].name}" if moved else ""),
            becomes + other[1] + (f" at {other[0].name}" if moved else ""),
            step_text(rules[0], self.family) if rules is not None else SEVERAL,
            step_text(rules[1], self.family) if rules is not None else SEVERAL,
            self._described(part, fate[0]),
            str(witness) if witness is not None else None,
            confirmed,
        )

    def _translation(
        self, part: PacketSet, hook: Hook, text: str, other: str, old: Step | None, new: Step | None
    ) -> Change:
        witness = next(lines_of(self.old.reach, part, self.old.facts, hook), None)
        return Change(
            self.family,
            f"nat {hook.name}",
            text or "not translated",
            other or "not translated",
            step_text(old, self.family),
            step_text(new, self.family),
            self._described(part, hook),
            str(witness) if witness is not None else None,
            witness is not None and self._translated_otherwise(witness, hook),
        )

    def _described(self, part: PacketSet, hook: Hook) -> str:
        known = self.nothing
        for side in (self.old, self.new):
            known = known | side.reach.origin(side.reach.at_hook(hook).may & side.facts.at(hook), hook)
        return Rows(self.old.reach, known & self.old.facts.arriving()).describe(part)

    def _witness(self, part: PacketSet, fate: Fate, other: Fate) -> tuple[str | None, bool]:
        first = None
        for line in lines_of(self.old.reach, part, self.old.facts, fate[0]):
            first = first or line
            if any(self._shows(pair, line, fate, other) for pair in self._standing(line, fate[0], other[0])):
                return line, True
        return first, False

    def _standing(self, line: str, hook: Hook, other: Hook) -> Iterator[tuple[Source, Source]]:
        """Both firewalls on their hosts, or on hosts that are assumed alike."""
        yield self.old.source, self.new.source
        for one in (hook, other) if hook is not other else (hook,):
            yield from zip(standing(self.old.source, line, one), standing(self.new.source, line, one), strict=False)

    def _shows(self, pair: tuple[Source, Source], line: str, fate: Fate, other: Fate) -> bool:
        old, new = (Firewall(source, misses=False).send(line).outcome for source in pair)
        return _has(old, fate) and _has(new, other)

    def _translated_otherwise(self, line: str, hook: Hook) -> bool:
        for pair in self._standing(line, hook, hook):
            old, new = (Firewall(source, misses=False).send(line).outcome for source in pair)
            if (old.source, old.destination) != (new.source, new.destination):
                return True
        return False


def _has(outcome: Outcome, fate: Fate) -> bool:
    """Whether a packet had that fate."""
    hook, verdict = fate
    if verdict == "ACCEPT":
        return passed(outcome, hook)
    return outcome.verdict == verdict and outcome.hook == hook.name


def _nat_rules(table: Table | None, family: Family) -> Iterator[tuple[Chain, int, str]]:
    """The rules of the nat table that end the way through it, each with its target in words."""
    for chain in table.chains.values() if table is not None else ():
        for number, rule in enumerate(chain.rules, 1):
            target: Target | None = rule.spec.target
            if target is not None and target.terminal:
                yield chain, number, rule_text(rule.spec, chain.name, family, "nat").rpartition(" -j ")[2]
            elif rule.spec.jump == "ACCEPT":
                yield chain, number, ""


__all__ = ["Change", "Differing"]
