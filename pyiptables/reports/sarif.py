"""SARIF 2.1.0 of remarks: the Static Analysis Results Interchange Format (OASIS), which code hosts read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from pyiptables.reports.entry import Entry, repository_path

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(entries: Iterable[Entry], rules: Mapping[str, str]) -> Iterator[str]:
    """The whole report; ``rules`` say in a line what each code means."""
    index = {code: number for number, code in enumerate(rules)}
    described = [{"id": code, "shortDescription": {"text": text}} for code, text in rules.items()]
    results = [_result(entry, index) for entry in entries]
    run: dict[str, Any] = {
        "tool": {"driver": {"name": "pyipt", "rules": described}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    yield json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def uri(path: str) -> str:
    """A reference as RFC 3986 has it: relative to where the command runs, or that of an absolute path."""
    raw = repository_path(path).encode("utf-8", "surrogateescape")
    return f"file://{quote(raw)}" if raw.startswith(b"/") else quote(raw)


def _result(entry: Entry, index: Mapping[str, int]) -> dict[str, Any]:
    text = "\n".join((entry.message, *entry.details)).encode("utf-8", "replace").decode()
    place: dict[str, Any] = {"artifactLocation": {"uri": uri(entry.path)}}
    region: dict[str, Any] = {"startLine": entry.line or 1}
    if entry.column is not None:
        region["startColumn"] = entry.column
    found: dict[str, Any] = {
        "ruleId": entry.code,
        "level": LEVELS.get(entry.severity, "note"),
        "message": {"text": text},
        "locations": [{"physicalLocation": place | {"region": region}}],
        "partialFingerprints": {"pyiptRemark/v1": entry.fingerprint()},
    }
    if entry.code in index:
        found["ruleIndex"] = index[entry.code]
    return found
