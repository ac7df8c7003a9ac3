"""TOML files of tests as pytest collects them: a file is a collector, each test in it an item."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import Any

import pytest

from pyiptables.errors import Error
from pyiptables.testing.formats.full import failure_lines
from pyiptables.testing.reading import read_suite
from pyiptables.testing.results import Result
from pyiptables.testing.running import run_one
from pyiptables.testing.suite import Case, Claim, Suite


class TestFailed(Exception):
    """A test of a TOML file does not hold."""

    __test__ = False

    def __init__(self, result: Result) -> None:
        super().__init__(result.summary())
        self.result = result


class FirewallFile(pytest.File):
    """A TOML file of tests."""

    def collect(self) -> Iterator[pytest.Item]:
        """Its tests."""
        try:
            suite = read_suite(self.path)
        except Error as error:
            raise self.CollectError(error_text(error)) from error
        seen: dict[str, int] = {}
        for test in suite.tests:
            number = seen[test.title] = seen.get(test.title, 0) + 1
            name = test.title if number == 1 else f"{test.title} ({number})"
            yield FirewallItem.from_parent(self, name=name, suite=suite, test=test)


class FirewallItem(pytest.Item):
    """A test of a TOML file."""

    def __init__(self, *, suite: Suite, test: Case | Claim, **more: Any) -> None:
        super().__init__(**more)
        self.suite = suite
        self.test = test

    def runtest(self) -> None:
        """Run it."""
        if self.test.skip:
            pytest.skip(self.test.skip)
        result = run_one(self.suite, self.test)
        if not result.status.good:
            raise TestFailed(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The difference and the trace; an error as pyipt test says it."""
        if isinstance(excinfo.value, TestFailed):
            result = excinfo.value.result
            return "\n".join(line for failure in result.failures for line in failure_lines(failure))
        if isinstance(excinfo.value, Error):
            return error_text(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[PathLike[str] | str, int | None, str]:
        """Its file, line and name."""
        line = self.test.line
        return self.path, line - 1 if line is not None else None, self.test.title


def error_text(error: Error) -> str:
    """An error with its hint."""
    return f"{error}\n  {error.hint}" if error.hint else str(error)
