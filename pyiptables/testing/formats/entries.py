"""Tests that did not pass, as remarks about lines of their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.reports.entry import Entry
from pyiptables.testing.formats.full import failure_lines
from pyiptables.testing.results import Result


def entries(results: Iterable[Result], *, traces: bool = False) -> Iterator[Entry]:
    """A remark for each; its details are the trace where that is asked for."""
    for result in results:
        if result.status.good:
            continue
        details = tuple(line for failure in result.failures for line in failure_lines(failure)) if traces else ()
        line = next((failure.line for failure in result.failures if failure.line is not None), result.test.line)
        message = f"{result.test.title}: {result.summary()}"
        yield Entry(result.suite.label, "error", f"test-{result.status.value}", message, line=line, details=details)
