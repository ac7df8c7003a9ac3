"""Reading a restore file to its end, whatever lines are bad: what would be refused is noted, the rest makes a ruleset.

iptables-restore gives up at the first bad line. Here a bad line is left out and the next one read; what the kernel would
refuse is left out in the same way, rule by rule, until it would take the table. Nothing is ever resolved by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from pyiptables.errors import Error, OperationFailed, ParameterProblem
from pyiptables.extensions.base import GivenSets
from pyiptables.hooks import Family
from pyiptables.packet.names import without_resolver
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import Chain, Ruleset, Table
from pyiptables.ruleset.validity import Refused, check_table
from pyiptables.syntax.messages import complaint
from pyiptables.syntax.restore import Restore, Settings, Silent

_MOST_REFUSED = 1000
"""Rules of one table that are asked about one by one before the rest is left as it is."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A line that iptables or the kernel would refuse.

    ``message`` is what iptables prints, without its advice; ``hint`` what was expected, or why. ``table`` is that which
    was open, ``chain`` is the one that lost a rule; both may be empty. ``cause`` is the error itself.
    """

    line: int
    column: int
    message: str
    hint: str
    table: str
    chain: str
    cause: Error


@dataclass(frozen=True, slots=True)
class Warned:
    """What iptables says on standard error about a line that it takes."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Repeated:
    """A table that comes again: where, where it stood before, and how many rules it had then."""

    line: int
    table: str
    before: int
    rules: int


@dataclass(frozen=True, slots=True)
class Recovered:
    """A file as far as it can be read: the ruleset, and everything that is wrong with the rest.

    ``chains``: where each chain is declared, by table and name; ``opened``: where each table is.
    """

    ruleset: Ruleset
    refusals: tuple[Refusal, ...]
    warnings: tuple[Warned, ...]
    repeated: tuple[Repeated, ...]
    chains: MappingProxyType[tuple[str, str], int]
    opened: MappingProxyType[str, int]


class _Warnings(Silent):
    """Keeps warnings with their lines."""

    def __init__(self) -> None:
        self.found: list[Warned] = []
        self.line_number = 0

    def warning(self, text: str) -> None:
        """Keep it."""
        self.found.append(Warned(self.line_number, " ".join(text.split())))


