"""``pyipt-restore``: iptables-restore's command line, and the diagnosis of a bad line after iptables' own message."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Sequence
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from pyiptables.cli.iptables import PATIENCE, Console, answer, given_sets
from pyiptables.cli.store import LONGEST_FILE, RuleLines, Store
from pyiptables.errors import Error, ParameterProblem
from pyiptables.extensions.base import GivenSets
from pyiptables.hooks import Family
from pyiptables.syntax.commands import Command
from pyiptables.syntax.getopt import NONE, OPTIONAL, REQUIRED, Known, Misuse, gather
from pyiptables.syntax.messages import VERSION, BrokenRuleset, complaint
from pyiptables.syntax.numbers import check_wait_interval, wait_seconds
from pyiptables.syntax.restore import Restore, RestoreFailed, Settings

if TYPE_CHECKING:
    from pyiptables.syntax.sets import UnknownSets

_LONG = {
    "counters": ("c", NONE),
    "verbose": ("v", NONE),
    "version": ("V", NONE),
    "test": ("t", NONE),
    "help": ("h", NONE),
    "noflush": ("n", NONE),
    "modprobe": ("M", REQUIRED),
    "table": ("T", REQUIRED),
    "wait": ("w", OPTIONAL),
    "wait-interval": ("W", OPTIONAL),
}
OPTIONS = {f"--{name}": Known(*meaning) for name, meaning in _LONG.items()}
OPTIONS |= {f"-{letter}": Known(letter, argument) for letter, argument in _LONG.values()}
OPTIONS |= {"-w": Known("w", NONE), "-W": Known("W", NONE), "-b": Known("b", NONE), "-6": Known("6", NONE)}
OPTIONS |= {"--file": Known("file", REQUIRED), "--ipset": Known("ipset", REQUIRED)}

_USAGE = """\
Usage: {} [-c] [-v] [-V] [-t] [-h] [-n] [-w secs] [-W usecs] [-T table] [-M command] [file]
\t   [ --counters ]
\t   [ --verbose ]
\t   [ --version]
\t   [ --test ]
\t   [ --help ]
\t   [ --noflush ]
\t   [ --wait=<seconds>
\t   [ --table=<TABLE> ]
\t   [ --modprobe=<command> ]
"""


class _Ended(Error):
    """The options have been answered; ``status`` is the exit status."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class _Call:
    """What the options of one call say."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.file: str | None = None
        self.sets: GivenSets | None = None
        self.counters = self.noflush = self.test = False
        self.verbose = 0
        self.table: str | None = None
        self.wait: int | None = None
        self.wait_interval = False

    @property
    def program(self) -> str:
        """The name that messages begin with."""
        return f"{self.family.command}-restore"

    def take(self, option: str, value: str | None) -> None:
        """Take one option."""
        match option:
            case "c":
                self.counters = True
            case "n":
                self.noflush = True
            case "t":
                self.test = True
            case "v":
                self.verbose += 1
            case "T":
                self.table = value
            case "w":
                self.wait = wait_seconds("-1" if value is None else value)
            case "W":
                sys.stderr.write(check_wait_interval(value))
                self.wait_interval = True
            case "6":
                self.family = Family.IPV6
            case "file":
                self.file = value
            case "ipset":
                self.sets = given_sets(value)
            case "b":
                sys.stderr.write("-b/--binary option is not implemented\n")
            case "V":
                sys.stdout.write(f"{self.program} {VERSION}\n")
                raise _Ended("", 0)
            case "h":
                raise _Ended(_USAGE.format(self.program), 0)

    @property
    def settings(self) -> Settings:
        """How to restore."""
        return Settings(self.counters, self.noflush, self.test, self.table, self.verbose)


def main(words: Sequence[str], family: Family) -> int:
    """Restore as the words of an iptables-restore command line say; the exit status."""
    call = _Call(family)
    console = Console(family)
    try:
        source = _arguments(words, call)
        console.family = call.family
        with _input(source, call.program) as file:
            unknown = _unknown_sets(call, source)
            command = _restored(call, console, file, source)
        if unknown is not None:
            console.warning(unknown.note())
        if command is not None:
            answer(command, call.program, call.family)
    except _Ended as error:
        console.warning(error.text)
        return error.status
    except RestoreFailed as error:
        console.warning(error.message)
        if explains(source):
            _explain(error, console)
        return error.status
    except BrokenRuleset as error:
        console.warning(f"{call.program}: ")
        _explain(error, console)
        return 1
    except Error as error:
        message, status = complaint(error, call.program)
        console.warning(message)
        return status
    return 0


def explains(source: str | None) -> bool:
    """Whether a bad line is answered with a diagnosis beside iptables' message.

    Always when a file was named. Rules from standard input are diagnosed for a person or a program that watches (a
    terminal or a pipe), not where messages are kept in a file, which then has what iptables writes and nothing else.
    ``PYIPT_DIAGNOSE=1`` asks for it in any case, ``=0`` for none; under the name iptables-restore there is none.
    """
    wanted = os.environ.get("PYIPT_DIAGNOSE", "")
    if wanted in ("0", "1"):
        return wanted == "1"
    if os.path.basename(sys.argv[0]).startswith(("iptables", "ip6tables")):
        return False
    return source is not None or not _is_file(sys.stderr)


def _is_file(stream: IO[Any]) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _explain(error: Error, console: Console) -> None:
    from pyiptables.syntax.diagnosis import diagnosis

    console.warning(diagnosis(error))


def _arguments(words: Sequence[str], call: _Call) -> str | None:
    """Take the options; the file to read, or None for standard input."""
    try:
        others = gather(words, OPTIONS, call.program, call.take, greedy="wW")
    except Misuse as error:
        raise _Ended(f"{error.text}\nTry `{call.program} -h' for more information.\n", 1) from error
    except ParameterProblem as error:
        raise _Ended(complaint(error, call.program, 0)[0], 2) from error
    if len(others) > 1:
        raise _Ended("Unknown arguments found on commandline\n", 1)
    if call.wait_interval and not call.wait:
        raise _Ended("Option --wait-interval requires option --wait\n", 1)
    return others[0] if others else None


def _unknown_sets(call: _Call, source: str | None) -> UnknownSets | None:
    """What notes the sets that rules name, where none are given and somebody wants to hear of it."""
    if call.sets is not None or not (call.test or call.verbose) or not explains(source):
        return None
    from pyiptables.syntax.sets import UnknownSets

    call.sets = unknown = UnknownSets()
    return unknown


def _input(source: str | None, program: str) -> BinaryIO:
    """The file that is to be restored. What is no regular file is read whole, before the ruleset is locked."""
    try:
        file: BinaryIO = io.BytesIO()
        if source is not None:
            file = io.BufferedReader(io.FileIO(source))
        elif sys.stdin is not None:
            file = sys.stdin.buffer
        size = os.fstat(file.fileno()).st_size if _is_file(file) else 0
        if not size:
            raw = file.read(LONGEST_FILE + 1)
            file, size = io.BytesIO(raw), len(raw)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "No such file or directory"
        raise _Ended(f"Can't open {source or 'standard input'}: {reason}\n", 1) from error
    if size > LONGEST_FILE:
        raise _Ended(f"{program}: {source or 'standard input'} is too long for a ruleset\n", 1)
    return file


def _restored(call: _Call, console: Console, file: BinaryIO, source: str | None) -> Command | None:
    """Restore into the ruleset file; tables that were committed before a line was refused stay."""
    store = Store.named(call.file, call.family)
    name = source or "standard input"
    lines = RuleLines(file, name, joined=False)
    if call.test:
        return Restore(store.read(), call.settings, console, source=name, sets=call.sets).run(lines)
    with store.change(PATIENCE if call.wait is None else call.wait) as change:
        restore = Restore(change.ruleset, call.settings, console, source=name, sets=call.sets)
        try:
            return restore.run(lines)
        finally:
            if restore.ruleset is not change.ruleset:
                change.replace(restore.ruleset)
                change.commit()
