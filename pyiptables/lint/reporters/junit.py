"""``junit``: a test report, each file a suite and each finding a failure in it, which most CI servers read."""

from __future__ import annotations

from collections.abc import Sequence

from pyiptables.lint.finding import Finding
from pyiptables.lint.reporters import Context
from pyiptables.lint.reporters.entries import entry_of
from pyiptables.lint.shown import shown
from pyiptables.reports.junit import JunitCase, junit


def render(findings: Sequence[Finding], context: Context) -> str:
    """A file without findings is a test that passed."""
    suites: dict[str, list[JunitCase]] = {shown(file): [] for file in context.files}
    for finding in findings:
        entry = entry_of(finding)
        name = f"{entry.code} line {entry.line} column {entry.column}"
        place = f"{entry.path}:{entry.line}:{entry.column}: {entry.message}"
        details = "\n".join((place, shown(finding.place.text), *entry.details))
        case = JunitCase(entry.path, name, "failure", entry.message, details, entry.severity)
        suites.setdefault(entry.path, []).append(case)
    return "".join(junit((file, cases or [JunitCase(file, "no findings")]) for file, cases in suites.items()))