class Recovery(Restore):
    """A restore that goes on after a bad line."""

    def __init__(self, family: Family, source: str, sets: GivenSets | None) -> None:
        self._warned = _Warnings()
        super().__init__(Ruleset(family), Settings(counters=True), self._warned, source=source, sets=sets)
        self._refusals: list[Refusal] = []
        self._repeated: list[Repeated] = []
        self._declared: dict[tuple[str, str], int] = {}
        self._opened: dict[str, int] = {}
        self._skipping = False
        self._outside = False

    def recover(self, lines: Sequence[str]) -> Recovered:
        """Read all lines, each with its line break."""
        self._lines = lines
        with without_resolver():
            for text in lines:
                self.number += 1
                self._warned.line_number = self.number
                self._read(text.partition("\0")[0] if "\0" in text else text)
        if self._edit is not None:
            message = f"{self._program}: COMMIT expected at line {self.number + 1}"
            cause = OperationFailed("COMMIT expected", hint="the table is never put in place without")
            self._refuse(message, cause, line=max(self.number, 1))
            self._commit()
        return Recovered(
            self.ruleset, tuple(self._refusals), tuple(self._warned.found), tuple(self._repeated),
            MappingProxyType(self._declared), MappingProxyType(self._opened),
        )  # fmt: skip

    def _read(self, text: str) -> None:
        first = text[:1]
        if self._skipping and first not in ("*", "#", "\n"):
            self._skipping = text.strip() != "COMMIT"
            return
        if self._edit is None and first not in ("*", "#", "\n"):
            told, self._outside = self._outside, text.strip() != "COMMIT"
            if told:  # as the first of these lines was: what is wrong is the table that is not opened
                return
        try:
            if first == "*" and self._edit is not None:
                self._unfinished(text)
            if first == ":" and self._edit is not None:
                self._settings = replace(self._settings, counters="[" in text)
            command = self._line(text)
            if command is not None:
                raise ParameterProblem(f"-{command.letter} answers, and ends the file", hint="nothing after it is read")
        except Error as error:
            self._note(error, text)

    def _unfinished(self, text: str) -> None:
        """A table that begins before the last one ended."""
        cause = OperationFailed("COMMIT expected before the next table", hint="expected COMMIT")
        self._refuse(f"Bad argument `{text.strip()}'", cause, line=self.number)
        self._commit()

    def _open(self, text: str) -> None:
        self._skipping = self._outside = False
        name = text[1:].strip(" \t\n").partition(" ")[0]
        before = self.ruleset.tables.get(name)
        if before is not None:  # read on as with --noflush: whoever reads the finding sees both halves
            rules = sum(len(chain.rules) for chain in before.chains.values())
            self._repeated.append(Repeated(self.number, name, self._opened[name], rules))
            self._settings = replace(self._settings, noflush=True)
        self._opened.setdefault(name, self.number)
        super()._open(text)

    def _chain(self, text: str, edit: TableEdit) -> None:
        name = text[1:].split(None, 1)[0] if text[1:].split() else ""
        try:
            super()._chain(text, edit)
        finally:
            if edit.is_chain(name):
                self._declared.setdefault((edit.name, name), self.number)
                self._reader.announced.add(name)
                self._names[name] = name

    def _commit(self) -> None:
        """Put the table in place, without the rules that the kernel would not take."""
        edit, self._edit = self._edit, None
        if edit is None:
            return
        taken, refused = accepted(edit.commit(), self.ruleset.family)
        for each in refused:
            message = each.text if each.text.endswith((".", "links")) else f"{each.text}."
            self._refuse(message, each, line=each.line or self.number, table=taken.name, chain=each.chain)
        self.ruleset = self.ruleset.with_table(taken)

    def _note(self, error: Error, text: str) -> None:
        failure = self._failure(error, text)
        cause = failure.cause
        message = complaint(cause, self._program, self.number)[0].partition("\n")[0]
        if message.endswith("failed") or not message.strip() or cause.text.startswith("\n"):
            message = " ".join(cause.text.split())
        line = self._reader.line
        chain = line.chain or "" if line is not None and text[:1] not in (":", "*") else ""
        self._refuse(message, cause, line=self.number, column=cause.column or 1, chain=chain)
        if text[:1] == "*":
            self._skipping = True
        elif text.strip() == "COMMIT" and self._edit is not None:
            self._commit()

    def _refuse(
        self, message: str, cause: Error, *, line: int, column: int = 1, table: str | None = None, chain: str = ""
    ) -> None:
        about = self._table if table is None else table
        prefix = f"{self._program} "
        if message.startswith(prefix):
            message = message[len(prefix) :].partition(": ")[2] or message
        self._refusals.append(Refusal(line, column, message.strip(), cause.hint or "", about, chain, cause))


def accepted(table: Table, family: Family) -> tuple[Table, list[Refused]]:
    """The table without the rules that the kernel would refuse, and why it would refuse each."""
    refused: list[Refused] = []
    while len(refused) < _MOST_REFUSED:
        try:
            check_table(table, family)
        except Refused as error:
            refused.append(error)
            table = _without(table, error.chain, error.number)
        else:
            break
    return table, refused


def _without(table: Table, name: str, number: int) -> Table:
    chain = table.chains[name]
    rules = chain.rules[: number - 1] + chain.rules[number:]
    changed = Chain(chain.name, rules, chain.policy, chain.counters)
    return Table(table.name, MappingProxyType({**table.chains, name: changed}))


def recover(lines: Sequence[str], family: Family, source: str, sets: GivenSets | None = None) -> Recovered:
    """Read a restore file as far as it can be read: see :class:`Recovered`."""
    return Recovery(family, source, sets).recover(lines)
