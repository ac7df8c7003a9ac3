"""``pyipt complete PROGRAM WORD...``: what can stand in place of the last word. Shells call it; nobody types it.

Each candidate is a line: the word, a tab, and what it is about. An empty word stands for the names of files.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING

from pyiptables.cli import COMMANDS, own_options
from pyiptables.cli.store import default_path
from pyiptables.hooks import TABLES, Family
from pyiptables.syntax.completion import FILES, Candidate, Completion
from pyiptables.syntax.getopt import REQUIRED, Known

if TYPE_CHECKING:
    import click

HIDDEN = ("complete",)
_OWN = (Candidate("--file", "the ruleset's file"), Candidate("--ipset", "the sets' file"), Candidate("-6", "IPv6"))
_ALL_FILES = (Candidate("", FILES),)
_INTERFACE = re.compile(r" -[io] (\S+)")
_SET = re.compile(r"create (\S+)")
_MOST_LINES = 1_000_000


def main(words: Sequence[str], family: Family, file: str | None = None) -> int:
    """Print the candidates for the last word; the exit status."""
    if not words:
        return 2
    typed = without_equal_signs([*words[1:]] or [""])
    sys.stdout.writelines(f"{word}\t{about}\n" for word, about in candidates(os.path.basename(words[0]), typed))
    return 0


def without_equal_signs(typed: list[str]) -> list[str]:
    """The words with ``--name = value`` as two: bash parts words at an equal sign, which then is one itself."""
    kept = [word for before, word in pairwise(["", *typed]) if not (word == "=" and before.startswith("--"))]
    return kept if typed[-1] != "=" else [*kept, ""]


def candidates(program: str, typed: list[str]) -> list[Candidate]:
    """What can stand in place of the last of the words that are typed behind a program's name."""
    before, current = typed[:-1], typed[-1]
    family = Family.IPV6 if "6" in program else Family.IPV4
    for suffix in ("save", "restore", "xml"):
        if program.endswith(f"-{suffix}"):
            return _fitting(_getopt_program(suffix, before, current), current)
    file, sets, family, words = own_options(before, family)
    if words in (["--file"], ["--ipset"]):
        return [*_ALL_FILES]
    if words and words[0] in COMMANDS:
        return _fitting(_own_command(words[0], words[1:], current, family), current)
    found = Completion(words, family, Around(file or default_path(family), sets)).candidates(current)
    if words:
        return found
    commands = [Candidate(name, "command") for name in COMMANDS if name not in HIDDEN]
    return _fitting([*commands, *_OWN, *found], current)


def _fitting(found: Iterable[Candidate], current: str) -> list[Candidate]:
    return [one for one in found if one.word.startswith(current) or not one.word]


def _getopt_program(name: str, before: list[str], current: str) -> Iterator[Candidate]:
    """The options of iptables-save, iptables-restore or iptables-xml, and their values."""
    options: Mapping[str, Known] = import_module(f"pyiptables.cli.{name}").OPTIONS
    last = options.get(before[-1]) if before else None
    if last is not None and last.argument == REQUIRED:
        tables = last.meaning in ("t", "T")
        yield from (Candidate(table, "table") for table in TABLES) if tables else _ALL_FILES
    elif current.startswith("-"):
        yield from (Candidate(option) for option in options)
    elif name != "save":
        yield from _ALL_FILES


def _own_command(name: str, before: list[str], current: str, family: Family) -> Iterator[Candidate]:
    """The options and arguments of one of pyipt's own commands."""
    if name == "xml":
        yield from _getopt_program(name, before, current)
        return
    command: click.Command | None = getattr(import_module(COMMANDS[name].partition(":")[0]), "command", None)
    if command is None:
        return
    options = {option: param for param in command.params for option in param.opts if option.startswith("-")}
    last = options.get(before[-1]) if before else None
    if last is not None and not getattr(last, "is_flag", False):
        yield from _click_value(last)
    elif current.startswith("-"):
        yield from (Candidate(option, getattr(param, "help", None) or "") for option, param in options.items())
        if name == "trace":
            yield from _packet_words(family)
    else:
        for param in command.params:
            if param.param_type_name == "argument":
                yield from _click_value(param)


def _click_value(param: click.Parameter) -> Iterable[Candidate]:
    """The values of an option or argument: its choices, or files."""
    choices: Sequence[str] = getattr(param.type, "choices", ())
    if choices:
        return [Candidate(choice) for choice in choices]
    named = (param.metavar or "").split(" ")[0].partition(".")[0]
    return _ALL_FILES if named in ("FILE", "FOLDER", "CAPTURE", "OUT") else ()


def _packet_words(family: Family) -> Iterator[Candidate]:
    """The words of a typed packet."""
    from pyiptables.packet.typed_words import WORDS

    for word in WORDS:
        if family in word.families:
            yield from (
                Candidate(name, f"of a typed packet: {word.metavar if word.values else 'a flag'}")
                for name in word.names
            )


class Around:
    """The ruleset's file and the sets' file, looked through for names, without reading their rules."""

    def __init__(self, file: str, sets: str | None) -> None:
        self._file = file
        self._sets = sets

    def chains(self, table: str) -> Iterable[str]:
        """The chains that the file declares in a table."""
        return self._names[0].get(table, ())

    def interfaces(self) -> Iterable[str]:
        """``lo``, and the interfaces that rules name."""
        return self._names[1]

    def sets(self) -> Iterable[str]:
        """The sets that the sets' file makes."""
        lines = _lines(self._sets) if self._sets is not None else ()
        return [found[1] for line in lines if (found := _SET.match(line)) is not None]

    @cached_property
    def _names(self) -> tuple[dict[str, list[str]], dict[str, None]]:
        chains: dict[str, list[str]] = {}
        interfaces = {"lo": None}
        table = ""
        for line in _lines(self._file):
            if line.startswith("*"):
                table = line[1:].strip()
            elif line.startswith(":"):
                chains.setdefault(table, []).append(line[1:].partition(" ")[0])
            elif " -i " in line or " -o " in line:
                interfaces.update(dict.fromkeys(_INTERFACE.findall(line)))
        return chains, interfaces


def _lines(path: str) -> Iterator[str]:
    """The first lines of a file; none when it cannot be read, or is no plain file."""
    try:
        if not os.path.isfile(path):
            return
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for number, line in enumerate(file):
                if number >= _MOST_LINES:
                    return
                yield line
    except (OSError, ValueError):
        return
