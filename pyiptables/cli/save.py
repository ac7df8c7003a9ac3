"""``pyipt-save``: iptables-save's command line.

Source of options, messages and statuses: iptables/iptables-save.c of iptables 1.8, and getopt_long(3).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence

from pyiptables.cli.output import print_lines
from pyiptables.cli.store import Store
from pyiptables.errors import Error, OperationFailed, TableMissing
from pyiptables.hooks import Family
from pyiptables.render.save import save
from pyiptables.syntax.diagnosis import diagnosis
from pyiptables.syntax.getopt import NONE, REQUIRED, Known, Misuse, gather
from pyiptables.syntax.messages import VERSION, BrokenRuleset, complaint

OPTIONS = {
    "-b": Known("b", NONE),
    "-c": Known("c", NONE),
    "--counters": Known("c", NONE),
    "--version": Known("V", NONE),
    "-V": Known("V", NONE),
    "-d": Known("d", NONE),
    "--dump": Known("d", NONE),
    "-t": Known("t", REQUIRED),
    "--table": Known("t", REQUIRED),
    "-M": Known("M", REQUIRED),
    "--modprobe": Known("M", REQUIRED),
    "-f": Known("f", REQUIRED),
    "--file": Known("file", REQUIRED),
    "-4": Known("4", NONE),
    "--ipv4": Known("4", NONE),
    "-6": Known("6", NONE),
    "--ipv6": Known("6", NONE),
}
"""``--file`` names the ruleset, as in all commands; only ``-f`` is iptables-save's own and names what is written."""


def main(argv: Sequence[str], family: Family, program: str) -> int:
    """Save the ruleset as iptables-save does, and give the exit status: 0, or 1 with a message on standard error.

    ``argv`` is what stands after the program's name, which is ``program`` in messages and in the text's comments.
    """
    command = _Command(family, program)
    try:
        return command.run(argv)
    except _Refused as error:
        message = f"{error.text}\n"
    except BrokenRuleset as error:
        message = f"{command.program}: {diagnosis(error)}"
    except Error as error:
        message, _ = complaint(error, command.program)
    sys.stderr.write(message)
    return 1


class _Refused(Error):
    """What iptables-save refuses; the text is its whole message."""


class _Answered(Exception):
    """An option has been answered, and nothing follows."""


class _Command:
    """One call: what its options have said so far."""

    def __init__(self, family: Family, program: str) -> None:
        self.family = family
        self.program = program
        self.counters = False
        self.table: str | None = None
        self.ruleset_file: str | None = None
        self.output: int | None = None

    def run(self, argv: Sequence[str]) -> int:
        """Take the options in their order, then save; the exit status."""
        try:
            if gather(argv, OPTIONS, self.program, self._take):
                raise _Refused("Unknown arguments found on commandline")
            return self._save()
        except _Answered:
            return 0
        except Misuse as error:
            raise _Refused(f"{error.text}\nLook at manual page `{self.program}.8' for more information.") from error
        finally:
            if self.output is not None:
                os.close(self.output)

    def _take(self, option: str, given: str | None) -> None:
        value = given or ""
        match option:
            case "V":
                print(f"{self.program} {VERSION}")
                raise _Answered
            case "d":
                self._save()
                raise _Answered
            case "c":
                self.counters = True
            case "t":
                self.table = value
            case "file":
                self.ruleset_file = value
            case "f":
                self._open(value)
            case "b":
                print("-b/--binary option is not implemented", file=sys.stderr)
            case "4" | "6":
                self.family = Family.IPV4 if option == "4" else Family.IPV6
                self.program = f"{self.family.command}-save"

    def _open(self, name: str) -> None:
        try:
            output = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise _Refused(f"Failed to open file, error: {error.strerror}") from error
        if self.output is not None:
            os.close(self.output)
        self.output = output

    def _save(self) -> int:
        lines = self._lines(Store.named(self.ruleset_file, self.family))
        try:
            if self.output is None:
                print_lines(lines)
            else:
                _write(self.output, lines)
        except TableMissing as error:
            reason = "Table does not exist (do you need to insmod?)"
            raise _Refused(f"{self.program} {VERSION}: Cannot initialize: {reason}") from error
        return 0

    def _lines(self, store: Store) -> Iterator[str]:
        found = store.sealed()
        if found is not None:
            lines = found.saved(counters=self.counters, table=self.table, program=self.program)
            if lines is not None:
                return lines
        tables = None if self.table is None else (self.table,)
        return save(store.read(), counters=self.counters, tables=tables, program=self.program)


def _write(output: int, lines: Iterable[str]) -> None:
    """Write to an open file from its beginning; where there is nothing to write for an error, it is left as it is."""
    raw = (line.encode("utf-8", "surrogateescape") for line in lines)
    first = next(raw, b"")
    try:
        with open(output, "wb", closefd=False) as file:
            if os.path.isfile(output):
                file.truncate(0)
            file.write(first)
            file.writelines(raw)
    except OSError as error:
        raise OperationFailed(f"cannot write: {error.strerror}") from error
