"""One JSON object: every test with its status, differences and packets, and the counts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from pyiptables.testing.results import Failure, Result, Status


def report(results: Iterable[Result]) -> Iterator[str]:
    """The whole text."""
    tests = [_test(result) for result in results]
    counts = {status.value: sum(test["status"] == status.value for test in tests) for status in Status}
    yield json.dumps({"tests": tests, "counts": counts}, indent=2) + "\n"


def _test(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {
        "file": result.suite.label,
        "line": result.test.line,
        "name": result.test.title,
        "status": result.status.value,
        "seconds": round(result.seconds, 6),
    }
    if result.test.skip:
        found["reason"] = result.test.skip
    if result.failures:
        found["failures"] = [_failure(failure) for failure in result.failures]
    if result.assumed:
        found["assumed"] = list(result.assumed)
    return found


def _failure(failure: Failure) -> dict[str, Any]:
    found: dict[str, Any] = {
        "differences": [
            {"key": one.key, "expected": one.expected, "actual": one.actual} | ({"note": one.note} if one.note else {})
            for one in failure.differences
        ],
    }
    for key in ("where", "packet", "note"):
        if getattr(failure, key):
            found[key] = getattr(failure, key)
    if failure.outcome is not None:
        found["trace"] = failure.outcome.story()
    return found
