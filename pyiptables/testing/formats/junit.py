"""JUnit's XML: a suite for each file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.reports.junit import JunitCase, junit
from pyiptables.testing.formats.full import failure_lines
from pyiptables.testing.results import Result, Status

_WORDS = {Status.PASSED: "passed", Status.FAILED: "failure", Status.UNKNOWN: "failure", Status.SKIPPED: "skipped"}


def report(results: Iterable[Result]) -> Iterator[str]:
    """The report's lines."""
    suites: dict[str, list[JunitCase]] = {}
    for result in results:
        suites.setdefault(result.suite.label, []).append(_case(result))
    yield from junit(suites.items())


def _case(result: Result) -> JunitCase:
    details = "\n".join(
        line
        for failure in result.failures
        for line in (f"{result.suite.label}:{failure.line or result.test.line or 1}", *failure_lines(failure))
    )
    return JunitCase(
        classname=result.suite.label,
        name=result.test.title,
        status=_WORDS[result.status],
        message=result.summary(),
        details=details,
        kind=result.status.value,
        seconds=result.seconds,
    )
