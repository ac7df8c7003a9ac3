"""Something to say about a place in a file."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Entry:
    """One remark.

    ``severity`` is error, warning or info; ``code`` and ``name`` say what kind of remark it is; ``message`` is one line,
    ``details`` are more. Lines and columns count from 1, None where there is none. ``mark`` is what the remark is known by
    when lines move, where its message would change with them.
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
    mark: str = ""

    def fingerprint(self) -> str:
        """What stays the same when lines above it come and go: 64 hexadecimal digits."""
        parts = (repository_path(self.path), self.code, self.name, self.mark or self.message)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def repository_path(path: str) -> str:
    """A path from the working folder on, which is the repository's where reports are made; others as they are."""
    if os.path.isabs(path):
        inside = os.path.relpath(path)
        return path if inside.startswith(os.pardir) else inside
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path
