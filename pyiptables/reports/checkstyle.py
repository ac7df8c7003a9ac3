"""Checkstyle's XML: files with errors in them. Source: the report that checkstyle's XMLLogger writes, version 4.3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.reports.entry import Entry
from pyiptables.reports.xmltext import attributes


def checkstyle(entries: Iterable[Entry]) -> Iterator[str]:
    """The report's lines, remarks grouped by file."""
    files: dict[str, list[Entry]] = {}
    for entry in entries:
        files.setdefault(entry.path, []).append(entry)
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<checkstyle version="4.3">\n'
    for path, found in files.items():
        yield f"  <file{attributes(name=path)}>\n"
        for entry in found:
            said = attributes(
                line=entry.line or 1,
                column=entry.column,
                severity=entry.severity,
                message=entry.message,
                source=f"pyipt.{entry.code}",
            )
            yield f"    <error{said}/>\n"
        yield "  </file>\n"
    yield "</checkstyle>\n"
