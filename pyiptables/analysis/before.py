"""Which rules of earlier tables keep packets from a table: raw's and mangle's come first, those of PREROUTING before INPUT's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from pyiptables.analysis.diagrams import Node, within_memory, without
from pyiptables.analysis.reach import Reach, RulePlace
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import LOCAL, UNICAST, UNTRACKED
from pyiptables.hooks import Hook

_FROM = {Hook.INPUT: (Hook.PREROUTING,), Hook.FORWARD: (Hook.PREROUTING,)}
"""The hooks that packets have behind them; what comes to POSTROUTING has no single way."""
_EARLY = ("raw", "mangle")
UNTRACKING = ("CT", "NOTRACK")


class Before:
    """Answers about one ruleset; what its early tables drop is found once."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach

    @cached_property
    def possible(self) -> PacketSet:
        """Packets as connection tracking makes them: without NOTRACK none is UNTRACKED."""
        space = self.reach.space
        known = space.tracked() if self.reach.flow.tracking else space.true
        return PacketSet(space, known if self._untracks else known & ~space.state.equals(UNTRACKED))

    def drops(self, table: str, chain: str, packets: PacketSet) -> tuple[list[RulePlace], bool]:
        """The rules of earlier tables that surely drop some packets of a set at a chain, and whether they drop all of it.

        The set is of packets as they are in that chain; of those, the packets count that come to the hook as they arrived.
        """
        found: dict[RulePlace, None] = {}
        come, left, nothing = False, False, self.reach.space.false
        with within_memory():
            for hook in self.reach.hooks_of(table, chain) if self._dropped else ():
                rest = self._origin(packets.node & self.ordinary(hook), hook)
                come = come or rest != nothing
                for place, dropped in self.on_the_way(table, hook):
                    if rest & dropped != nothing:
                        found[place] = None
                        rest = rest & ~dropped
                left = left or rest != nothing
        return list(found), come and not left and bool(found)

    def ordinary(self, hook: Hook) -> Node:
        """Packets at a hook for one machine, of which nothing was changed on their way."""
        space, flow = self.reach.space, self.reach.flow
        if hook is Hook.INPUT:
            return flow.received() & space.destination_type.equals(LOCAL)
        if hook is Hook.FORWARD:
            received = without(flow.received(), space.oif.quantifier)
            return received & space.has(space.oif) & space.destination_type.equals(UNICAST)
        return flow.sent()

    def on_the_way(self, table: str, hook: Hook) -> Iterator[tuple[RulePlace, Node]]:
        """What comes before a table on the way to a hook: rules that drop, and what they drop, as it arrives."""
        for one in (*_FROM.get(hook, ()), hook):
            for name in self.reach.flow.tables(one):
                if one is hook and name == table:
                    return
                yield from self._dropped.get((one, name), ())

    @cached_property
    def _dropped(self) -> dict[tuple[Hook, str], list[tuple[RulePlace, Node]]]:
        """What each rule of the early tables surely drops, as it arrives, by hook and table."""
        found: dict[tuple[Hook, str], list[tuple[RulePlace, Node]]] = {}
        flow = self.reach.flow
        for name in _EARLY:
            table, stage = self.reach.ruleset.tables.get(name), flow.stage(name)
            for chain in table.chains.values() if table is not None else ():
                for number, rule in enumerate(chain.rules, 1):
                    if rule.spec.jump != "DROP":
                        continue
                    match = flow.reader.rule(rule.spec, name, stage)[0]
                    for hook, pair in flow.walks[name].comes_from(chain.name, number, stage, match):
                        place = RulePlace(name, chain.name, number)
                        found.setdefault((hook, name), []).append((place, self._origin(pair.must, hook)))
        return found

    @cached_property
    def _untracks(self) -> bool:
        return any(rule.spec.target_name in UNTRACKING for _, _, _, rule in self.reach.ruleset.rules())

    def _origin(self, node: Node, hook: Hook) -> Node:
        """A set as it arrives; without NOTRACK nothing is UNTRACKED."""
        if not self._untracks:
            node = node & ~self.reach.space.state.equals(UNTRACKED)
        return self.reach.flow.origin(node, hook) if node != self.reach.space.false else node


def dead_without(reach: Reach, place: RulePlace, matches: frozenset[str]) -> bool:
    """Whether a rule would be dead without its matches of these names too: what they ask is then not why."""
    spec = reach.ruleset.tables[place.table].chains[place.chain].rules[place.number - 1].spec
    spec = replace(spec, matches=tuple(match for match in spec.matches if match.name not in matches))
    stage = reach.flow.stage(place.table)
    with within_memory():
        asked = reach.flow.reader.rule(spec, place.table, stage)[0].may
        return not reach.flow.walks[place.table].touches(place.chain, place.number, stage, asked)
