"""What iptables prints on standard error for each kind of refusal, and the status it ends with.

Source: iptables/xshared.c (exit_tryhelp), libxtables (exit_err) of iptables 1.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pyiptables.errors import Error, Locked, OperationFailed, ParameterProblem, TableMissing

VERSION = "v1.8.13 (legacy)"
"""The version line's end: the iptables whose behaviour this is."""
_TABLE_NAME_SIZE = 32


class BadArgument(ParameterProblem):
    """A word that is no option and stands where none belongs: its message begins without the program's name."""

    def __init__(self, word: str) -> None:
        super().__init__(f"Bad argument `{word}'")


class BrokenRuleset(Error):
    """A ruleset file that cannot be read: where, and what was expected there."""


class WrongFamily(ParameterProblem):
    """``-6`` given to iptables or ``-4`` to ip6tables: answered with the hint alone."""


class OtherProblem(OperationFailed):
    """A refusal that is told with the program's version, as errors of syntax are, and ends with status 1."""


class Misspelt(ParameterProblem):
    """A name that is not known. ``candidates`` gives those that are, for whoever explains the error."""

    def __init__(self, text: str, word: str, kind: str, candidates: Callable[[], Iterable[str]]) -> None:
        super().__init__(text)
        self.word = word
        self.kind = kind
        self.candidates = candidates


def complaint(error: Error, program: str, line: int | None = None) -> tuple[str, int]:
    """The text for standard error, line breaks included, and the exit status.

    ``line`` is that of a restore file; None for a command of its own.
    """
    if isinstance(error, ParameterProblem):
        place = "" if line is None else f"Error occurred at line: {line}\n"
        hint = f"Try `{program} -h' or '{program} --help' for more information.\n"
        if isinstance(error, WrongFamily):
            text = ""
        elif isinstance(error, BadArgument):
            text = f"{error.text}\n"
        else:
            text = f"{program} {VERSION}: {error.text}\n"
        return text + place + hint, 2
    if isinstance(error, TableMissing):
        return f"{program} {VERSION}: {error.text}\n", 3
    if isinstance(error, Locked):
        return f"{error.text}\n", 4
    if isinstance(error, OtherProblem):
        return f"{program} {VERSION}: {error.text}\n", 1
    if line is not None:
        return f"{program}: line {line} failed\n", 1
    return f"{program}: {error.text}\n", 1


def table_missing(program: str, table: str) -> TableMissing:
    """The error for a table that the kernel does not have."""
    too_long = len(table.encode("utf-8", "surrogateescape")) >= _TABLE_NAME_SIZE
    about = "Module is wrong version" if too_long else "Table does not exist (do you need to insmod?)"
    return TableMissing(
        f"can't initialize {program} table `{table}': {about}\nPerhaps {program} or your kernel needs to be upgraded."
    )
