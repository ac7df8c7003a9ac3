"""GitLab's code quality report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.reports.gitlab import gitlab
from pyiptables.testing.formats.entries import entries
from pyiptables.testing.results import Result


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report's lines."""
    yield gitlab(entries(results))
