"""GitLab's code quality report: a JSON list of issues.

Source: "Code Quality report format" of GitLab's documentation; ``fingerprint`` tells issues apart, so it is unique.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from pyiptables.reports.entry import Entry, repository_path

_SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def gitlab(entries: Iterable[Entry]) -> str:
    """The whole report."""
    seen: Counter[str] = Counter()
    issues: list[dict[str, Any]] = []
    for entry in entries:
        mark = entry.fingerprint()
        seen[mark] += 1
        issues.append(
            {
                "description": entry.message,
                "check_name": entry.code,
                "fingerprint": mark if seen[mark] == 1 else f"{mark}-{seen[mark]}",
                "severity": _SEVERITIES.get(entry.severity, "info"),
                "location": {"path": repository_path(entry.path), "lines": {"begin": entry.line or 1}},
            }
        )
    return json.dumps(issues, indent=2) + "\n"
