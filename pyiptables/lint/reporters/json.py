"""``json``: a list of objects, one a finding, with everything that a finding has."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pyiptables.lint.finding import Finding, Fix, Place
from pyiptables.lint.reporters import Context, trace_call
from pyiptables.lint.shown import whole


def render(findings: Sequence[Finding], context: Context) -> str:
    """The list, indented."""
    return json.dumps(_whole([_finding(each, context) for each in findings]), indent=2) + "\n"


def _whole(value: Any) -> Any:
    """The value with texts that every reader of JSON takes."""
    if isinstance(value, str):
        return whole(value)
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return {key: _whole(each) for key, each in value.items()} if isinstance(value, dict) else value


def _finding(finding: Finding, context: Context) -> dict[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.label,
        "message": finding.message,
        "family": f"ipv{finding.family.version}" if finding.family is not None else None,
        **_place(finding.place),
        "covering": [_place(each) for each in finding.proof.covering],
        "witness": finding.proof.witness,
        "trace": trace_call(finding, context),
        "note": finding.proof.note or None,
        "fix": _fix(finding.fix) if finding.fix is not None else None,
    }


def _place(place: Place) -> dict[str, Any]:
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "end_column": place.end_column or len(place.text) + 1,
        "table": place.table or None,
        "chain": place.chain or None,
        "rule": place.number or None,
        "text": place.text,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [
        {"file": edit.file, "line": edit.line, "column": edit.column, "end_column": edit.end_column, "text": edit.text}
        for edit in fix.edits
    ]
    return {"description": fix.description, "safe": fix.safe, "edits": edits}
