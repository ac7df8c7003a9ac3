"""A table read as sets: which packets come to each rule, and how each leaves the table.

A user-defined chain in which nothing is changed is walked once, by all packets that could be: what comes to its rules
from one caller is then what that caller sends, and came to them in that walk. One that changes packets is walked again
for each set that comes, which is remembered; past a bound it is walked once more, by all, and what comes out is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.analysis.diagrams import AnalysisError, Node
from pyiptables.analysis.effects import Change, Effects
from pyiptables.analysis.pairs import Pair, exactly, united
from pyiptables.analysis.passage import Going, Passage, Visit, add, callees_first
from pyiptables.analysis.picking import narrowed, usual
from pyiptables.analysis.reading import Reader, Stage
from pyiptables.extensions.base import Target
from pyiptables.hooks import Hook
from pyiptables.ruleset.model import Chain, RuleSpec, Table

DESTINATION_HOOKS = (Hook.PREROUTING, Hook.OUTPUT)
STANDARD = frozenset({"ACCEPT", "DROP", "QUEUE"})
LARGE = 5000
REPEATED = 40
"""How often, for each of its rules, a table is walked before chains that change packets are no longer told apart."""
DEEPEST = 150
"""Chains within one another that change packets; the kernel's own stack takes fewer in any sane ruleset."""


