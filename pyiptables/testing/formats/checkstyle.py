"""Checkstyle's XML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.reports.checkstyle import checkstyle
from pyiptables.testing.formats.entries import entries
from pyiptables.testing.results import Result


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report's lines."""
    yield from checkstyle(entries(results))
