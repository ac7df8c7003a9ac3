"""GitHub's workflow commands, each with the trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.reports.github import github
from pyiptables.testing.formats.entries import entries
from pyiptables.testing.results import Result


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report's lines."""
    yield from github(entries(results, traces=True))