class TableWalk:
    """Walks one table from each of its hooks, and remembers what came to each rule."""

    def __init__(self, table: Table, reader: Reader, effects: Effects) -> None:
        self.table = table
        self.reader = reader
        self.effects = effects
        self.space = reader.space
        self.nothing, self.everything = reader.nothing, reader.everything
        self._usual = tuple(usual(reader.space))
        self._visits: dict[Hook, Visit] = {}
        self._visit = Visit(self.everything, self.everything)
        self._order = callees_first(table)
        self._summaries: dict[tuple[str, Stage], Passage] = {}
        self._memory: dict[tuple[str, Pair, Hook], Passage] = {}
        self._stages: dict[str, Stage] = {}
        self._steps = REPEATED * (sum(len(chain.rules) for chain in table.chains.values()) + 100)
        self.changes: set[str] = set()
        """The targets among those used that change what rules look at."""
        self._changing = self._which_change()

    def _which_change(self) -> frozenset[str]:
        """The chains in which packets are changed, or from which such a chain is reached."""
        found: set[str] = set()
        for name in self._order:
            for rule in self.table.chains[name].rules:
                target, jump = rule.spec.target, rule.spec.jump
                if (target is not None and self._changes(target)) or jump in found:
                    found.add(name)
        return frozenset(found)

    def _changes(self, target: Target) -> bool:
        if target.name in ("TPROXY", "DNAT", "REDIRECT", "NETMAP") or self.effects.changing(target) is not None:
            self.changes.add(target.name)
            return True
        return False

    # the base chains

    def run(self, hook: Hook, start: Pair, gate: Pair, stage: Stage) -> dict[str, Pair]:
        """How packets leave the table, by verdict (ACCEPT, DROP, REJECT, QUEUE, STOLEN; TRANSLATED: accepted by a NAT rule).

        Those that come are ``start`` as far as they pass the ``gate``. Sets stay small where start is simple; the gate is
        laid over the ends, and speaks of packets behind the table: of what they were, where that was kept.
        """
        ends = self._again(hook, start, gate) or self._first(hook, start, gate, stage)
        if gate is self.everything:
            return ends
        return {verdict: pair.both(gate) for verdict, pair in ends.items()}

    def _first(self, hook: Hook, start: Pair, gate: Pair, stage: Stage) -> dict[str, Pair]:
        chain = self.table.base_chain(hook)
        self._visit = self._visits[hook] = Visit(gate, start)
        self._memory.clear()
        passage = self._walk(chain, start, stage, hook, 0)
        self._collect(chain.name, passage.arrives)
        self._visit.fallen = passage.falls
        add(passage.ends, chain.policy or "ACCEPT", passage.falls)
        self._finish(stage)
        self._visit.ends = passage.ends
        return passage.ends

    def _again(self, hook: Hook, start: Pair, gate: Pair) -> dict[str, Pair] | None:
        """What was found for another hook whose chain says the same (as OUTPUT's in nat often does); None if there is none."""
        chain = self.table.base_chain(hook)
        for other, visit in self._visits.items():
            same = self.table.base_chain(other)
            if visit.start != start or same.policy != chain.policy or "REDIRECT" in self.changes:
                continue
            if (other in DESTINATION_HOOKS) != (hook in DESTINATION_HOOKS):
                continue
            if [rule.spec for rule in same.rules] == [rule.spec for rule in chain.rules]:
                arrived = {(chain.name if name == same.name else name): found for name, found in visit.arrived.items()}
                self._visits[hook] = Visit(
                    gate, start, arrived, visit.entered, visit.ends, visit.gathered, visit.fallen
                )
                return visit.ends
        return None

    def _finish(self, stage: Stage) -> None:
        """Send what came to chains that are walked once on to the chains below them."""
        for name in reversed(self._order):
            sent = self._visit.entered.get(name)
            passage = self._summaries.get((name, stage))
            if sent is None or passage is None or sent.may == self.space.false:
                continue
            for rule, pair in zip(self.table.chains[name].rules, passage.arrives, strict=True):
                jump = rule.spec.jump
                if jump is not None and jump in self.table.chains:
                    match, _ = self.reader.rule(rule.spec, self.table.name, stage)
                    self._enter(jump, match.both(pair).both(sent))

    def fallen(self, hook: Hook) -> Pair:
        """What comes to the end of a hook's chain, so that its policy decides."""
        visit = self._visits.get(hook)
        return self.nothing if visit is None or visit.fallen is None else visit.fallen.both(visit.gate)

    def comes(self, chain: str, number: int, stage: Stage, match: Pair | None = None) -> Pair:
        """What comes to a rule (number 0: to the chain) from all hooks; with ``match`` only so much of it."""
        found = self.nothing
        for _, pair in self.comes_from(chain, number, stage, self.everything if match is None else match):
            found = found.either(pair)
        return found

    def touches(self, chain: str, number: int, stage: Stage, match: Node) -> bool:
        """Whether some packets of a set may come to a rule."""
        passage, false = self._summaries.get((chain, stage)), self.space.false
        for visit in self._visits.values():
            sent, arrived = visit.entered.get(chain), visit.came(chain)
            if sent is not None and passage is not None:
                here = match & passage.arrives[number - 1].may
                if here != false and self._pass(here & sent.may, visit):
                    return True
            if arrived is not None and self._pass(match & arrived[number - 1].may, visit):
                return True
        return False

    def _pass(self, packets: Node, visit: Visit) -> bool:
        """Whether some of them pass a gate. A large gate is asked for one ordinary packet first: it mostly does."""
        false = self.space.false
        if packets == false or visit.gate is self.everything:
            return packets != false
        if visit.large is None:
            visit.large = visit.gate.may.node_count() > LARGE
        if visit.large and narrowed(self._usual, packets) & visit.gate.may != false:
            return True
        return packets & visit.gate.may != false

    def comes_from(self, chain: str, number: int, stage: Stage, match: Pair) -> Iterator[tuple[Hook, Pair]]:
        """The same for each hook that sends something there."""
        passage = self._summaries.get((chain, stage))
        for hook, visit in self._visits.items():
            sent, arrived = visit.entered.get(chain), visit.came(chain)
            here = self.nothing
            if sent is not None and not number:
                here = match.both(sent)
            elif sent is not None and passage is not None:
                # What the rule wants is small, and what came through the table is not: so this order.
                here = match.both(passage.arrives[number - 1]).both(sent)
            if arrived:
                here = here.either(match.both(arrived[max(0, number - 1)]))
            if here.may != self.space.false:
                here = here.both(visit.gate)
            if here.may != self.space.false:
                yield hook, here

    def _enter(self, name: str, pair: Pair) -> None:
        before = self._visit.entered.get(name)
        self._visit.entered[name] = pair if before is None else before.either(pair)

    def _collect(self, name: str, arrives: list[Pair]) -> None:
        self._visit.arrived.setdefault(name, []).append(arrives)

    # one chain

    def _walk(self, chain: Chain, arrive: Pair, stage: Stage, hook: Hook, depth: int) -> Passage:
        walk = Going(arrive, self.nothing)
        arrives: list[Pair] = []
        false = self.space.false
        self._steps -= len(chain.rules)
        self.space.diagrams.tidy()
        for place, rule in enumerate(chain.rules):
            if walk.left.may == false:
                arrives += [self.nothing] * (len(chain.rules) - place)
                break
            arrives.append(walk.left)
            spec = rule.spec
            match, dropped = self.reader.rule(spec, self.table.name, stage)
            if dropped != false:
                self._drop(walk, dropped)
            took = walk.left if match is self.everything else match.both(walk.left)
            if took.may != false:
                self._act(walk, spec, match, took, stage, hook, depth)
        ends = {verdict: united(pairs) for verdict, pairs in walk.ends.items()}
        return Passage(arrives, ends, walk.left.either(walk.falls))

    def _drop(self, walk: Going, dropped: Node) -> None:
        hit = exactly(dropped).both(walk.left)
        walk.end("DROP", hit)
        walk.left = walk.left.but(exactly(dropped))

    def _act(self, walk: Going, spec: RuleSpec, match: Pair, took: Pair, stage: Stage, hook: Hook, depth: int) -> None:
        """What becomes of the packets that match a rule."""
        jump = spec.jump
        if spec.target is not None:
            self._target(walk, spec.target, match, took, hook)
        elif jump is None:
            return
        elif jump in self.table.chains:
            self._call(walk, jump, spec.goto, match, took, stage, hook, depth)
        else:
            walk.left = walk.left.but(match)
            if jump in STANDARD:
                walk.end(jump, took)
            else:
                walk.falls = walk.falls.either(took)

    def _call(
        self, walk: Going, name: str, goto: bool, match: Pair, took: Pair, stage: Stage, hook: Hook, depth: int
    ) -> None:
        if name not in self._changing:
            passage = self._summary(name, stage)
            self._enter(name, took)
            for verdict, pair in passage.ends.items():
                walk.end(verdict, pair.both(took))
            if goto:
                walk.left = walk.left.but(match)
                walk.falls = walk.falls.either(passage.falls.both(took))
            elif passage.falls != self.everything:
                # What matches and does not come back is gone.
                walk.left = walk.left.but(match.both(passage.falls.opposite()))
            return
        passage = self._changed(name, took, stage, hook, depth)
        for verdict, pair in passage.ends.items():
            walk.end(verdict, pair)
        walk.left = walk.left.but(match)
        if goto:
            walk.falls = walk.falls.either(passage.falls)
        else:
            walk.left = walk.left.either(passage.falls)

    def _summary(self, name: str, stage: Stage) -> Passage:
        """The walk of everything through a chain that changes nothing."""
        found = self._summaries.get((name, stage))
        if found is None:
            for below in self._order:  # what it calls comes first, so that this never nests
                if below not in self._changing and (below, stage) not in self._summaries:
                    self._summaries[below, stage] = self._once(below, stage)
                if below == name:
                    break
            found = self._summaries[name, stage]
        return found

    def _once(self, name: str, stage: Stage) -> Passage:
        visit, self._visit = self._visit, Visit(self.everything, self.everything)
        passage = self._walk(self.table.chains[name], self.everything, stage, Hook.PREROUTING, 0)
        self._visit = visit
        return passage

    def _changed(self, name: str, took: Pair, stage: Stage, hook: Hook, depth: int) -> Passage:
        """The walk of a set through a chain that changes packets."""
        if depth >= DEEPEST:
            raise AnalysisError(f"chains of table {self.table.name} are nested more than {DEEPEST} deep")
        if self._steps < 0:
            took = Pair(self.space.valid, self.space.false)
        key = (name, took, hook)
        found = self._memory.get(key)
        if found is None:
            found = self._memory[key] = self._walk(self.table.chains[name], took, stage, hook, depth + 1)
            self._collect(name, found.arrives)
        return found

    # targets

    def _target(self, walk: Going, target: Any, match: Pair, took: Pair, hook: Hook) -> None:
        may = Pair(took.may, self.space.false)
        name = target.name
        if name == "NFQUEUE":
            walk.left = walk.left.but(match)
            if target.bypass:
                walk.end("ACCEPT", may)
            walk.end("QUEUE", may if target.bypass else took)
        elif name == "SYNPROXY":
            walk.left = Pair(walk.left.may, walk.left.but(match).must)
            walk.end("STOLEN", may)
            walk.end("DROP", may)
        elif name == "TPROXY":
            walk.left = walk.left.but(match)
            change = self.effects.set_mark(*target.mark)
            walk.end("ACCEPT", self._change(may, change))
            walk.end("DROP", may)
        elif name == "REJECT":
            walk.left = walk.left.but(match)
            walk.end("REJECT", took)
        elif target.terminal and self.table.name == "nat":
            walk.left = walk.left.but(match)
            walk.end("TRANSLATED", self._change(took, self.effects.nat(target, hook)))
        else:
            self._goes_on(walk, target, match, took)

    def _goes_on(self, walk: Going, target: Any, match: Pair, took: Pair) -> None:
        change = self.effects.changing(target)
        if change is not None:
            walk.left = walk.left.but(match).either(self.effects.on(took, change))

    def _change(self, pair: Pair, change: Change | None) -> Pair:
        return pair if change is None else self.effects.on(pair, change)
