"""Which packets come to which rule, and what becomes of all packets: the questions that a linter or a test asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pyiptables.analysis.diagrams import Node, always, within_memory, without
from pyiptables.analysis.effects import Effects
from pyiptables.analysis.flow import Flow
from pyiptables.analysis.pairs import Pair
from pyiptables.analysis.picking import narrowed, pick
from pyiptables.analysis.reading import Reader
from pyiptables.analysis.scan import changed_sets, interface_tests, tracks, usage
from pyiptables.analysis.sets import Bounds, PacketSet, bounds_of
from pyiptables.analysis.space import LOCAL, NEW, UNICAST, Space
from pyiptables.analysis.witness import Witness, Witnesses
from pyiptables.errors import OperationFailed
from pyiptables.hooks import TABLES, Hook
from pyiptables.host import Host
from pyiptables.ipset.sets import Sets
from pyiptables.ruleset.conditions import apart
from pyiptables.ruleset.model import Chain, Ruleset, RuleSpec

MOST_NESTED, MOST_WAYS = 30, 4
LARGE = 2000
"""Rules from which on the diagrams get a large cache."""


@dataclass(frozen=True, slots=True, order=True)
class RulePlace:
    """A rule: its table, its chain and its number there, from 1; number 0 is the chain's policy."""

    table: str
    chain: str
    number: int


def space_for(*rulesets: Ruleset, facts: Host | None = None) -> Space:
    """A space in which these rulesets, all of one family and on one host, can be compared."""
    names = dict.fromkeys(test for ruleset in rulesets for test in interface_tests(ruleset))
    rules = sum(
        len(chain.rules) for one in rulesets for table in one.tables.values() for chain in table.chains.values()
    )
    return Space(rulesets[0].family, names, facts=facts, large=rules > LARGE)


