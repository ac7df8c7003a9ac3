"""Restore files: ``*TABLE``, ``:CHAIN POLICY [P:B]``, rules, ``COMMIT``.

Nothing of a table happens before its COMMIT; a table that was committed stays, whatever comes after.
Source of the behaviour: iptables/iptables-restore.c of iptables 1.8. Unlike there, a line may have any length.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import MappingProxyType

from pyiptables.errors import Error, OperationFailed, ParameterProblem
from pyiptables.extensions.base import GivenSets
from pyiptables.hooks import TABLES, Family
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import ZERO, Counters, Ruleset, RuleSpec
from pyiptables.ruleset.validity import Refused, check_table
from pyiptables.syntax.commands import NAME_SIZE, Command, too_long
from pyiptables.syntax.execute import Output, execute
from pyiptables.syntax.messages import BrokenRuleset, Misspelt, OtherProblem, complaint
from pyiptables.syntax.numbers import unsigned
from pyiptables.syntax.reader import Reader
from pyiptables.syntax.shapes import Shapes
from pyiptables.syntax.words import MOST, split, walk

_TOKENS = re.compile(r"[^ \t\n]+")


class RestoreFailed(Error):
    """A restore ended early. ``message`` is what iptables-restore prints, ``status`` its exit status.

    Text, place, snippet and hint explain it; ``cause`` is what went wrong.
    """

    def __init__(self, message: str, status: int, cause: Error) -> None:
        super().__init__(
            cause.text,
            source=cause.source,
            line=cause.line,
            column=cause.column,
            snippet=cause.snippet,
            hint=cause.hint,
        )
        self.message = message
        self.status = status
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Settings:
    """How to restore: with the counters of the file, without emptying tables first, without committing, one table only."""

    counters: bool = False
    noflush: bool = False
    test: bool = False
    table: str | None = None
    verbose: int = 0


class Silent:
    """An output that goes nowhere."""

    def line(self, text: str) -> None:
        """Nothing."""

    def warning(self, text: str) -> None:
        """Nothing."""

    def rule(self, spec: RuleSpec, table: str) -> None:
        """Nothing."""

    def listing(self, command: Command, edit: TableEdit) -> None:
        """Nothing."""


class Restore:
    """Reads a restore file into a ruleset: ``ruleset`` is what has been committed so far."""

    def __init__(
        self,
        ruleset: Ruleset,
        settings: Settings,
        output: Output,
        *,
        source: str = "standard input",
        quoted_names: bool = False,
        sets: GivenSets | None = None,
    ) -> None:
        self.ruleset = ruleset
        self.source = source
        self.number = 0
        self._settings = settings
        self._output = output
        self._program = f"{ruleset.family.command}-restore"
        self._reader = Reader(ruleset.family, program=self._program, restore=True, sets=sets)
        self._verbose = 0 if settings.noflush else settings.verbose
        self._quoted_names = quoted_names
        self._table = ""
        self._edit: TableEdit | None = None
        self._quick: TableEdit | None = None
        self._names: dict[str, str] = {}
        self._shapes = Shapes(self._reader.parts, self._names)
        self._lines: Iterable[str] = ()
        self._offset = 0

    def run(self, lines: Iterable[str]) -> Command | None:
        """Read all lines, each with its line break. A ``-h`` or ``-V`` among them ends it and is returned.

        Lines that come from an iterator are kept; others are gone through again when a commit is refused.
        RestoreFailed when a line is refused or the last table has no COMMIT.
        """
        self._lines = list(lines) if isinstance(lines, Iterator) else lines
        for text in self._lines:
            self.number += 1
            if self._quick and self._shapes.append_text(text, self._quick, self.number, self._settings.counters):
                continue
            try:
                answer = self._line(text.partition("\0")[0] if "\0" in text else text)
            except Error as error:
                raise self._failure(error, text) from error
            if answer is not None:
                return answer
            if self._quoted_names:
                self.number += self._breaks(text)
        if self._edit is not None:
            end = OperationFailed("COMMIT expected", line=self.number + 1, source=self.source)
            raise RestoreFailed(f"{self._program}: COMMIT expected at line {self.number + 1}\n", 1, end)
        return None

    def _breaks(self, text: str) -> int:
        """How many line breaks a rule holds in quotes."""
        return text.count("\n", 0, -1) if self._quoted_names else 0

    def _line(self, text: str) -> Command | None:
        self._reader.line = None
        first = text[:1]
        if self._edit is not None and first in ("-", "["):
            return self._rule(text, self._edit)
        if text == "\n":
            return None
        if first == "#":
            if self._settings.verbose:
                self._output.line(text)
        elif self._edit is None:
            if first == "*":
                self._open(text)
            elif self._settings.table is None or self._settings.table == self._table:
                raise OperationFailed(
                    f"{text.strip() or 'a line of blanks'} stands outside of a table", hint="expected *TABLE"
                )
        elif text == "COMMIT\n":
            self._commit()
        elif first == ":":
            self._chain(text, self._edit)
        else:
            return self._rule(text, self._edit)
        return None

    # the kinds of lines

    def _open(self, text: str) -> None:
        names = _TOKENS.findall(text[1:])
        if not names:
            raise ParameterProblem(f"{self._program}: line {self.number} table name invalid")
        self._table = table = names[0]
        self._shapes = Shapes(self._reader.parts, self._names)
        if self._settings.table is not None and self._settings.table != table:
            return
        if table not in TABLES:
            raise Misspelt(f"{self._program}: unable to initialize table '{table}'", table, "table", lambda: TABLES)
        edit = self._edit = TableEdit(self.ruleset.table(table))
        self._quick = None if self._verbose else edit
        if self._settings.noflush:
            return
        if self._settings.verbose:
            for doing, built_in in (("Flushing", True), ("Deleting", False)):
                for name in edit.chain_names(built_in):
                    self._output.line(f"{doing} chain `{name}'\n")
        edit.clear()

    def _chain(self, text: str, edit: TableEdit) -> None:
        quoted = self._quoted_names and '"' in text
        tokens = split(text[1:]) if quoted else _TOKENS.findall(text[1:])
        if not tokens:
            raise ParameterProblem(f"{self._program}: line {self.number} chain name invalid")
        chain = tokens[0]
        if too_long(chain):
            raise ParameterProblem(f"Invalid chain name `{chain}' ({NAME_SIZE - 1} chars max)")
        if not edit.is_built_in(chain):
            if self._settings.noflush and edit.is_chain(chain):
                edit.flush(chain)
            else:
                try:
                    edit.create(chain)
                except OperationFailed as error:
                    raise ParameterProblem(f"error creating chain '{chain}':File exists") from error
        if len(tokens) < 2:
            raise ParameterProblem(
                f"{self._program}: line {self.number} policy invalid", hint="expected ACCEPT, DROP or -"
            )
        if tokens[1] != "-":
            self._policy(chain, tokens[1], tokens[2] if len(tokens) > 2 else "", edit)
        self._reader.announced.add(chain)
        self._names[chain] = chain

    def _policy(self, chain: str, policy: str, seen: str, edit: TableEdit) -> None:
        counters = ZERO
        if seen or self._settings.counters:
            packets, colon, octets = seen.removeprefix("[").partition(":")
            values = unsigned(packets), unsigned(octets)
            if not seen.startswith("[") or not colon or values[0] is None or values[1] is None:
                raise ParameterProblem(f"invalid policy counters for chain '{chain}'", hint="expected [PACKETS:BYTES]")
            if self._settings.counters:
                counters = Counters(values[0], values[1])
        try:
            edit.set_policy(chain, policy, counters)
        except OperationFailed as error:
            about = error.text.partition(".")[0]
            raise OtherProblem(
                f"Can't set policy `{policy}' on `{chain}' line {self.number}: {about}", hint="expected ACCEPT or DROP"
            ) from error

    def _rule(self, text: str, edit: TableEdit) -> Command | None:
        counters = None
        self._offset = 0
        room = MOST - 3 - self._verbose
        if text[:1] == "[":
            counters = self._rule_counters(text)
            text = text[self._offset :]
            if self._settings.counters:
                room -= 3
            else:
                counters = None
        reader = self._reader
        words = split(text, room, limited=not self._quoted_names)
        if not self._verbose and self._shapes.append(words, counters, edit, self.number, text):
            return None
        command = reader.read(words, self._table, counters, self._verbose)
        if reader.warnings:
            self._warn()
        elif reader.line is not None:
            self._shapes.learn(reader.line, command)
        if command.letter in ("h", "V"):
            return command
        if command.letter:
            execute(command, edit, self._output, self.number)
        return None

    def _rule_counters(self, text: str) -> tuple[str, str]:
        end = text.find("]")
        packets, colon, octets = text[1:end].partition(":")
        if end < 0 or not colon or not octets:
            raise ParameterProblem(f"Bad line {self.number}: need ]", hint="expected [PACKETS:BYTES] before the rule")
        self._offset = end + 1
        return packets, octets

    def _warn(self) -> None:
        for warning in self._reader.warnings:
            self._output.warning(warning)
        self._reader.warnings.clear()

    def _commit(self) -> None:
        edit, self._edit = self._edit, None
        self._quick = None
        if edit is not None and not self._settings.test:
            table = edit.commit()
            del edit  # a large one takes room
            # Of what another kernel has taken it is not known in which order.
            check_table(table, self.ruleset.family, None if self._quoted_names else self.ruleset)
            self.ruleset = self.ruleset.with_table(table)

    # errors

    def _failure(self, error: Error, text: str) -> RestoreFailed:
        from pyiptables.syntax.diagnosis import expected

        self._warn()
        message, status = complaint(error, self._program, self.number)
        if isinstance(error, Refused) and error.line is not None and error.line < self.number:
            text = self._text_of(error.line)
            error.column = 1
        else:
            error.line = self.number
            error.column = self._column(text, error)
            error.hint = expected(error, self._reader.line)
            if text.strip() == "COMMIT" and self._edit is not None:
                error.hint = "expected COMMIT alone on its line, with a line break after it"
        error.source = self.source
        error.snippet = text
        return RestoreFailed(message, status, error)

    def _text_of(self, number: int) -> str:
        """The line of that number."""
        reached = 1
        for text in self._lines:
            if reached == number:
                return text
            reached += 1 + self._breaks(text)
        return ""

    def _column(self, text: str, error: Error) -> int:
        """The column of the word that the reader had before it when it gave up."""
        line = self._reader.line
        if line is None:
            return 1
        if isinstance(error, Misspelt) and error.kind in ("chain", "target or chain"):
            line.place = line.places.get("j")
        wanted = line.place if line.place is not None else line.walk.index - 1
        starts: list[int] = []
        with suppress(ParameterProblem):  # what could not be split is just behind what could
            starts.extend(start for _, start in walk(text[self._offset :]))
        if wanted < len(starts):
            return self._offset + starts[wanted] + 1 if wanted >= 0 else 1
        return len(text.rstrip("\n")) + 1


@contextmanager
def _without_collector() -> Iterator[None]:
    """Rules have no cycles; looking for them again and again takes a third of the time that a large ruleset takes."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def load(lines: Iterable[str], family: Family, source_name: str, sets: GivenSets | None = None) -> Ruleset:
    """The ruleset that a file in iptables-save's format holds, counters included.

    A line is a str with its line break, bytes that are no UTF-8 as surrogates; a rule whose quotes hold line breaks
    comes as one. The table that stands first is the one used last, as iptables-save writes them.
    BrokenRuleset names file, line and column of what cannot be read, or would be refused by the kernel.
    """
    restore = Restore(
        Ruleset(family), Settings(counters=True), Silent(), source=source_name, quoted_names=True, sets=sets
    )
    try:
        with _without_collector():
            answer = restore.run(lines)
    except RestoreFailed as error:
        raise BrokenRuleset(
            error.text.strip(),
            source=error.source,
            line=error.line,
            column=error.column,
            snippet=error.snippet,
            hint=error.hint,
        ) from error
    if answer is not None:
        raise BrokenRuleset("-h and -V cannot stand in a ruleset", source=source_name, line=restore.number)
    tables = dict(reversed(list(restore.ruleset.tables.items())))
    return Ruleset(family, MappingProxyType(tables))
