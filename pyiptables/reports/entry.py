"""Something to say about a place in a file."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Entry:
    """One remark.

    ``severity`` is error, warning or info; ``code`` and ``name`` say what kind of remark it is; ``message`` is one line,
    ``details`` are more. Lines and columns count from 1, None where there is none.
    """

    path: str
    severity: str
    code: str
    message: str
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    name: str = ""
    details: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """What stays the same when lines above it come and go: 64 hexadecimal digits."""
        return hashlib.sha256(
            "\0".join((self.path, self.code, self.name, self.message)).encode("utf-8", "replace")
        ).hexdigest()
