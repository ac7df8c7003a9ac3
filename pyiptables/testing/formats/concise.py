"""A line for each test that did not pass: ``FILE:LINE: failed: NAME: why``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.testing.formats.full import place
from pyiptables.testing.results import Result


def report(results: Iterable[Result]) -> Iterator[str]:
    """The lines."""
    for result in results:
        if not result.status.good:
            yield f"{place(result)}: {result.status.value}: {result.test.title}: {result.summary()}\n"
