"""The forms in which findings are written, one a module: each has ``render(findings, context) -> str``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module

from pyiptables.lint.check import Check, all_checks
from pyiptables.lint.finding import Finding

FORMATS = ("full", "concise", "json", "sarif", "github", "gitlab", "junit", "checkstyle")
"""The names of the forms."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a form may say beside findings: the files that were looked at; whether colours are wanted."""

    files: tuple[str, ...] = ()
    colour: bool = False
    checks: tuple[type[Check], ...] = field(default_factory=all_checks)


def reporter(name: str) -> Callable[[Sequence[Finding], Context], str]:
    """The function that writes a form."""
    render: Callable[[Sequence[Finding], Context], str] = import_module(f"{__name__}.{name}").render
    return render
