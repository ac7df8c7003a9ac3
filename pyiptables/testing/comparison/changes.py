"""What two rulesets do differently: each set of packets whose fate changes, by the rules responsible on both sides.

A fate is a hook and how packets leave its tables, the kind of refusal and the queue included. Of packets whose fate stays,
what is done to them is compared: the addresses and ports that connections get, marks, TTL and type of service, whether
they are tracked, what is logged of them. Sets are those of :mod:`pyiptables.analysis`, as packets arrive at the host or
leave a process of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from pyiptables.analysis.diagrams import Node, without
from pyiptables.analysis.interfaces import Names
from pyiptables.analysis.reach import Reach
from pyiptables.analysis.scan import interface_tests
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import NEW
from pyiptables.hooks import Family, Hook
from pyiptables.testing.comparison.aspects import aspects_between
from pyiptables.testing.comparison.noted_walk import Notes, NotingFlow, leaving, noting_reach
from pyiptables.testing.comparison.operations import Aspect
from pyiptables.testing.comparison.side import Fate, Responsible, Side
from pyiptables.testing.comparison.touched import touched
from pyiptables.testing.comparison.treatments import Treated, Treatments
from pyiptables.testing.comparison.unmodelled import WordedReader
from pyiptables.testing.comparison.witnesses import Showing, Shown
from pyiptables.testing.comparison.words import fate_words, words
from pyiptables.testing.facts import interface_names
from pyiptables.testing.outcome import Step
from pyiptables.testing.packets import space_of
from pyiptables.testing.rows import Rows
from pyiptables.testing.rulenames import step_text
from pyiptables.testing.source import Source

MOST_PARTS = 12
"""Pairs of rules that one change of fate is parted by; what is left is told together."""
LARGE = 2000
"""Rules of both sides from which on only packets are followed that may come to a rule that differs."""
MOST_RULES = 3
"""Rules that are named for one thing that is done to packets."""
SEVERAL = "several rules"
ASPECTS = ("verdict", "nat", "mark", "ttl", "tos", "tracking", "log", "effects")
"""The words for what changes, as they can be asked for."""


@dataclass(frozen=True, slots=True)
class Change:
    """Packets whose fate changes.

    ``about`` is one of :data:`ASPECTS`; ``before`` and ``after`` say in words what becomes of the packets, ``old`` and
    ``new`` name the rules or policies responsible. ``packets`` describes the set; ``witness`` is one of it, in the
    notation that ``pyipt trace`` takes, and ``confirmed`` whether tracing it through both sides shows the change.
    """

    family: Family
    about: str
    hook: str
    before: str
    after: str
    old: str
    new: str
    packets: str
    witness: str | None
    confirmed: bool

    @property
    def perhaps(self) -> bool:
        """Whether one of the two was, or becomes, only possible."""
        return "perhaps " in (self.before[:8], self.after[:8])

    @property
    def title(self) -> str:
        """``INPUT: DROP -> ACCEPT``, ``nat PREROUTING: not translated -> MASQUERADE``."""
        where = self.hook if self.about == "verdict" else f"{self.about} {self.hook}"
        return f"{where}: {self.before} -> {self.after}"


class Differing:
    """Compares two firewalls for one family; ``about`` are words of :data:`ASPECTS`, all of them unless given."""

    def __init__(self, old: Source, new: Source, family: Family, about: Iterable[str] = ASPECTS) -> None:
        self.family = family
        self.about = frozenset(about)
        rulesets = (old.ruleset(family), new.ruleset(family))
        hosts = (old.real_host(), new.real_host())
        tests = [test for host in hosts for test in interface_names(host)]
        tests += [test for ruleset in rulesets for test in interface_tests(ruleset)]
        self.notes = Notes(
            (aspect for aspect in aspects_between(old, new, family) if aspect.value.strip() in self.about),
            len(Names(dict.fromkeys(tests)).examples),
        )
        self.space = space_of(rulesets, (), tests, noted=self.notes.width)
        self.notes.place(self.space)
        self.nothing = PacketSet(self.space, self.space.false)
        self.worded: set[int] = set()
        reaches = [
            noting_reach(one.ruleset(family), self.space, self.notes, one.sets(0), other)
            for one, other in zip((old, new), reversed(rulesets), strict=True)
        ]
        alike = all(one.sets(0) is None and one.real_host() is None for one in (old, new))
        many = sum(1 for ruleset in rulesets for _ in ruleset.rules()) > LARGE
        some = touched(*reaches) if many and alike else self.space.true
        self.old, self.new = (self._side(*one, some) for one in zip((old, new), reaches, strict=True))
        self._whole = some == self.space.true
        self._queued = self.nothing
        self._told: set[tuple[Fate, Fate, Step | None, Step | None]] = set()
        self._translated = PacketSet(self.space, ~(self.space.snat.equals(0) & self.space.dnat.equals(0)))
        self.showing = Showing(self.old, self.new, self.notes)

    def _side(self, source: Source, reach: Reach, packets: Node) -> Side:
        flow = reach.flow
        assert isinstance(flow, NotingFlow) and isinstance(flow.reader, WordedReader)
        flow.follow(packets)
        self.worded |= flow.reader.worded
        return Side(source, reach, flow)

    def changes(self) -> Iterator[Change]:
        """All changes: fates first, then what is done to packets whose fate stays."""
        before, after = self.old.fates(), self.new.fates()
        for (_, verdict), packets in (*before.items(), *after.items()):
            self._queued = self._queued | packets if verdict.startswith("QUEUE") else self._queued
        fates = list(dict.fromkeys((*before, *after)))
        fates.sort(key=lambda fate: fate[0])
        for fate in fates:
            before.setdefault(fate, self.nothing)
            after.setdefault(fate, self.nothing)
        lost = {fate: before[fate] - after[fate] for fate in fates}
        gained = {fate: after[fate] - before[fate] for fate in fates}
        if "verdict" in self.about:
            yield from self._fates(fates, (before, after), (lost, gained))
        for treated in Treatments(self.old, self.new, self.notes).changes():
            yield self._treated(treated)

    def _fates(
        self,
        fates: list[Fate],
        whole: tuple[dict[Fate, PacketSet], dict[Fate, PacketSet]],
        moved: tuple[dict[Fate, PacketSet], dict[Fate, PacketSet]],
    ) -> Iterator[Change]:
        (before, after), (lost, gained) = whole, moved
        for same_hook in (True, False):
            for fate, other in product(fates, fates):
                packets = lost[fate] & gained[other] if (fate[0] is other[0]) is same_hook else self.nothing
                if packets:
                    yield from self._split(packets, fate, other, whole)
                    lost[fate], gained[other] = lost[fate] - packets, gained[other] - packets
        for fate, other in product(fates, fates):
            both = before[other] & after[other] if fate != other and fate[0] is other[0] else self.nothing
            if lost[fate] & both:
                yield from self._split(lost[fate] & both, fate, other, whole, was=True)
            if gained[fate] & both:
                yield from self._split(gained[fate] & both, other, fate, whole, becomes=True)

    # the rules responsible

    def _split(
        self,
        packets: PacketSet,
        fate: Fate,
        other: Fate,
        whole: tuple[dict[Fate, PacketSet], dict[Fate, PacketSet]],
        *,
        was: bool = False,
        becomes: bool = False,
    ) -> Iterator[Change]:
        """A changed set by the rules responsible on both sides."""
        left, count = packets, 0
        for old, some in self._parted(self.old, packets, fate):
            for new, part in self._parted(self.new, some, other):
                key = (fate, other, old, new)
                if not (was or becomes):
                    self._told.add(key)
                elif key in self._told and part <= self._translated:
                    continue  # the later packets of connections whose first ones are told of
                first, then = was or self._open(part, fate, whole[0]), becomes or self._open(part, other, whole[1])
                yield self._change(part, fate, other, (old, new), was=first, becomes=then)
                left, count = left - part, count + 1
                if count == MOST_PARTS:
                    if left:
                        yield self._change(left, fate, other, None, was=was, becomes=becomes)
                    return

    def _open(self, packets: PacketSet, fate: Fate, fates: dict[Fate, PacketSet]) -> bool:
        """Whether such packets have other fates too, as a limit or chance decides."""
        asked = self.space.diagrams.quantifier(self.worded)
        if not self.worded or without(packets.node, asked) == packets.node:
            return False
        all_of_them = PacketSet(self.space, without(packets.node, asked))
        others = (found for other, found in fates.items() if other != fate and other[0] is fate[0])
        return any(found & all_of_them for found in others)

    def _parted(self, side: Side, packets: PacketSet, fate: Fate) -> Iterator[tuple[Step | None, PacketSet]]:
        left = packets
        for step, taken in side.deciding(fate):
            some = left & taken
            if some:
                yield step, some
                left = left - some
                if not left:
                    return
        yield side.policy(fate), left

    def _doers(self, found: Iterable[Responsible], packets: PacketSet) -> str:
        """The rules that do something to packets of a set, in words."""
        texts: dict[str, None] = {}
        left = packets
        for step, taken in found:
            if left & taken:
                texts[step_text(step, self.family)] = None
                left = left - taken
            if not left or len(texts) > MOST_RULES:
                break
        named = list(texts)
        return "; ".join([*named[:MOST_RULES], "and others"] if len(named) > MOST_RULES else named) or "no rule"

    # showing it

    def _change(
        self,
        part: PacketSet,
        fate: Fate,
        other: Fate,
        rules: tuple[Step | None, Step | None] | None,
        *,
        was: bool,
        becomes: bool,
    ) -> Change:
        shown = self.showing.fates(self._likely(part), fate, other)
        ends = [
            "perhaps " * possible + fate_words(one[1]) + (f" at {one[0].name}" if fate[0] is not other[0] else "")
            for possible, one in ((was, fate), (becomes, other))
        ]
        named = [step_text(rule, self.family) for rule in rules] if rules is not None else [SEVERAL, SEVERAL]
        return self._made("verdict", fate[0].name, ends, named, part, shown, (fate[0],))

    def _treated(self, treated: Treated) -> Change:
        values = self.notes.values[treated.aspect]
        ends = [values[treated.before], values[treated.after]]
        queued = not treated.packets - self._queued  # a program lets it pass, or does not
        texts = [
            "perhaps " * possible + words(treated.aspect, value)
            for possible, value in zip((treated.was or queued, treated.becomes or queued), ends, strict=True)
        ]
        named = [
            self._doers(side.doing(treated.aspect, value), treated.packets) if number else "no rule"
            for side, value, number in zip((self.old, self.new), ends, (treated.before, treated.after), strict=True)
        ]
        hooks = tuple(sorted(treated.hooks))
        shown = self.showing.treated(self._likely(treated.packets), treated.aspect, hooks)
        name = ", ".join(hook.name for hook in hooks)
        return self._made(treated.aspect.value.strip(), name, texts, named, treated.packets, shown, hooks)

    def _likely(self, packets: PacketSet) -> Iterator[PacketSet]:
        """Those that a first packet can be: a limit is not yet reached, and no program behind a queue has a say."""
        held = PacketSet(self.space, self.space.diagrams.cube(dict.fromkeys(self.worded, True)))
        for some in (packets - self._queued, packets):
            if self.worded:
                yield some & held
            yield some

    def _made(
        self,
        about: str,
        hook: str,
        ends: list[str],
        named: list[str],
        part: PacketSet,
        shown: Shown,
        hooks: tuple[Hook, ...],
    ) -> Change:
        (before, after), (old, new) = ends, named
        packets = self._described(part, hooks, new=about == "nat")
        return Change(self.family, about, hook, before, after, old, new, packets, shown.line, shown.confirmed)

    def _described(self, part: PacketSet, hooks: tuple[Hook, ...], *, new: bool) -> str:
        """A set in words; what translated connections bring is left away where there are others."""
        known, space = self.nothing, self.space
        for side, hook in product((self.old, self.new), hooks):
            known = known | side.reach.origin(side.reach.at_hook(hook).may & side.facts.at(hook), hook)
        if not self._whole:  # only some were followed: the others count among those that can be
            flow = self.old.flow
            known = PacketSet(space, flow.sent() if hooks == (Hook.OUTPUT,) else flow.received())
            known = known | (PacketSet(space, flow.sent()) if Hook.POSTROUTING in hooks else self.nothing)
        known = known & self.old.arriving
        plain = space.snat.equals(0) & space.dnat.equals(0)
        whole = space.fragoff.equals(0)
        for ordinary in (space.state.equals(NEW),) if new else (plain & whole, plain, space.true):
            some = part & PacketSet(space, ordinary)
            if some:
                forwarded = {Hook.PREROUTING, Hook.INPUT}.isdisjoint(hooks)
                base = self._leaving(known & PacketSet(space, ordinary), shown=forwarded)
                return Rows(self.old.reach, base=base).describe(self._leaving(some, shown=forwarded))
        return "nothing"

    def _leaving(self, packets: PacketSet, *, shown: bool) -> PacketSet:
        if shown:
            return leaving(self.notes, packets)
        return PacketSet(self.space, without(packets.node, self.notes.out.quantifier))


__all__ = ["ASPECTS", "Aspect", "Change", "Differing"]
