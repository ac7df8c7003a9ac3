"""GitHub's workflow commands: ``::error file=...,line=...,title=...::message``, which it shows at the lines of a change.

Source: "Workflow commands for GitHub Actions", and the escapes of actions/toolkit (packages/core/src/command.ts).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.reports.entry import Entry, repository_path

_LEVELS = {"error": "error", "warning": "warning", "info": "notice"}


def github(entries: Iterable[Entry]) -> Iterator[str]:
    """A line for each remark."""
    for entry in entries:
        places = {
            "file": repository_path(entry.path),
            "line": entry.line,
            "col": entry.column,
            "endColumn": entry.end_column,
        }
        places["title"] = " ".join(filter(None, (entry.code, entry.name))) or None
        said = ",".join(f"{key}={_property(str(value))}" for key, value in places.items() if value not in (None, ""))
        message = _data("\n".join((entry.message, *entry.details)))
        yield f"::{_LEVELS.get(entry.severity, 'notice')} {said}::{message}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
