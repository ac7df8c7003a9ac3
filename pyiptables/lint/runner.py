"""Running checks over hosts: which run, what of their findings is reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from pyiptables.analysis.diagrams import AnalysisError
from pyiptables.hooks import Family
from pyiptables.lint import suppress, unmet
from pyiptables.lint.check import Check, all_checks
from pyiptables.lint.finding import Finding
from pyiptables.lint.settings import Settings
from pyiptables.lint.subject import Subject

_JUDGED = ("S", "R", "N")
"""Kinds of findings that are not made about chains of other programs."""


@dataclass
class Report:
    """What came of a run: the findings reported, and how many were kept silent and why."""

    findings: list[Finding] = field(default_factory=list)
    below: Counter[str] = field(default_factory=Counter)
    suppressed: int = 0
    known: int = 0
    files: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, other: Report) -> None:
        """Take the other's findings and counts too."""
        self.findings += other.findings
        self.below += other.below
        self.suppressed += other.suppressed
        self.known += other.known
        self.files += other.files
        self.notes.update(other.notes)


def wanted(settings: Settings) -> list[Check]:
    """The checks that are to run."""
    return [check() for check in all_checks() if settings.wants(check.code, check.default)]


def run(subject: Subject, checks: Sequence[Check] | None = None, step: Callable[[str], None] | None = None) -> Report:
    """Run checks over a host; ``step`` is told each code as it begins."""
    settings = subject.settings
    checks = wanted(settings) if checks is None else checks
    found: list[Finding] = []
    for check in checks:
        if step is not None:
            step(check.code)
        try:
            found += _adjusted(check.run(subject), settings)
        except AnalysisError as error:
            subject.notes.setdefault(f"{subject.sources[0].path}: {check.code} is not checked: {error.text}")
    found = unmet.once((each for each in found if not _foreign(each, settings)), settings.reports)
    marks = suppress.suppressions(subject.sources)
    left = suppress.apply(found, marks)
    if marks:
        left += suppress.apply(_adjusted(_about_suppressions(marks, checks), settings), marks)
    left = [each for each in left if not any(exemption.covers(each) for exemption in settings.exemptions)]
    report = Report(suppressed=len(found) - len(left), files=len(subject.sources))
    report.suppressed = max(0, report.suppressed)
    report.notes.update(subject.notes)
    for each in sorted(_distinct(left), key=lambda finding: finding.order):
        if settings.reports(each):
            report.findings.append(each)
        else:
            report.below[each.code] += 1
    return report


def _adjusted(found: Iterable[Finding], settings: Settings) -> Iterator[Finding]:
    """Findings with the severities that the settings give them."""
    for each in found:
        given = settings.severities.get(each.code)
        yield each if given is None else replace(each, severity=given)


def _foreign(finding: Finding, settings: Settings) -> bool:
    chain = finding.place.chain
    return finding.code[0] in _JUDGED and bool(chain) and settings.is_foreign(chain)


def _distinct(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Each finding once: a rule that was read as several (lists of addresses, loops) is found once a line."""
    seen: set[tuple[object, ...]] = set()
    for each in findings:
        place = each.place
        key = (each.code, place.file, place.line, place.column, place.table, place.chain, each.message, each.family)
        once = key[:4] if place.number else key
        if once not in seen:
            seen.add(once)
            yield each


def _about_suppressions(marks: Sequence[suppress.Suppression], checks: Sequence[Check]) -> Iterator[Finding]:
    """What the checks of suppressions say, which look at what the others left."""
    for check in checks:
        judge = getattr(check, "judge", None)
        if judge is not None:
            yield from judge(marks, [each.code for each in checks])


def families(subject: Subject) -> str:
    """``IPv4 and IPv6``: the families of a host, in words."""
    return " and ".join(f"IPv{family.version}" for family in Family if family in subject.families)
