"""Running one of pyipt's own commands, which click reads."""

from __future__ import annotations

from collections.abc import Sequence

import click

from pyiptables.errors import Error
from pyiptables.hooks import Family

INTERRUPTED = 130


def run(command: click.Command, words: Sequence[str], family: Family, file: str | None, *, broken: int = 1) -> int:
    """Run a command with family and file as its object; its status: ``broken`` for a wrong input, 2 for a wrong line."""
    try:
        name = f"pyipt {command.name}"
        return int(command.main(list(words), prog_name=name, standalone_mode=False, obj=(family, file)) or 0)
    except click.ClickException as error:
        error.show()
        return 2
    except click.Abort:
        return INTERRUPTED
    except Error as error:
        tell(error)
        return broken


def tell(error: Error) -> None:
    """Say on standard error what is wrong, with the line and a caret where its place is known, and what was expected."""
    click.echo(f"pyipt: {error}", err=True)
    if error.snippet is not None and error.line is not None and error.column is not None:
        from pyiptables.lint.finding import Place
        from pyiptables.lint.shown import window

        text, start, length = window(Place("", error.line, error.column, error.column + 1, text=error.snippet))
        click.echo(f"  {error.line} | {text}", err=True)
        click.echo(f"  {' ' * len(str(error.line))} | {' ' * start}{'^' * length}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
