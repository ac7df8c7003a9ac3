"""JUnit's XML as continuous integration servers read it: suites of cases, each passed, failed, in error or skipped.

Source: the schema of Jenkins' xUnit plugin (junit-10.xsd).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pyiptables.reports.xmltext import attributes, text


@dataclass(frozen=True, slots=True)
class JunitCase:
    """A test: ``status`` is passed, failure, error or skipped; ``message`` is one line, ``details`` the rest."""

    classname: str
    name: str
    status: str = "passed"
    message: str = ""
    details: str = ""
    file: str | None = None
    line: int | None = None
    seconds: float = 0.0


def junit(suites: Iterable[tuple[str, Sequence[JunitCase]]]) -> Iterator[str]:
    """The report's lines."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    suites = list(suites)
    yield f"<testsuites{_counts('pyipt', [case for _, cases in suites for case in cases])}>\n"
    for name, cases in suites:
        yield f"  <testsuite{_counts(name, cases)}>\n"
        for case in cases:
            yield from _case(case)
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


def _counts(name: str, cases: Sequence[JunitCase]) -> str:
    count = {status: sum(case.status == status for case in cases) for status in ("failure", "error", "skipped")}
    return attributes(
        name=name,
        tests=len(cases),
        failures=count["failure"],
        errors=count["error"],
        skipped=count["skipped"],
        time=f"{sum(case.seconds for case in cases):.3f}",
    )


def _case(case: JunitCase) -> Iterator[str]:
    said = attributes(
        classname=case.classname, name=case.name, file=case.file, line=case.line, time=f"{case.seconds:.3f}"
    )
    if case.status == "passed":
        yield f"    <testcase{said}/>\n"
        return
    yield f"    <testcase{said}>\n      <{case.status}{attributes(message=case.message)}"
    yield f">{text(case.details)}</{case.status}>\n" if case.details else "/>\n"
    yield "    </testcase>\n"
