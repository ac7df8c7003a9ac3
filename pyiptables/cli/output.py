"""Printing many lines."""

from __future__ import annotations

import sys
from collections.abc import Iterable

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
