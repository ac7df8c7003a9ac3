"""``sarif``: the Static Analysis Results Interchange Format 2.1.0 (OASIS), which code hosts read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from pyiptables.lint.baseline import fingerprint
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Edit, Finding, Fix, Place, Severity
from pyiptables.lint.pages import page_text, title
from pyiptables.lint.reporters import Context
from pyiptables.lint.shown import whole
from pyiptables.reports.entry import repository_path

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}


def render(findings: Sequence[Finding], context: Context) -> str:
    """One run, with all checks as its rules."""
    index = {check.code: number for number, check in enumerate(context.checks)}
    run = {
        "tool": {
            "driver": {
                "name": "pyipt",
                "semanticVersion": _version(),
                "rules": [_rule(check) for check in context.checks],
            }
        },
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": _uri(file)}} for file in context.files],
        "results": [_result(each, index) for each in findings],
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pyiptables")
    except PackageNotFoundError:
        return "0.0.0"


def _rule(check: type[Check]) -> dict[str, Any]:
    return {
        "id": check.code,
        "name": "".join(word.capitalize() for word in check.name.split("-")),
        "shortDescription": {"text": title(check)},
        "fullDescription": {"text": title(check)},
        "help": {"text": page_text(check)},
        "defaultConfiguration": {"level": LEVELS[check.severity], "enabled": check.default},
    }


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    notes = [finding.message, finding.proof.note]
    if finding.proof.witness:
        notes.append(f"packet: {finding.proof.witness}")
    found: dict[str, Any] = {
        "ruleId": finding.code,
        "level": LEVELS[finding.severity],
        "message": {"text": whole("; ".join(filter(None, notes)))},
        "locations": [_location(finding.place)],
        "partialFingerprints": {"pyiptFinding/v1": fingerprint(finding)},
    }
    if finding.code in index:
        found["ruleIndex"] = index[finding.code]
    if finding.proof.covering:
        found["relatedLocations"] = [
            {"id": number, **_location(place), "message": {"text": whole(place.text.strip()) or "covers"}}
            for number, place in enumerate(finding.proof.covering, 1)
        ]
    if finding.fix is not None:
        found["fixes"] = [_fix(finding.fix)]
    return found


def _location(place: Place) -> dict[str, Any]:
    end = max(place.end_column or len(place.text) + 1, place.column)
    region: dict[str, Any] = {"startLine": place.line, "startColumn": place.column, "endColumn": end}
    if place.text:
        region["snippet"] = {"text": whole(place.text)}
    found: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": _uri(place.file)}, "region": region}}
    if place.chain:
        number = f"/{place.number}" if place.number else ""
        name = whole(f"{place.table}/{place.chain}{number}")
        found["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "member"}]
    return found


def _fix(fix: Fix) -> dict[str, Any]:
    changes = []
    for file in dict.fromkeys(edit.file for edit in fix.edits):
        replacements = [_replacement(edit) for edit in fix.edits if edit.file == file]
        changes.append({"artifactLocation": {"uri": _uri(file)}, "replacements": replacements})
    return {"description": {"text": whole(fix.description)}, "artifactChanges": changes}


def _replacement(edit: Edit) -> dict[str, Any]:
    if edit.text is None:
        deleted = {"startLine": edit.line, "startColumn": 1, "endLine": edit.line + 1, "endColumn": 1}
        return {"deletedRegion": deleted}
    deleted = {"startLine": edit.line, "startColumn": edit.column, "endColumn": max(edit.end_column, edit.column)}
    return {"deletedRegion": deleted, "insertedContent": {"text": whole(edit.text)}}


def _uri(path: str) -> str:
    """A reference as RFC 3986 has it: relative to where the command runs, or that of an absolute path."""
    raw = repository_path(path).encode("utf-8", "surrogateescape")
    return f"file://{quote(raw)}" if raw.startswith(b"/") else quote(raw)