class Reach:
    """All packets' ways through one ruleset. Made by :meth:`of`."""

    def __init__(self, ruleset: Ruleset, flow: Flow, whole: Callable[[], Reach] | None = None) -> None:
        """``whole`` finds the ways of all packets, where ``flow`` follows some only: witnesses may need others first."""
        self.ruleset = ruleset
        self.flow = flow
        self.space = flow.space
        self._passing: Node | None = None
        self._whole = whole
        self._reached: dict[str, list[tuple[Hook, set[str]]]] = {}
        self._witnesses = Witnesses(
            self.space,
            tracking=flow.tracking,
            passing=self._passes,
            tracked=self._tracked,
        )

    @classmethod
    def of(
        cls,
        ruleset: Ruleset,
        *,
        facts: Host | None = None,
        sets: Sets | None = None,
        space: Space | None = None,
        looked_at: Iterable[Ruleset] = (),
        tracking: bool = False,
    ) -> Reach:
        """Follow all packets through a ruleset.

        ``facts`` is the host it stands on, of which the addresses count; ``sets`` are the contents of ipset's sets. To
        compare rulesets, give each the same ``space`` (:func:`space_for` of all) and the others as ``looked_at``;
        ``tracking`` says that connections are tracked though no rule of this one asks for it.
        AnalysisError where chains lead back to themselves, or the answer would take too much memory.
        """
        with within_memory():
            space = space or space_for(ruleset, facts=facts)
            tracking = tracking or tracks(ruleset)
            reader = Reader(space, fragments=not tracking, sets=sets, changing=changed_sets(ruleset))
            effects = Effects(space, usage((ruleset, *looked_at)))
            flow = Flow(ruleset, reader, effects, tracking=tracking)
            flow.run()
            return cls(ruleset, flow)

    # rules

    def _spec(self, table: str, chain: str, number: int) -> RuleSpec:
        known = self.ruleset.tables.get(table)
        if known is None or chain not in known.chains or not 1 <= number <= len(known.chains[chain].rules):
            raise OperationFailed(f"there is no rule {number} in chain {chain} of table {table}")
        return known.chains[chain].rules[number - 1].spec

    def _comes(self, table: str, chain: str, number: int, match: Pair | None = None) -> Pair:
        return self.flow.walks[table].comes(chain, number, self.flow.stage(table), match)

    def _match(self, table: str, chain: str, number: int) -> Pair:
        spec = self._spec(table, chain, number)
        return self.flow.reader.rule(spec, table, self.flow.stage(table))[0]

    def arrives(self, table: str, chain: str, number: int) -> Bounds:
        """The packets, as they are then, that come to a rule, from all hooks; OperationFailed where there is none such."""
        self._spec(table, chain, number)
        with within_memory():
            return bounds_of(self.space, self._comes(table, chain, number))

    def matches(self, table: str, chain: str, number: int) -> Bounds:
        """The packets that a rule's conditions select, whether they come to it or not."""
        with within_memory():
            pair = self._match(table, chain, number)
            may = pair.may & self.space.valid
            return bounds_of(self.space, Pair(may, may if pair.exact else pair.must & self.space.valid))

    def takes(self, table: str, chain: str, number: int) -> Bounds:
        """The packets that come to a rule and match it."""
        with within_memory():
            match = self._match(table, chain, number)
            return bounds_of(self.space, self._comes(table, chain, number, match))

    def dead(self, table: str, chain: str, number: int) -> bool:
        """Whether surely no packet comes to a rule and matches it; quicker than to ask for the set."""
        with within_memory():
            match = self._match(table, chain, number).may
            return not self.flow.walks[table].touches(chain, number, self.flow.stage(table), match)

    def chain_arrives(self, table: str, chain: str) -> Bounds:
        """The packets that come to a chain."""
        known = self.ruleset.tables[table].chains[chain]
        with within_memory():
            if known.built_in and not known.rules:
                return bounds_of(self.space, self.flow.tables_at.get((table, Hook[chain]), self.flow.reader.nothing))
            return bounds_of(self.space, self._comes(table, chain, 0))

    @property
    def chains_reached(self) -> frozenset[tuple[str, str]]:
        """The chains, as table and name, to which a packet may come."""
        return frozenset(
            (name, chain) for name, table in self.ruleset.tables.items() for chain in table.chains
            if self.chain_arrives(name, chain)
        )  # fmt: skip

    # hooks

    def fallen(self, table: str, hook: Hook) -> Bounds:
        """The packets, as they are then, that come to the end of a hook's chain, so that its policy decides about them."""
        walk = self.flow.walks.get(table)
        with within_memory():
            return bounds_of(self.space, self.flow.reader.nothing if walk is None else walk.fallen(hook))

    def at_hook(self, hook: Hook) -> Bounds:
        """The packets that come to a hook, as they are then."""
        return bounds_of(self.space, self.flow.hooks[hook].arrives)

    def verdict_at(self, hook: Hook, verdict: str) -> Bounds:
        """The packets, as they are behind the hook's tables, that end so there (ACCEPT: go on)."""
        return bounds_of(self.space, self.flow.hooks[hook].ends.get(verdict, self.flow.reader.nothing))

    def verdict(self, hook: Hook, verdict: str) -> Bounds:
        """The packets, as they arrive at the host or leave a process, that come to a hook and end so there.

        Verdicts are ACCEPT (goes on behind the hook), DROP, REJECT, QUEUE, STOLEN. ``must`` holds those that surely do:
        that come to no other end.
        """
        with within_memory():
            may = self._origin(self.flow.hooks[hook].ends.get(verdict, self.flow.reader.nothing).may, hook)
            others = self.space.false
            for other, ends in self._other_ends(hook, verdict):
                others = others | self._origin(ends, other)
            return Bounds(PacketSet(self.space, may), PacketSet(self.space, may & ~others))

    def _origin(self, node: Node, hook: Hook) -> Node:
        return self.flow.origin(node, hook) if node != self.space.false else node

    def _other_ends(self, hook: Hook, verdict: str) -> Iterator[tuple[Hook, Node]]:
        """The ends that packets of a hook can come to instead, up to that hook."""
        before: dict[Hook, tuple[Hook, ...]] = {Hook.INPUT: (Hook.PREROUTING,), Hook.FORWARD: (Hook.PREROUTING,)}
        before[Hook.POSTROUTING] = (Hook.PREROUTING, Hook.FORWARD, Hook.OUTPUT)
        for one in (*before.get(hook, ()), hook):
            for label, pair in self.flow.hooks[one].ends.items():
                if label == verdict and one is hook:
                    continue
                if one is not hook and label == "ACCEPT":
                    continue
                yield one, pair.may
        if hook in (Hook.INPUT, Hook.FORWARD):
            other = Hook.FORWARD if hook is Hook.INPUT else Hook.INPUT
            yield other, self.flow.hooks[other].arrives.may

    def origin(self, packets: PacketSet, hook: Hook) -> PacketSet:
        """How packets of a set at a hook came to the host, or left their process: NAT and marks undone."""
        with within_memory():
            return PacketSet(self.space, self._origin(packets.node, hook))

    # packets

    def _tracked(self) -> Node:
        return self.flow.tracked() if self._whole is None else self._whole().flow.tracked()

    def _passes(self) -> Node:
        """Packets, as they come, that surely come to their end, and on which NAT does nothing."""
        if self._whole is not None:
            return self._whole()._passes()
        if self._passing is None:
            found = self.verdict(Hook.INPUT, "ACCEPT").must.node | self.verdict(Hook.POSTROUTING, "ACCEPT").must.node
            for hook, result in self.flow.hooks.items():
                if result.translated is not None:
                    found = found & ~self._origin(result.translated.may, hook)
            self._passing = found
        return self._passing

    def witness(self, packets: PacketSet, hook: Hook | None = None, *, oif: str = "") -> Witness | None:
        """One packet of a set in the notation that ``pyipt trace`` takes, or the conversation that leads to it.

        With a hook the set is of packets as they are there, and the packet is written as it arrives at the host or leaves
        its process; without, as they arrive, and ``oif`` is by which interface a packet is to leave. None where the set is
        empty, or none of its packets can be written: see :mod:`pyiptables.analysis.witness`. Where no host is given, the
        packet goes its way on the witness's own ``host()``.
        """
        with within_memory():
            if hook is None:
                return self._witnesses.write(packets.node & (self.flow.received() | self.flow.sent()), oif)
            return self._witness_at(packets.node, hook)

    def _witness_at(self, node: Node, hook: Hook) -> Witness | None:
        """A packet of a set at a hook; one on which there is no NAT, where there is any."""
        space = self.space
        moved = space.moved.equals(1)
        node = always(self._witnesses.certain(node), space.diagrams.quantifier(self.flow.overwritten()))
        here, lo = space.destination_type.equals(LOCAL), space.oif.equals(space.interfaces.code("lo"))
        sent = space.iif.equals(0)
        node = node & ~(~sent & lo) & ~(sent & (here ^ lo))
        # That a new destination is this host's is not to be had without knowing the host.
        changed = node & moved & space.destination_type.equals(UNICAST) & space.state.equals(NEW)
        changed = always(changed, space.diagrams.quantifier(one.number for one in space.free.values()))
        for part in (node & ~moved, changed):
            for oif, some in self._by_way_out(part, hook):
                line = self._witnesses.write(self._origin(self._elsewhere(some), hook), oif)
                if line is not None:
                    return line
        return None

    def _elsewhere(self, node: Node) -> Node:
        """Packets of a set that this host sends and NAT changes, with one new destination that is not where they are from."""
        space = self.space
        sent = node & space.moved.equals(1) & space.iif.equals(0)
        if sent == space.false:
            return node
        destination = space.destination.value(pick(space, sent))
        sent = sent & space.destination.equals(destination) & ~space.source.equals(destination)
        return (node & ~(space.moved.equals(1) & space.iif.equals(0))) | sent

    def _by_way_out(self, node: Node, hook: Hook) -> Iterator[tuple[str, Node]]:
        """A set at a hook, apart by the interface by which packets leave; that is not seen when they come."""
        space = self.space
        if hook in (Hook.PREROUTING, Hook.INPUT):
            yield "", node
            return
        back = space.oif.same_as(space.iif)
        for _ in range(MOST_WAYS):
            if node == space.false:
                return
            code = space.oif.value(pick(space, narrowed([~back], node)))
            yield space.interfaces.examples[code], node & space.oif.equals(code)
            node = node & ~space.oif.equals(code)

    def witness_to(self, table: str, chain: str, number: int) -> Witness | None:
        """A packet that surely comes to a rule and matches it; None where none can be written."""
        with within_memory():
            match = self._match(table, chain, number)
            walk = self.flow.walks[table]
            for hook, pair in walk.comes_from(chain, number, self.flow.stage(table), match):
                line = self._witness_at(pair.must, hook) if pair.must != self.space.false else None
                if line is not None:
                    return line
        return None

    def consumers(self, table: str, chain: str, number: int) -> list[RulePlace]:
        """The earlier rules of the table that take what a rule selects, so that it does not come to it.

        They are in the order in which a packet meets them: of the chain itself, and of the chains that it calls; then,
        where those leave something, of the chains that lead to it.
        """
        with within_memory():
            match = self._match(table, chain, number)
            wanted = match.may & self.space.valid & self._coming(table, chain)
            asked = self._spec(table, chain, number)
            return list(dict.fromkeys(self._consumers(asked, table, chain, number, wanted, set())))

    def _coming(self, table: str, chain: str) -> Node:
        """What comes to the table from the hooks that lead to a chain, with any mark."""
        space, found = self.space, self.space.false
        for hook in self.hooks_of(table, chain):
            pair = self.flow.tables_at.get((table, hook))
            found = found if pair is None else found | pair.may
        flags = (space.mark, space.marked, space.moved, space.ported)
        return without(found, space.diagrams.quantifier(number for bits in flags for number in bits.numbers))

    def _consumers(
        self, asked: RuleSpec, table: str, chain: str, number: int, wanted: Node, seen: set[str]
    ) -> Iterator[RulePlace]:
        seen.add(chain)
        found, left = [], wanted
        for place in range(1, number):
            ended, by = self._ended_at(asked, table, chain, place, left, 0)
            if by:
                found += by
                left = left & ~ended
        callers = [
            (name, place) for name, other in self.ruleset.tables[table].chains.items()
            for place, rule in enumerate(other.rules, 1) if rule.spec.jump == chain and name not in seen
        ]  # fmt: skip
        for name, place in callers if left != self.space.false else ():
            here = left & self._match(table, name, place).may
            if here != self.space.false:
                yield from self._consumers(asked, table, name, place, here, seen)
        yield from found

    def _ended_at(
        self, asked: RuleSpec, table: str, chain: str, number: int, wanted: Node, depth: int
    ) -> tuple[Node, list[RulePlace]]:
        """Which of some packets that a rule asks for another keeps from going on, and which rules do that for it."""
        spec = self._spec(table, chain, number)
        nothing: tuple[Node, list[RulePlace]] = (self.space.false, [])
        if wanted == self.space.false or (spec.jump is None and (spec.target is None or not spec.target.terminal)):
            return nothing
        if apart(spec, asked):  # quicker than to ask sets, and so it is with most rules
            return nothing
        took = wanted & self._match(table, chain, number).must
        below = self.ruleset.tables[table].chains.get(spec.jump or "")
        if took == self.space.false or below is None:
            return (took, [RulePlace(table, chain, number)]) if took != self.space.false else nothing
        if spec.goto or depth > MOST_NESTED:
            return took, [RulePlace(table, chain, number)]
        places: list[RulePlace] = []
        ended, left = self.space.false, took
        for place, rule in enumerate(below.rules, 1):
            if rule.spec.jump == "RETURN":
                left = left & ~self._match(table, below.name, place).may
                continue
            gone, by = self._ended_at(asked, table, below.name, place, left, depth + 1)
            if by:
                places += by
                ended, left = ended | gone, left & ~gone
            if left == self.space.false:
                break
        return ended, places

    def hooks_of(self, table: str, chain: str) -> tuple[Hook, ...]:
        """The hooks from which a chain is reached by jumps."""
        found = self._reached.get(table)
        if found is None:
            chains = self.ruleset.tables[table].chains
            found = self._reached[table] = [(hook, reached_from(chains, hook.name)) for hook in sorted(TABLES[table])]
        return tuple(hook for hook, reached in found if chain in reached)


def reached_from(chains: Mapping[str, Chain], start: str) -> set[str]:
    """A chain and all to which jumps lead from it."""
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name in chains and name not in seen:
            seen.add(name)
            todo += [rule.spec.jump for rule in chains[name].rules if rule.spec.jump is not None]
    return seen
