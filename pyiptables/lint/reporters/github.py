"""``github``: workflow commands, which GitHub Actions shows beside the lines of a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from pyiptables.lint.finding import Finding
from pyiptables.lint.reporters import Context
from pyiptables.lint.reporters.entries import entry_of
from pyiptables.reports.github import github


def render(findings: Sequence[Finding], context: Context) -> str:
    """A line for each finding."""
    return "".join(github(map(entry_of, findings)))
