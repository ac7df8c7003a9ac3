"""Where things stand in a TOML file: tomllib says only what they are.

A scan of the lines that knows table headers, keys at the beginning of a line, and texts of several lines. What it does
not find (a table written inline) has no line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\"'\s-]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*(?:\"([^\"]+)\"|'([^']+)'|([A-Za-z0-9_-]+))\s*(?:\.[^=]*)?=")
_LONG = re.compile(r"\"\"\"|'''")


@dataclass(frozen=True, slots=True)
class Header:
    """A table in a file: its name, which of that name it is (from 0), its line, and the lines of its keys (from 1)."""

    name: str
    index: int
    line: int
    keys: dict[str, int] = field(default_factory=dict)


def headers(text: str) -> Iterator[Header]:
    """The tables of a file in order; the first is the file itself, with an empty name."""
    seen: dict[str, int] = {}
    current = Header("", 0, 1)
    inside = ""
    for number, line in enumerate(text.split("\n"), 1):
        if not inside:
            found = _HEADER.fullmatch(line)
            if found is not None and not _KEY.match(line):
                yield current
                name = "".join(found[2].split())
                current = Header(name, seen.get(name, 0), number)
                seen[name] = seen.get(name, 0) + 1
                continue
            key = _KEY.match(line)
            if key is not None:
                current.keys.setdefault(key[1] or key[2] or key[3], number)
        for mark in _LONG.findall(line):
            if not inside:
                inside = mark
            elif mark == inside:
                inside = ""
    yield current


class Positions:
    """Lines by table and key."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self._found = {(header.name, header.index): header for header in headers(text)}

    def line(self, table: str = "", index: int = 0, key: str = "") -> int | None:
        """The line of a key, else of its table, else of what the file calls by the table's name, else None."""
        header = self._found.get((table, index))
        if header is None:
            return self._found[("", 0)].keys.get(table.partition(".")[0])
        if not key:
            return header.line if table else None
        return header.keys.get(key, header.line if table else None)

    def snippet(self, line: int | None) -> str | None:
        """A line's text, cut to a bearable length."""
        return self.lines[line - 1].strip()[:200] if line is not None and line <= len(self.lines) else None
