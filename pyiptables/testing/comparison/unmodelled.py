"""What is not modelled (a limit, chance, sets whose elements expire) read as conditions by their words, not simply as open.

So two rulesets can be compared: rules that ask the same get the same answer, and other words are another condition. Rules
of one chain that may both ask about one packet, as two limits behind one another do, get answers of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from pyiptables.analysis.diagrams import Node, without
from pyiptables.analysis.pairs import Pair, exactly
from pyiptables.analysis.reading import Reader, Stage
from pyiptables.analysis.space import Keeps, Space
from pyiptables.extensions.base import Match
from pyiptables.ipset.sets import AnySet, Sets
from pyiptables.ipset.store import Store
from pyiptables.ruleset.model import Chain, RuleSpec

MOST_TURNS = 8
"""Answers that rules of one chain get to one question."""


class WordedReader(Reader):
    """Reads what is not modelled as conditions that last, told apart by their words."""

    def __init__(self, space: Space, *, fragments: bool, sets: Sets | None, changing: frozenset[str]) -> None:
        super().__init__(space, fragments=fragments, sets=sets, changing=changing)
        self._caches: dict[int, dict[tuple[int, int, Stage], tuple[Pair, Node, Match]]] = {}
        self._turns: dict[int, int] = {}
        self._turn = 0
        self.worded: set[int] = set()
        """The variables of such conditions."""

    def rule(self, spec: RuleSpec, table: str, stage: Stage) -> tuple[Pair, Node]:
        """As the reader has it; a rule that asks again what an earlier one asked gets an answer of its own."""
        self._turn = self._turns.get(id(spec), 0)
        self._matches = self._caches.setdefault(self._turn, {})
        return super().rule(spec, table, stage)

    def take_turns(self, table: str, chain: Chain, stage: Stage) -> None:
        """Find the rules of a chain that may ask the same about one packet."""
        asked: dict[str, list[Node]] = {}
        for rule in chain.rules:
            texts = [_words(match) for match in rule.spec.matches if match.stateful]
            if not texts:
                continue
            layers = asked.setdefault(str(texts), [])
            wanted = without(self.rule(rule.spec, table, stage)[0].may, self.space.diagrams.quantifier(self.worded))
            turn = next((at for at, layer in enumerate(layers) if layer & wanted == self.space.false), len(layers))
            turn = min(turn, MOST_TURNS)
            layers += [self.space.false] if turn == len(layers) else []
            layers[turn] = layers[turn] | wanted
            if turn:
                self._turns[id(rule.spec)] = turn

    def _match(self, match: Match, spec: RuleSpec, table: str, stage: Stage) -> tuple[Pair, Node]:
        pair, dropped = super()._match(match, spec, table, stage)
        if match.name == "set":
            pair = self._by_contents(match, pair)
        if pair.exact:
            return pair, dropped
        held = self.space.condition(f"{_words(match)} ({self._turn})", keeps=Keeps.ROUTING)
        if held is None:
            return pair, dropped
        self.worded.add(self.space.free[f"{_words(match)} ({self._turn})"].number)
        return exactly(pair.must | (pair.may & held)), dropped

    def _by_contents(self, match: Match, pair: Pair) -> Pair:
        """A set whose elements are known, but not read here, is told from others by them."""
        reference = match.values["reference"]
        given = self.sets[reference.name] if self.sets is not None and reference.name in self.sets else None
        held = self.space.free.get(f"set {reference.name} {reference.sides}")
        if held is None or given is None:
            return pair
        variable = self.space.diagrams.variables[held.number]
        if pair.may not in (variable, ~variable):
            return pair
        contents = hashlib.sha256("\n".join(self._elements(given)).encode()).hexdigest()
        text = f"{held.text} {contents[:16]}"
        node = self.space.condition(text, keeps=Keeps.ROUTING)
        if node is None:
            return pair
        self.worded.add(self.space.free[text].number)
        return exactly(node if pair.may == variable else ~node)

    def _elements(self, given: AnySet) -> Iterator[str]:
        """A set's elements in words; of a set of sets those of its members, in their order."""
        if isinstance(given, Store):
            yield from sorted(f"{key} {entry.nomatch}" for key, entry in given.entries.items())
            return
        for name in given.entries:
            yield name
            member = self.sets[name] if self.sets is not None and name in self.sets else None
            if isinstance(member, Store):
                yield from self._elements(member)


def _words(match: Match) -> str:
    return f"{match.name} {sorted(match.values.items(), key=str)} {sorted(match.inverted)}"
