"""``gitlab``: a code quality report, which GitLab shows in a merge request."""

from __future__ import annotations

from collections.abc import Sequence

from pyiptables.lint.finding import Finding
from pyiptables.lint.reporters import Context
from pyiptables.lint.reporters.entries import entry_of
from pyiptables.reports.gitlab import gitlab


def render(findings: Sequence[Finding], context: Context) -> str:
    """A list of objects, with paths as the repository has them."""
    return gitlab(map(entry_of, findings))
