"""``pyipt`` as iptables: one command line read, done to the ruleset file, and answered as iptables answers."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pyiptables.cli.output import print_lines
from pyiptables.cli.store import Store
from pyiptables.errors import Error
from pyiptables.extensions.base import GivenSets
from pyiptables.hooks import TABLES, Family
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import Ruleset, RuleSpec
from pyiptables.syntax.commands import Command
from pyiptables.syntax.execute import execute
from pyiptables.syntax.messages import VERSION, BrokenRuleset, complaint, table_missing
from pyiptables.syntax.reader import Reader

PATIENCE = 10
"""Seconds for which a change without ``-w`` waits for the lock: what concurrent changes need to pass one by one."""


class Console:
    """Prints what commands print."""

    def __init__(self, family: Family) -> None:
        self.family = family

    def line(self, text: str) -> None:
        """Print to standard output."""
        sys.stdout.write(text)

    def warning(self, text: str) -> None:
        """Print to standard error, after what has been printed so far."""
        sys.stdout.flush()
        sys.stderr.write(text)

    def rule(self, spec: RuleSpec, table: str) -> None:
        """Print a rule as ``-v`` does."""
        from pyiptables.render.listing import verbose_line

        sys.stdout.write(verbose_line(spec, self.family, table) + "\n")

    def listing(self, command: Command, edit: TableEdit) -> None:
        """Print what ``-L`` or ``-S`` asks for."""
        table = edit.commit()
        ruleset = Ruleset(self.family, {table.name: table})
        number = command.number or None
        if command.letter == "S":
            from pyiptables.render.rules import rules

            lines = rules(ruleset, table.name, command.chain, number, verbose=command.verbose > 0)
        else:
            from pyiptables.render.listing import listing

            lines = listing(
                ruleset,
                table.name,
                command.chain,
                number,
                numeric=command.numeric,
                verbose=command.verbose > 0,
                exact=command.exact,
                line_numbers=command.line_numbers,
            )
        print_lines(lines)


def main(words: Sequence[str], family: Family, file: str | None, sets_file: str | None = None) -> int:
    """Do what the words of an iptables command line say to a ruleset file; the exit status.

    ``file`` is the file's name, ``-`` for standard input, None for the default one. ``sets_file`` has the sets, as
    ``ipset save`` prints them, that references in the words and in the file are checked against.
    """
    console = Console(family)
    try:
        sets = given_sets(sets_file)
        reader = Reader(family, sets=sets)
        try:
            command = reader.read(words)
        finally:
            for warning in reader.warnings:
                console.warning(warning)
        if answer(command, family.command, family):
            return 0
        store = Store.named(file, family)
        store.sets = sets
        _run(command, store, console)
    except BrokenRuleset as error:
        from pyiptables.syntax.diagnosis import diagnosis

        console.warning(f"{family.command}: {diagnosis(error)}")
        return 1
    except Error as error:
        message, status = complaint(error, family.command)
        console.warning(message)
        return status
    return 0


def given_sets(path: str | None) -> GivenSets | None:
    """The sets of the file that ``--ipset`` names, or None."""
    if path is None:
        return None
    from pyiptables.syntax.sets import read_sets

    return read_sets(path)


def answer(command: Command, program: str, family: Family) -> bool:
    """Print help or version, if that is what the command asks for."""
    if command.letter == "h":
        from pyiptables.syntax.help import help_text

        sys.stdout.write(help_text(program, family, command.extensions))
    elif command.letter == "V":
        version = VERSION.removeprefix("v")
        sys.stdout.write(f"Not {version} ;-)\n" if command.inverted else f"{program} v{version}\n")
    return command.letter in ("h", "V")


def _run(command: Command, store: Store, console: Console) -> None:
    if command.table not in TABLES:
        raise table_missing(console.family.command, command.table)
    if command.letter == "S" and not (command.zero or command.verbose or command.number):
        found = store.sealed()
        text = found.rules(command.table, command.chain) if found is not None else None
        if text is not None:
            console.line(text)
            return
    if command.letter == "C" or (command.letter in "LS" and not command.zero):
        execute(command, TableEdit(store.read().table(command.table)), console)
        return
    with store.change(PATIENCE if command.wait is None else command.wait) as change:
        edit = TableEdit(change.ruleset.table(command.table))
        execute(command, edit, console)
        if edit.changed or command.table not in change.ruleset.tables:
            from pyiptables.ruleset.validity import check_table

            table = edit.commit()
            check_table(table, console.family, change.ruleset)
            change.replace(change.ruleset.with_table(table))
