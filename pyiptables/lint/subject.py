"""What checks look at: one host with its files, its rulesets as far as they could be read, and the place of every rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from pyiptables.errors import ParameterProblem
from pyiptables.hooks import Family
from pyiptables.lint.finding import Place
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import Source
from pyiptables.ruleset.model import Chain, Rule, Ruleset, RuleSpec
from pyiptables.syntax.commands import Command
from pyiptables.syntax.recovery import Refusal, Repeated, Warned
from pyiptables.syntax.words import walk

if TYPE_CHECKING:
    from pyiptables.analysis.reach import Reach
    from pyiptables.host import Host
    from pyiptables.ipset.sets import Sets

TERMINAL = ("ACCEPT", "DROP", "QUEUE", "RETURN")


class PlacedRule(NamedTuple):
    """A rule with its place in the ruleset; ``number`` counts from 1 in the chain."""

    family: Family
    table: str
    chain: str
    number: int
    rule: Rule

    @property
    def spec(self) -> RuleSpec:
        """What it says."""
        return self.rule.spec

    @property
    def ends(self) -> bool:
        """Whether a packet that matches leaves the chain here for good: a verdict, a target that ends, a goto."""
        spec = self.rule.spec
        if spec.target is not None:
            return spec.target.terminal
        return spec.jump in TERMINAL or spec.goto

    @property
    def unconditional(self) -> bool:
        """Whether every packet that comes here matches; a comment does not keep one out."""
        spec = self.rule.spec
        plain = (spec.source, spec.destination, spec.in_interface, spec.out_interface, spec.protocol, spec.fragment)
        return plain == (None,) * 6 and all(match.name == "comment" for match in spec.matches)


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """A command of a script: where, its words, what it says (None where it cannot be read), and whether it surely runs."""

    source: Source
    line: int
    program: str
    words: tuple[str, ...]
    command: Command | None
    certain: bool
    family: Family


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that would be refused, and its file."""

    source: Source
    family: Family
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one family.

    ``origin``: the file of each table; ``declared``: the line of each chain; ``lost``: chains, by table and name, of which
    a rule could not be read, so that nothing may be said about what they lack. ``complete``: whether all that the files
    say is in the ruleset. ``outside``: chains that somebody else must have made.
    """

    ruleset: Ruleset
    origin: Mapping[str, Source]
    declared: Mapping[tuple[str, str], int]
    refused: tuple[Refused, ...]
    warned: tuple[tuple[Source, Warned], ...]
    repeated: tuple[tuple[Source, Repeated], ...]
    lost: frozenset[tuple[str, str]]
    complete: bool
    outside: frozenset[tuple[str, str]] = frozenset()


@dataclass
class Subject:
    """One host. ``readings`` has a family only when one of its files speaks of it."""

    sources: tuple[Source, ...]
    settings: Settings
    readings: Mapping[Family, Reading]
    steps: tuple[ScriptStep, ...] = ()
    host: Host | None = None
    sets: Sets | None = None
    notes: dict[str, None] = field(default_factory=dict)
    """What could not be checked, in words for whoever runs the checks."""
    _reach: dict[Family, Reach] = field(default_factory=dict)

    @property
    def families(self) -> tuple[Family, ...]:
        """The families that the files speak of."""
        return tuple(self.readings)

    @property
    def is_script(self) -> bool:
        """Whether one of the files is a shell script."""
        return any(source.kind == "script" for source in self.sources)

    def ruleset(self, family: Family) -> Ruleset:
        """The ruleset of a family, without the lines that could not be read."""
        return self.readings[family].ruleset

    @cached_property
    def rules(self) -> tuple[PlacedRule, ...]:
        """All rules of all families, chain by chain."""
        return tuple(
            PlacedRule(family, table.name, chain.name, number, rule)
            for family, reading in self.readings.items()
            for table, chain, number, rule in reading.ruleset.rules()
        )

    @cached_property
    def _using(self) -> dict[str, list[PlacedRule]]:
        found: dict[str, list[PlacedRule]] = {}
        for placed in self.rules:
            spec = placed.rule.spec
            for match in spec.matches:
                found.setdefault(match.name, []).append(placed)
            if spec.target is not None:
                found.setdefault(spec.target.name, []).append(placed)
        return found

    def using(self, *names: str) -> Iterator[PlacedRule]:
        """The rules with a match or target of one of these names; once for each use."""
        for name in names:
            yield from self._using.get(name, ())

    def chains(self) -> Iterator[tuple[Family, str, Chain]]:
        """All chains with family and table."""
        for family, reading in self.readings.items():
            for table in reading.ruleset.tables.values():
                for chain in table.chains.values():
                    yield family, table.name, chain

    def whole(self, family: Family, table: str, chain: str) -> bool:
        """Whether nothing of a chain is missing: no rule of it was refused, or left to chance by a script."""
        reading = self.readings[family]
        return reading.complete and not reading.lost & {(table, chain), (table, ""), ("", "")}

    def whole_table(self, family: Family, table: str) -> bool:
        """Whether nothing of a table is missing, nor may it have rules of a script that runs another way."""
        reading = self.readings[family]
        return reading.complete and not any(lost in (table, "") for lost, _ in reading.lost)

    # places

    def source(self, family: Family, table: str) -> Source:
        """The file that a table stands in."""
        return self.readings[family].origin.get(table) or self.sources[0]

    def place(self, rule: PlacedRule, word: str | None = None, *, option: str | None = None) -> Place:
        """Where a rule stands; at the first word that reads so, or the value of that option, where one is named."""
        source = self.source(rule.family, rule.table)
        text = source.line(rule.rule.line)
        column, end = _span(text, word, option)
        return Place(source.path, max(rule.rule.line, 1), column, end, rule.table, rule.chain, rule.number, text)

    def chain_place(self, family: Family, table: str, chain: str) -> Place:
        """Where a chain is declared, or its first rule, or its table."""
        source, reading = self.source(family, table), self.readings[family]
        line = reading.declared.get((table, chain), 0)
        if not line:
            rules = reading.ruleset.table(table).chains[chain].rules
            line = rules[0].line if rules else reading.declared.get((table, ""), 1)
        text = source.line(line)
        return Place(source.path, max(line, 1), 1, len(text) + 1, table, chain, 0, text)

    @staticmethod
    def line_place(source: Source, line: int, column: int = 1, end: int = 0, table: str = "", chain: str = "") -> Place:
        """A place in a file, that is no rule's own."""
        return Place(source.path, max(line, 1), column, end, table, chain, 0, source.line(line))

    def words(self, rule: PlacedRule) -> list[tuple[str, int, int]]:
        """The words of a rule's line with the columns where they begin and end; of a script's, as the shell has them."""
        return spans(self.source(rule.family, rule.table).line(rule.rule.line))

    # analysis

    def reach(self, family: Family) -> Reach:
        """What packets do on their way through the rules: made once, for all checks that ask."""
        found = self._reach.get(family)
        if found is None:
            from pyiptables.analysis.reach import Reach

            found = self._reach[family] = Reach.of(self.ruleset(family), facts=self.host, sets=self.sets)
        return found


def spans(text: str) -> list[tuple[str, int, int]]:
    """The words of a line of a restore file, counters left out, with the columns where they begin and end."""
    offset = text.find("]") + 1 if text.startswith("[") else 0
    found: list[tuple[str, int, int]] = []
    rest = text[offset:]
    starts: list[tuple[str, int]] = []
    with suppress(ParameterProblem):  # a word that is too long: those before it are there
        starts.extend(walk(rest, 1 << 16))
    for index, (word, start) in enumerate(starts):
        after = starts[index + 1][1] if index + 1 < len(starts) else len(rest)
        end = start + len(rest[start:after].rstrip())
        found.append((word, offset + start + 1, offset + end + 1))
    return found


def _span(text: str, word: str | None, option: str | None) -> tuple[int, int]:
    """The columns of a word of a line, or of an option with its value; else those of the whole line without its indent."""
    if word is not None or option is not None:
        words = spans(text)
        for index, (each, start, end) in enumerate(words):
            if each == word:
                return start, end
            if each == option:
                return start, words[index + 1][2] if index + 1 < len(words) else end
    stripped = text.rstrip()
    return len(text) - len(text.lstrip()) + 1, len(stripped) + 1
