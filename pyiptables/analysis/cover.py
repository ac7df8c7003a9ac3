"""Whether rules that decide one thing would take all that a later rule asks for, were there no others before them."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.before import Before
from pyiptables.analysis.diagrams import Node, within_memory, without
from pyiptables.analysis.reach import MOST_NESTED, RulePlace
from pyiptables.analysis.sets import PacketSet
from pyiptables.hooks import Hook
from pyiptables.ruleset.conditions import apart
from pyiptables.ruleset.model import Chain, RuleSpec


class Cover:
    """The rules before one rule that decide one of ``decisions``: names of verdicts and targets that end."""

    def __init__(self, before: Before, decisions: frozenset[str]) -> None:
        self.reach, self.before, self.decisions = before.reach, before, decisions
        self._found: dict[RulePlace, None] = {}
        self._asked: RuleSpec | None = None
        self._none = self.reach.space.false

    def of(self, place: RulePlace, asked: PacketSet) -> list[RulePlace]:
        """Those that together take all of a set that the rule asks for, on every way to it; none where they do not."""
        self._found = {}
        self._asked = self.reach.ruleset.tables[place.table].chains[place.chain].rules[place.number - 1].spec
        with within_memory():
            for hook in self.reach.hooks_of(place.table, place.chain):
                wanted = asked.node & self.before.ordinary(hook)
                if "DROP" in self.decisions:
                    wanted = self._early(place.table, hook, wanted)
                if not self._covered(place.table, place.chain, place.number, wanted, hook, (place.chain,)):
                    return []
        return list(self._found)

    def _early(self, table: str, hook: Hook, wanted: Node) -> Node:
        out = self.reach.space.oif.quantifier
        for dropper, arrived in self.before.on_the_way(table, hook):
            # By which way it would leave was not known then.
            dropped = without(arrived, out) if hook is Hook.FORWARD else arrived
            if wanted & dropped != self._none:
                self._found[dropper] = None
                wanted = wanted & ~dropped
        return wanted

    def _covered(self, table: str, chain: str, number: int, left: Node, hook: Hook, seen: tuple[str, ...]) -> bool:
        """Whether all of a set is taken before it comes to a rule, from each chain that leads there."""
        chains = self.reach.ruleset.tables[table].chains
        left = self._left(table, chains[chain], number - 1, left, 0)
        if left == self._none or (chains[chain].built_in and chain != hook.name):
            return True
        callers = list(self._callers(table, chain)) if len(seen) <= MOST_NESTED else []
        if not callers or chains[chain].built_in:
            return not chains[chain].built_in and bool(callers)
        for name, place in callers:
            here = left & self.reach.matches(table, name, place).may.node
            if name in seen or not self._covered(table, name, place, here, hook, (*seen, name)):
                return False
        return True

    def _callers(self, table: str, chain: str) -> Iterator[tuple[str, int]]:
        for name, other in self.reach.ruleset.tables[table].chains.items():
            yield from ((name, place) for place, rule in enumerate(other.rules, 1) if rule.spec.jump == chain)

    def _left(self, table: str, chain: Chain, before: int, left: Node, depth: int) -> Node:
        """What the first rules of a chain leave of a set; RETURN keeps what it takes."""
        kept = self._none
        for place, rule in enumerate(chain.rules[:before], 1):
            if left == self._none or depth > MOST_NESTED:
                break
            if rule.spec.jump == "RETURN":
                back = left & self.reach.matches(table, chain.name, place).may.node
                kept, left = kept | back, left & ~back
            elif self._counts(rule.spec) or rule.spec.jump is not None:
                left = self._behind(table, chain.name, place, rule.spec, left, depth)
        return left | kept

    def _counts(self, spec: RuleSpec) -> bool:
        return spec.target_name in self.decisions

    def _behind(self, table: str, chain: str, place: int, spec: RuleSpec, left: Node, depth: int) -> Node:
        below = self.reach.ruleset.tables[table].chains.get(spec.jump or "")
        if (below is None and not self._counts(spec)) or (self._asked is not None and apart(spec, self._asked)):
            return left
        took = left & self.reach.matches(table, chain, place).must.node
        if took == self._none:
            return left
        if below is None:
            self._found[RulePlace(table, chain, place)] = None
            return left & ~took
        rest = self._left(table, below, len(below.rules), took, depth + 1)
        return (left & ~took) | rest
