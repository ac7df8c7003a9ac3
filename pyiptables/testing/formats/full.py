"""For people: each failure as a diff, with the trace that shows why; then how many there were."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pyiptables.testing.results import Failure, Result, Status

WORDS = {Status.PASSED: "ok", Status.FAILED: "FAILED", Status.UNKNOWN: "UNKNOWN", Status.SKIPPED: "skipped"}


def report(results: Iterable[Result], *, quiet: bool = False, verbose: bool = False, width: int = 80) -> Iterator[str]:
    """Failures as they come, and the count."""
    counts: Counter[Status] = Counter()
    assumed: dict[str, None] = {}
    for result in results:
        counts[result.status] += 1
        if not result.status.good:
            assumed.update(dict.fromkeys(result.assumed))
            yield from failure_block(result, width)
        elif verbose:
            why = f"  ({result.test.skip})" if result.test.skip else ""
            yield f"{WORDS[result.status]:<8} {place(result)}  {result.test.title}{why}\n"
    if not quiet:
        yield from (f"assumed: {text}\n" for text in assumed)
    yield f"{count_text(counts)}\n"


def place(result: Result) -> str:
    """Where a test stands: file and line."""
    return f"{result.suite.label}:{result.test.line}" if result.test.line is not None else result.suite.label


def failure_block(result: Result, width: int = 80) -> Iterator[str]:
    """A test that did not pass."""
    yield f"{WORDS[result.status]} {place(result)}  {result.test.title}\n"
    for failure in result.failures:
        for line in failure_lines(failure, width):
            yield f"  {line}\n" if line else "\n"
    yield "\n"


def failure_lines(failure: Failure, width: int = 80) -> Iterator[str]:
    """What was expected, what is there, and the trace."""
    if failure.where:
        yield failure.where
    if failure.packet:
        yield f"  {failure.packet}"
    for difference in failure.differences:
        yield from difference.lines()
    if failure.note:
        yield from failure.note.splitlines()
    if failure.outcome is not None:
        yield ""
        yield from failure.outcome.story(width - 2)


def count_text(counts: Counter[Status]) -> str:
    """``11 tests: 9 passed, 1 failed, 1 skipped``."""
    total = sum(counts.values())
    parts = [f"{counts[status]} {status.value}" for status in Status if counts[status]]
    return f"{total} test{'' if total == 1 else 's'}: {', '.join(parts)}" if total else "no tests"
