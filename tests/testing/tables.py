"""Reading the tables of cases beside these tests."""

from __future__ import annotations

import contextlib
import io
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from pyiptables.hooks import Family

CASES = Path(__file__).parent / "cases"
HOSTS = Path(__file__).parents[2] / "rulesets"


def called(command: str, *words: str) -> subprocess.CompletedProcess[str]:
    """``pyipt COMMAND WORDS`` in this process, which is quicker; what it gave, as a process would."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = import_module(f"pyiptables.cli.{command}").main(list(words), Family.IPV4)
    return subprocess.CompletedProcess([command, *words], status, out.getvalue(), err.getvalue())


def rows(name: str) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table, with their numbers: columns parted by " | "."""
    for number, line in enumerate((CASES / name).read_text().splitlines(), 1):
        if line and not line.startswith("#"):
            yield number, [column.strip() for column in line.split(" | ")]


def blocks(name: str) -> Iterator[tuple[int, str, str]]:
    """The blocks of a table: their line, what stands behind "===", and their text."""
    number, head, lines = 0, "", list[str]()
    for at, line in enumerate((CASES / name).read_text().splitlines(), 1):
        if line.startswith("==="):
            if number:
                yield number, head, "\n".join(lines) + "\n"
            number, head, lines = at, line.removeprefix("===").strip(), []
        else:
            lines.append(line)
    yield number, head, "\n".join(lines) + "\n"
