"""``full``: each finding with its line, a caret under the place, the rules that cover, the witness, what would mend it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from pyiptables.lint.finding import Finding, Place, Severity
from pyiptables.lint.reporters import Context, trace_call
from pyiptables.lint.shown import shown, window

COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


def render(findings: Sequence[Finding], context: Context) -> str:
    """The text, a blank line behind each finding."""
    return "".join(f"{line}\n" for finding in findings for line in _lines(finding, context))


def _lines(finding: Finding, context: Context) -> Iterator[str]:
    def styled(text: str, **style: Any) -> str:
        return click.style(text, **style) if context.colour else text

    place = finding.place
    where = styled(f"{shown(place.file)}:{place.line}:{place.column}", bold=True)
    label = styled(f"{finding.severity.label}[{finding.code}]", fg=COLOURS[finding.severity], bold=True)
    yield f"{where}: {label} {shown(finding.message)} ({finding.name})"
    if place.text:
        gutter = " " * len(str(place.line))
        text, start, length = window(place, context.width - len(gutter) - 5)
        yield f"  {place.line} | {text}"
        yield f"  {gutter} | {' ' * start}{styled('^' * length, fg=COLOURS[finding.severity], bold=True)}"
    for index, each in enumerate(finding.proof.covering):
        yield f"    {'by' if not index else '  '} {_rule(each)}"
    call = trace_call(finding, context)
    if call is not None:
        yield f"    trace: {call}"
    elif finding.proof.witness:
        yield f"    packet: {shown(finding.proof.witness)}"
    if finding.proof.note:
        yield f"    {styled('note:', bold=True)} {shown(finding.proof.note)}"
    if finding.fix is not None:
        how = "--fix" if finding.fix.safe else "--fix --unsafe-fixes"
        yield f"    {styled('fix:', fg='green', bold=True)} {shown(finding.fix.description)} ({how})"
    yield ""


def _rule(place: Place) -> str:
    number = f" {place.number}" if place.number else ""
    return f"{shown(place.file)}:{place.line} {place.table} {place.chain}{number}: {shown(place.text.strip())}"
