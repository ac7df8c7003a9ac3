"""What can stand next in an iptables command line: for shells, which ask while a line is typed.

The words before are walked as the program walks them, but nothing is refused: what cannot be read is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from pyiptables.extensions.base import Extension, Match, Option, Target
from pyiptables.extensions.kinds.interfaces import INTERFACE
from pyiptables.extensions.kinds.sets import SET_AND_SIDES
from pyiptables.extensions.loading import find_match, find_target, names
from pyiptables.hooks import TABLES, Family
from pyiptables.packet.names import KNOWN_PROTOCOLS
from pyiptables.ruleset.model import STANDARD_VERDICTS
from pyiptables.syntax import getopt
from pyiptables.syntax.commands import OPTIONS
from pyiptables.syntax.handlers import match_name
from pyiptables.syntax.uses import ExtensionOption, long_options

FILES = "files"
"""The candidate that stands for all names of files: an empty word with this about it."""
ABOUT = {
    "A": "append a rule to a chain", "C": "check whether there is a rule", "D": "delete a rule",
    "I": "insert a rule into a chain", "R": "replace a rule", "L": "list rules", "S": "print rules",
    "F": "delete all rules", "Z": "set counters to 0", "N": "make a chain", "X": "delete a chain",
    "E": "rename a chain", "P": "set a chain's policy", "s": "source address", "d": "destination address",
    "p": "protocol", "i": "incoming interface", "o": "outgoing interface", "j": "target", "g": "go to a chain",
    "m": "match", "t": "table", "n": "numbers, no names", "v": "more about each rule", "x": "exact counters",
    "f": "later fragments", "0": "number the lines", "c": "counters to begin with", "w": "wait for the lock",
    "W": "ignored", "M": "ignored", "h": "help", "V": "version", "4": "IPv4 only", "6": "IPv6 only",
}  # fmt: skip
"""The options in a few words each."""
_CHAIN_FIRST = frozenset("LSFZX")
_RULE_COMMANDS = frozenset("ACDIR")


class Candidate(NamedTuple):
    """A word that can stand next, and what it is about."""

    word: str
    about: str = ""


class Surroundings(Protocol):
    """What completion may know beside the words."""

    def chains(self, table: str) -> Iterable[str]:
        """The chains of a table that the ruleset names, built-in ones among them."""

    def interfaces(self) -> Iterable[str]:
        """The interfaces that rules name."""

    def sets(self) -> Iterable[str]:
        """The sets that are given."""


class Completion:
    """The words before the one that is typed, walked; :meth:`candidates` says what can stand there."""

    def __init__(self, before: list[str], family: Family, around: Surroundings) -> None:
        self.family = family
        self.around = around
        self.table = "filter"
        self.protocol = ""
        self.command = ""
        self.extensions: dict[type[Extension], None] = {}
        self.expected: Any = None
        """The option whose value stands next, or None; ``value`` is which of its values, from 0."""
        self.value = 0
        self.after_command = 0
        """How many words stand behind the command's letter, while nothing else does."""
        self._walk = getopt.Walk(before, OPTIONS[family])
        while self._step():
            pass

    def candidates(self, current: str) -> list[Candidate]:
        """Those that begin as the word that is typed, each once."""
        found: dict[str, Candidate] = {}
        for one in self._all(current):
            if one.word.startswith(current):
                found.setdefault(one.word, one)
        return list(found.values())

    # the walk

    def _step(self) -> bool:
        walk = self._walk
        found = walk.next()
        if found is getopt.END:
            return False
        if found == getopt.MISSING:
            self.expected = self._last_option()
            return False
        if found == getopt.PLAIN:
            self.after_command += bool(self.after_command)
            return True
        if found == getopt.UNKNOWN:
            match = find_match(match_name(self.protocol), self.family) if self.protocol else None
            if match is not None and match not in self.extensions:
                self._load(match)
                walk.again()
            return True
        if isinstance(found, ExtensionOption):
            return self._extension_option(found.option)
        self._take(found, walk.argument)
        return True

    def _take(self, letter: str, value: str | None) -> None:
        """Note what an option of iptables says."""
        self.after_command = 0
        extension: type[Extension] | None = None
        if letter in "ACDIRLSFZNXEP":
            self.command = letter
            self.after_command = 1 if value is None else 2
        elif letter == "t":
            self.table = value or ""
        elif letter == "p":
            self.protocol = (value or "").lower()
        elif letter == "m":
            extension = find_match(match_name(value or ""), self.family)
        elif letter == "j":
            extension = find_target(value or "", self.family)
        if extension is not None:
            self._load(extension)

    def _extension_option(self, option: Option) -> bool:
        """Pass over the values behind the first; False where not all are there."""
        self.after_command = 0
        walk, more = self._walk, option.kind.words - 1
        present = len(walk.words) - walk.index
        if present < more:
            self.expected, self.value = option, 1 + present
            return False
        walk.index += max(0, more)
        return True

    def _load(self, extension: type[Extension]) -> None:
        if extension not in self.extensions:
            self._walk.learn(long_options(extension))
        self.extensions[extension] = None

    def _last_option(self) -> Any:
        """The option that stands last, and has no value yet."""
        word = self._walk.bad
        if not word.startswith("--"):
            word = f"-{word[-1:]}"
        tables: list[Mapping[str, getopt.Known]] = [self._walk.known, *self._walk.extra]
        every = [(name, known) for options in tables for name, known in options.items()]
        known = dict(every).get(word) or getopt.abbreviated(word, every)
        meaning = known.meaning if known is not None else None
        return meaning.option if isinstance(meaning, ExtensionOption) else meaning

    # what can stand next

    def _all(self, current: str) -> Iterator[Candidate]:
        if isinstance(self.expected, Option):
            yield from self._values(self.expected, current)
        elif self.expected is not None:
            yield from self._value(self.expected, current)
        elif current.startswith("-"):
            yield from self._options(current)
        else:
            yield from self._plain(current)

    def _plain(self, current: str) -> Iterator[Candidate]:
        """What is no option's value: the chain behind ``-L``, a policy, ``!``; else an option."""
        if self.after_command == 1 and self.command in _CHAIN_FIRST:
            yield from self._chains(own=self.command == "X")
        elif self.after_command == 2 and self.command == "P":
            yield from (Candidate(verdict, "policy") for verdict in ("ACCEPT", "DROP"))
            return
        if not current or current == "!":
            if self.command in _RULE_COMMANDS:
                yield Candidate("!", "not")
            yield from self._options("--")

    def _options(self, current: str) -> Iterator[Candidate]:
        """The options: those of extensions first; short ones only where no second dash is typed."""
        extensions = dict(self.extensions)
        implied = find_match(match_name(self.protocol), self.family) if self.protocol else None
        if implied is not None:
            extensions[implied] = None
        for extension in extensions:
            for option in extension.options.values():
                yield from (Candidate(name, option.help) for name in option.names)
        for name, known in OPTIONS[self.family].items():
            if (name.startswith("--") or not current.startswith("--")) and not (
                known.meaning == "f" and self.family is Family.IPV6
            ):
                yield Candidate(name, ABOUT[known.meaning])

    def _value(self, letter: str, current: str) -> Iterator[Candidate]:
        """The value of an option of iptables' own."""
        if letter in "ACDIRFLZEXP":
            yield from self._chains(own=letter in "EX", built_in=letter == "P")
        elif letter == "t":
            yield from (Candidate(table, "table") for table in TABLES)
        elif letter == "p":
            yield from (Candidate(name, "protocol") for name in KNOWN_PROTOCOLS)
        elif letter in "io":
            yield from self._interfaces()
        elif letter == "m":
            yield from self._extensions(names(Match), find_match, current)
        elif letter in "jg":
            yield from self._chains(own=True)
            if letter == "j":
                yield from (Candidate(verdict, "verdict") for verdict in STANDARD_VERDICTS)
                yield from self._extensions(names(Target), find_target, current)

    def _values(self, option: Option, current: str) -> Iterator[Candidate]:
        """The value of an extension's option; of a list, the item that is typed."""
        kind = option.kind
        if kind is SET_AND_SIDES and not self.value:
            yield from (Candidate(name, "set") for name in self.around.sets())
            return
        if kind is INTERFACE:
            yield from self._interfaces()
            return
        known = ("src", "dst") if kind is SET_AND_SIDES else kind.choices(self.family)
        done = current[: current.rfind(",") + 1] if "," in kind.metavar else ""
        used = () if kind is SET_AND_SIDES else done.split(",")
        yield from (Candidate(done + word, option.help) for word in known if word not in used)

    def _chains(self, own: bool = False, built_in: bool = False) -> Iterator[Candidate]:
        """The table's chains: only its own with ``own``, only the built-in ones with ``built_in``."""
        hooks = [hook.name for hook in TABLES.get(self.table, {})]
        if not own:
            yield from (Candidate(name, "built-in chain") for name in hooks)
        if not built_in:
            yield from (Candidate(name, "chain") for name in self.around.chains(self.table) if name not in hooks)

    def _interfaces(self) -> Iterator[Candidate]:
        yield from (Candidate(name, "interface") for name in self.around.interfaces())

    def _extensions(
        self, known: Iterable[str], find: Callable[[str, Family], type[Extension] | None], current: str
    ) -> Iterator[Candidate]:
        """The extensions that begin so and can stand in the table."""
        for name in known:
            extension = find(name, self.family) if name.startswith(current) else None
            if extension is not None and (extension.tables is None or self.table in extension.tables):
                yield Candidate(name, (extension.__doc__ or "").strip().partition("\n")[0])
