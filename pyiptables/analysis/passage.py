"""What a walk through a table remembers, and the order in which its chains are walked."""

from __future__ import annotations

from dataclasses import dataclass, field

from pyiptables.analysis.diagrams import AnalysisError
from pyiptables.analysis.pairs import Pair, united
from pyiptables.ruleset.model import Table


@dataclass(slots=True)
class Passage:
    """What a walk through a chain found: what comes to each rule, ends by their verdicts, and what returns."""

    arrives: list[Pair]
    ends: dict[str, Pair]
    falls: Pair


@dataclass(slots=True)
class Visit:
    """What one hook sends through a table.

    ``gate`` is what came there, of ``start``; ``arrived`` (to the rules of each chain) and ``entered`` (to chains that are
    walked once) are what would come of all packets, of which those that pass the gate are there.
    """

    gate: Pair
    start: Pair
    arrived: dict[str, list[list[Pair]]] = field(default_factory=dict)
    entered: dict[str, Pair] = field(default_factory=dict)
    ends: dict[str, Pair] = field(default_factory=dict)
    gathered: dict[str, list[Pair]] = field(default_factory=dict)
    fallen: Pair | None = None
    """What met the policy, of all packets; None where the hook was never walked."""
    large: bool | None = None
    """Whether the gate is so large that it is not laid over a set without need; None: not yet counted."""

    def came(self, chain: str) -> list[Pair] | None:
        """What came to each rule of a chain, in all the times that it was walked; None where it never was."""
        if chain not in self.arrived:
            return None
        found = self.gathered.get(chain)
        if found is None:
            found = self.gathered[chain] = [united(list(pairs)) for pairs in zip(*self.arrived[chain], strict=True)]
        return found


@dataclass(slots=True)
class Going:
    """One chain on its way."""

    left: Pair
    falls: Pair
    ends: dict[str, list[Pair]] = field(default_factory=dict)

    def end(self, verdict: str, pair: Pair) -> None:
        """Note an end; all are united at last, for to add many small sets to a large one takes long."""
        self.ends.setdefault(verdict, []).append(pair)


def add(ends: dict[str, Pair], verdict: str, pair: Pair) -> None:
    """Note packets that end so, beside those that do already."""
    before = ends.get(verdict)
    ends[verdict] = pair if before is None else before.either(pair)


def callees_first(table: Table) -> list[str]:
    """The chains that a hook leads to, each behind those that it calls; AnalysisError for a loop among them."""
    order: list[str] = []
    done: dict[str, bool] = {}
    for start in (chain.name for chain in table.chains.values() if chain.built_in):
        stack = [(start, iter(_called(table, start)))]
        done[start] = False
        while stack:
            name, rest = stack[-1]
            below = next(rest, None)
            if below is None:
                done[name] = True
                order.append(name)
                stack.pop()
            elif below not in done:
                done[below] = False
                stack.append((below, iter(_called(table, below))))
            elif not done[below]:
                raise AnalysisError(f"table {table.name}: chain {below} leads back to itself")
    return order


def _called(table: Table, name: str) -> list[str]:
    jumps = dict.fromkeys(rule.spec.jump for rule in table.chains[name].rules)
    return [jump for jump in jumps if jump is not None and jump in table.chains]
