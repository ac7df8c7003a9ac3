"""JUnit's XML as continuous integration servers read it: suites of cases, each passed, failed, in error or skipped.

Source: the schema of Jenkins' xUnit plugin (junit-10.xsd); a case's place is told in its text, as that has no attribute for
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pyiptables.reports.xmltext import attributes, text


@dataclass(frozen=True, slots=True)
class JunitCase:
    """A test: ``status`` is passed, failure or skipped; ``kind`` says of what kind a failure is.

    ``message`` is one line, ``details`` the rest.
    """

    classname: str
    name: str
    status: str = "passed"
    message: str = ""
    details: str = ""
    kind: str | None = None
    seconds: float = 0.0


def junit(suites: Iterable[tuple[str, Sequence[JunitCase]]]) -> Iterator[str]:
    """The report's lines."""
    yield '<?xml version="1.0" encoding="UTF-8"?>\n'
    suites = list(suites)
    yield f"<testsuites{_counts('pyipt', [case for _, cases in suites for case in cases])}>\n"
    for name, cases in suites:
        skipped = sum(case.status == "skipped" for case in cases)
        yield f"  <testsuite{_counts(name, cases)}{attributes(skipped=skipped, file=name)}>\n"
        for case in cases:
            yield from _case(case)
        yield "  </testsuite>\n"
    yield "</testsuites>\n"


def _counts(name: str, cases: Sequence[JunitCase]) -> str:
    return attributes(
        name=name,
        tests=len(cases),
        failures=sum(case.status == "failure" for case in cases),
        errors=0,
        time=f"{sum(case.seconds for case in cases):.3f}",
    )


def _case(case: JunitCase) -> Iterator[str]:
    said = attributes(classname=case.classname, name=case.name, time=f"{case.seconds:.3f}")
    if case.status == "passed":
        yield f"    <testcase{said}/>\n"
        return
    yield f"    <testcase{said}>\n      <{case.status}{attributes(type=case.kind, message=case.message)}"
    yield f">{text(case.details)}</{case.status}>\n" if case.details else "/>\n"
    yield "    </testcase>\n"
