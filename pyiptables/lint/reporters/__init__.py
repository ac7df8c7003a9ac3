"""The forms in which findings are written, one a module: each has ``render(findings, context) -> str``."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module

from pyiptables.hooks import Family
from pyiptables.lint.check import Check, all_checks
from pyiptables.lint.finding import Finding
from pyiptables.lint.shown import WIDTH

FORMATS = ("full", "concise", "json", "sarif", "github", "gitlab", "junit", "checkstyle")
"""The names of the forms."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a form may say beside findings.

    ``files``: those that were looked at. ``colour``: whether it is wanted. ``width``: columns of lines that are shown.
    ``traces``: by file and family, the call of ``pyipt trace`` that takes a packet of its findings as the next word.
    """

    files: tuple[str, ...] = ()
    colour: bool = False
    width: int = WIDTH
    traces: Mapping[tuple[str, Family | None], str] = field(default_factory=dict)
    checks: tuple[type[Check], ...] = field(default_factory=all_checks)


def reporter(name: str) -> Callable[[Sequence[Finding], Context], str]:
    """The function that writes a form."""
    render: Callable[[Sequence[Finding], Context], str] = import_module(f"{__name__}.{name}").render
    return render


def trace_call(finding: Finding, context: Context) -> str | None:
    """The call of ``pyipt trace`` that shows the witness, as a shell takes it; None where there is none."""
    call = context.traces.get((finding.place.file, finding.family))
    witness = finding.proof.witness
    return f"{call} {shlex.quote(witness)}" if call is not None and witness and witness.isprintable() else None
