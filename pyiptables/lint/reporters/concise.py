"""``concise``: a line for each finding, as compilers write them."""

from __future__ import annotations

from collections.abc import Sequence

from pyiptables.lint.finding import Finding
from pyiptables.lint.reporters import Context
from pyiptables.lint.shown import shown


def render(findings: Sequence[Finding], context: Context) -> str:
    """``FILE:LINE:COLUMN: CODE message``."""
    lines = []
    for each in findings:
        place = each.place
        lines.append(f"{shown(place.file)}:{place.line}:{place.column}: {each.code} {shown(each.message)}\n")
    return "".join(lines)
