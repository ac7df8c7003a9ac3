"""Doing what fixes say, and showing it as a difference."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from pyiptables.lint.finding import Edit, Finding


def chosen(findings: Iterable[Finding], file: str, *, unsafe: bool = False) -> tuple[list[Edit], int]:
    """The edits of one file that can be done together, and how many findings they mend; the first come first."""
    taken: list[Edit] = []
    mended = 0
    for finding in findings:
        fix = finding.fix
        if fix is None or not (fix.safe or unsafe) or any(edit.file != file for edit in fix.edits):
            continue
        if any(_touch(edit, other) for edit in fix.edits for other in taken):
            continue
        taken += fix.edits
        mended += 1
    return taken, mended


def _touch(one: Edit, other: Edit) -> bool:
    if one.line != other.line:
        return False
    if one.text is None or other.text is None:
        return True
    return (one.column < other.end_column and other.column < one.end_column) or one.column == other.column


def edited(lines: Sequence[str], edits: Iterable[Edit]) -> list[str]:
    """The lines with the edits done."""
    found: list[str | None] = list(lines)
    for edit in sorted(edits, key=lambda each: (each.line, each.column), reverse=True):
        text = found[edit.line - 1] if 0 < edit.line <= len(found) else None
        if text is None:
            continue
        if edit.text is None:
            found[edit.line - 1] = None
        else:
            found[edit.line - 1] = text[: edit.column - 1] + edit.text + text[edit.end_column - 1 :]
    return [text for text in found if text is not None]


def difference(name: str, before: Sequence[str], after: Sequence[str]) -> str:
    """The change as a unified diff, which patch(1) reads."""
    lines: list[str] = []
    for line in difflib.unified_diff(before, after, name, name):
        lines.append(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n")
    return "".join(lines)
