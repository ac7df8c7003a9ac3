"""How results of tests are printed: one module a format, each with ``report(results) -> lines``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module

from pyiptables.testing.results import Result

FORMATS = ("full", "concise", "json", "junit", "github", "gitlab", "checkstyle")


def reporter(name: str) -> Callable[[Iterable[Result]], Iterator[str]]:
    """The function that prints results in a format of :data:`FORMATS`, lines with their breaks."""
    found: Callable[[Iterable[Result]], Iterator[str]] = import_module(f"pyiptables.testing.formats.{name}").report
    return found
