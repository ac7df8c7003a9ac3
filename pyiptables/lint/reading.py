"""Reading the sources of one host into a subject: save files to their end, scripts command by command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

from pyiptables.errors import Error, OperationFailed
from pyiptables.extensions.base import GivenSets
from pyiptables.hooks import TABLES, Family, Hook
from pyiptables.host import Host
from pyiptables.ipset.sets import Sets
from pyiptables.lint.refusals import ELSEWHERE
from pyiptables.lint.settings import Settings
from pyiptables.lint.shell import ShellCommand, commands
from pyiptables.lint.sources import Source
from pyiptables.lint.subject import Reading, Refused, ScriptStep, Subject
from pyiptables.packet.names import without_resolver
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import STANDARD_VERDICTS, Ruleset, Table
from pyiptables.syntax.commands import Command
from pyiptables.syntax.diagnosis import expected
from pyiptables.syntax.execute import execute
from pyiptables.syntax.messages import complaint
from pyiptables.syntax.reader import Reader
from pyiptables.syntax.recovery import Refusal, Repeated, Warned, accepted, recover
from pyiptables.syntax.restore import Silent

_ADDING = frozenset(("-A", "--append", "-I", "--insert", "-N", "--new-chain"))
_LISTING = frozenset(("-L", "-S", "-C", "--list", "--list-rules", "--check", "-Z", "-V", "-h"))
_CHANGING = frozenset("AIRDFXNEPZ")
_MADE_BY_OTHERS = frozenset("AIRDFXZE")
_NO_CHAINS = frozenset((*STANDARD_VERDICTS, *Hook.__members__, *ELSEWHERE))


@dataclass
class _Growing:
    """What has been read of one family so far."""

    family: Family
    tables: dict[str, Table] = field(default_factory=dict)
    origin: dict[str, Source] = field(default_factory=dict)
    declared: dict[tuple[str, str], int] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    warned: list[tuple[Source, Warned]] = field(default_factory=list)
    repeated: list[tuple[Source, Repeated]] = field(default_factory=list)
    lost: set[tuple[str, str]] = field(default_factory=set)
    outside: set[tuple[str, str]] = field(default_factory=set)
    complete: bool = True

    def refuse(self, source: Source, refusal: Refusal) -> None:
        """Note a line that would be refused."""
        self.refused.append(Refused(source, self.family, refusal))
        self.lost.add((refusal.table, refusal.chain))

    def frozen(self) -> Reading:
        """As it is at the end."""
        ruleset = Ruleset(self.family, MappingProxyType(self.tables))
        return Reading(
            ruleset, self.origin, self.declared, tuple(self.refused), tuple(self.warned), tuple(self.repeated),
            frozenset(self.lost), self.complete, frozenset(self.outside),
        )  # fmt: skip


def read_subject(
    sources: Sequence[Source],
    settings: Settings,
    *,
    host: Host | None = None,
    sets: Sets | None = None,
    given: GivenSets | None = None,
) -> Subject:
    """The sources of one host as a subject; ``given`` are the sets that references in rules are held against."""
    growing: dict[Family, _Growing] = {}
    steps: list[ScriptStep] = []
    for source in sources:
        if source.kind == "script":
            steps += _Script(source, growing, given).read()
        else:
            _read_save(source, growing, given)
    readings = {family: found.frozen() for family, found in sorted(growing.items())}
    return Subject(tuple(sources), settings, readings, tuple(steps), host, sets)


def _of(growing: dict[Family, _Growing], family: Family) -> _Growing:
    return growing.setdefault(family, _Growing(family))


def _read_save(source: Source, growing: dict[Family, _Growing], given: GivenSets | None) -> None:
    family = source.family or Family.IPV4
    found = recover(source.lines, family, source.path, given)
    if found.refusals and not source.certain:
        other = next(each for each in Family if each is not family)
        again = recover(source.lines, other, source.path, given)
        if len(again.refusals) < len(found.refusals):
            family, found = other, again
    into = _of(growing, family)
    for name, table in reversed(list(found.ruleset.tables.items())):
        into.tables[name] = table
        into.origin[name] = source
        into.declared[name, ""] = found.opened.get(name, 1)
    into.declared.update(found.chains)
    for refusal in found.refusals:
        into.refuse(source, refusal)
    into.warned += ((source, warned) for warned in found.warnings)
    into.repeated += ((source, repeated) for repeated in found.repeated)


class _Script:
    """Carries out a script's commands, as far as they surely run, on tables that begin empty."""

    def __init__(self, source: Source, growing: dict[Family, _Growing], given: GivenSets | None) -> None:
        self.source = source
        self.growing = growing
        self.readers = {family: Reader(family, sets=given) for family in Family}
        self.edits: dict[tuple[Family, str], TableEdit] = {}
        self.emptied: set[tuple[Family, str]] = set()

    def read(self) -> list[ScriptStep]:
        """Read all commands; the tables go to what is growing."""
        steps: list[ScriptStep] = []
        with without_resolver():
            for command in commands("".join(self.source.lines)):
                family = Family.IPV6 if command.program.startswith("ip6") else Family.IPV4
                steps.append(self._step(command, family))
            self._finish()
        return steps

    def _step(self, given: ShellCommand, family: Family) -> ScriptStep:
        into = _of(self.growing, family)
        command: Command | None = None
        if given.program not in ("iptables", "ip6tables"):
            if given.program.endswith("-restore"):
                into.complete = False
            words = tuple(word for word in given.words if word is not None)
        else:
            words = tuple(word for word in given.words if word is not None)
            if len(words) == len(given.words):
                command = self._read(given, words, family)
            if not given.certain or len(words) < len(given.words):
                self._uncertain(given.words, into)
        return ScriptStep(self.source, given.line, given.program, words, command, given.certain, family)

    @staticmethod
    def _uncertain(words: Sequence[str | None], into: _Growing) -> None:
        """A command that may run or not, or whose words are not all known: what it adds to is not whole any more."""
        table = next((after for word, after in pairwise(words) if word in ("-t", "--table")), "filter")
        for word, chain in pairwise((*words, None)):
            if word in _LISTING:
                return
            if word in _ADDING and table is not None and chain is not None:
                into.lost.add((table, chain))
                return
        into.complete = False

    def _read(self, given: ShellCommand, words: tuple[str, ...], family: Family) -> Command | None:
        reader, into = self.readers[family], _of(self.growing, family)
        try:
            command = reader.read(words)
        except Error as error:
            self._refuse(given.line, error, reader, family, words)
            return None
        into.warned += ((self.source, Warned(given.line, " ".join(text.split()))) for text in reader.warnings)
        reader.warnings.clear()
        if given.certain and command.letter in _CHANGING and command.table in TABLES:
            self._do(given.line, command, reader, family, words)
        elif command.table not in TABLES:
            missing = OperationFailed(
                f"can't initialize {family.command} table `{command.table}': Table does not exist"
            )
            self._refuse(given.line, missing, reader, family, words)
        return command

    def _do(self, line: int, command: Command, reader: Reader, family: Family, words: tuple[str, ...]) -> None:
        into, key = _of(self.growing, family), (family, command.table)
        edit = self.edits.get(key)
        if edit is None:
            edit = self.edits[key] = TableEdit(into.tables.get(command.table) or Table.empty(command.table))
            into.origin[command.table] = self.source
            into.declared.setdefault((command.table, ""), line)
        if command.letter == "X" and command.chain is None:
            self.emptied.add(key)
        if key not in self.emptied:
            self._assume(command, edit, into)
        try:
            execute(command, edit, Silent(), line)
        except OperationFailed as error:
            made = command.letter == "N" and (command.table, command.chain) not in into.outside
            if (command.letter in "AIRP" or made) and command.chain is not None:
                self._refuse(line, error, reader, family, words)
        except Error as error:
            self._refuse(line, error, reader, family, words)
        if command.letter == "N" and command.chain is not None:
            into.declared.setdefault((command.table, command.chain), line)

    @staticmethod
    def _assume(command: Command, edit: TableEdit, into: _Growing) -> None:
        """Chains that the script has not made are taken to be there before it runs, unless it deletes all chains first."""
        names = {spec.target_name for spec in command.specs if spec.jump and spec.target is None}
        if command.letter in _MADE_BY_OTHERS and command.chain:
            names.add(command.chain)
        for name in names:
            if name and name not in _NO_CHAINS and not edit.is_chain(name) and not _meant_for_target(name):
                edit.create(name)
                into.outside.add((edit.name, name))

    def _refuse(self, line: int, error: Error, reader: Reader, family: Family, words: tuple[str, ...]) -> None:
        hint = expected(error, reader.line)
        message = complaint(error, family.command)[0].partition("\n")[0] or error.text
        message = " ".join(error.text.split()) if error.text.startswith("\n") else message.partition(": ")[2] or message
        read = reader.line
        table, chain = (read.table, read.chain or "") if read is not None else ("", "")
        place = read.place if read is not None and read.place is not None else read.walk.index - 1 if read else 0
        column = _column(self.source.line(line), words[place] if 0 <= place < len(words) else "")
        reader.warnings.clear()
        error.hint = hint
        _of(self.growing, family).refuse(self.source, Refusal(line, column, message, hint or "", table, chain, error))

    def _finish(self) -> None:
        for (family, name), edit in self.edits.items():
            into = _of(self.growing, family)
            table, refused = accepted(edit.commit(), family)
            for each in refused:
                refusal = Refusal(each.line or 1, 1, each.text, each.hint or "", name, each.chain, each)
                into.refuse(self.source, refusal)
            into.tables[name] = table


def _meant_for_target(name: str) -> bool:
    """Whether a name looks like a misspelt target rather than a chain: it is one in other letters, or nearly so."""
    from difflib import get_close_matches

    from pyiptables.syntax.commands import target_names

    return bool(get_close_matches(name.upper(), target_names(), n=1, cutoff=0.8)) and "-" not in name


def _column(text: str, word: str) -> int:
    at = text.find(word) if word else -1
    return at + 1 if at >= 0 else len(text) - len(text.lstrip()) + 1
