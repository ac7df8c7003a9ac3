"""``checkstyle``: the XML of the tool of that name, which many CI servers and editors read."""

from __future__ import annotations

from collections.abc import Sequence

from pyiptables.lint.finding import Finding
from pyiptables.lint.reporters import Context
from pyiptables.lint.reporters.entries import entry_of
from pyiptables.reports.checkstyle import checkstyle


def render(findings: Sequence[Finding], context: Context) -> str:
    """An element for each file with findings, one in it for each of them."""
    return "".join(checkstyle(map(entry_of, findings)))
