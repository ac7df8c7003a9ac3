"""Printing many lines, and writing files."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from pyiptables.errors import Error

_TOGETHER = 512


def print_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output: one by one where somebody looks on, else many at a time, which is quicker.

    Those that come before an error are written.
    """
    most = 1 if sys.stdout.isatty() else _TOGETHER
    some: list[str] = []
    try:
        for line in lines:
            some.append(line)
            if len(some) >= most:
                sys.stdout.write("".join(some))
                some.clear()
    finally:
        sys.stdout.write("".join(some))


def write_text(name: str, lines: Iterable[str]) -> None:
    """Write a file whole; bytes that are no text, which came so from a file, go out as they came. Error where it cannot be."""
    try:
        with open(name, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.writelines(lines)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Error(f"cannot write {name}: {reason}") from error
