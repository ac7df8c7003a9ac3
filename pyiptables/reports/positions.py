"""Where things stand in a TOML file: tomllib says only what they are.

A scan of the lines that knows table headers, keys at the beginning of a line, and texts of several lines. What it does
not find (a table written inline) has no line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_HEADER = re.compile(r"\s*(\[\[?)\s*([A-Za-z0-9_.\"'\s-]+?)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*(?:\"([^\"]+)\"|'([^']+)'|([A-Za-z0-9_-]+))\s*(?:\.[^=]*)?=[ \t]*")
_LONG = re.compile(r"\"\"\"|'''")
_SYNTAX = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_LONGEST = 200
"""Characters of a parser's message that are told: it may quote the file."""


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
        self._begins = {header.line for header in self._found.values() if header.name}
        self._begins.update(line for header in self._found.values() for line in header.keys.values())

    def line(self, table: str = "", index: int = 0, key: str = "") -> int | None:
        """The line of a key, else of its table, else of what the file calls by the table's name, else None."""
        header = self._found.get((table, index))
        if header is None:
            return self._found[("", 0)].keys.get(table.partition(".")[0])
        if not key:
            return header.line if table else None
        return header.keys.get(key, header.line if table else None)

    def place(self, line: int | None, word: str = "") -> tuple[int | None, int | None]:
        """Line and column of a word, where what begins in a line has it; else of the value that begins there."""
        if line is None or not 0 < line <= len(self.lines):
            return line, None
        number = line
        while word:
            column = self.lines[number - 1].find(word)
            if column >= 0:
                return number, column + 1
            number += 1
            if number > len(self.lines) or number in self._begins:
                break
        text = self.lines[line - 1]
        key = _KEY.match(text)
        return line, (key.end() if key is not None else len(text) - len(text.lstrip())) + 1

    def snippet(self, line: int | None) -> str | None:
        """A line's text."""
        return self.lines[line - 1] if line is not None and 0 < line <= len(self.lines) else None


def syntax_error(error: Exception, text: str) -> tuple[str, int, int]:
    """What tomllib says is wrong, with line and column; the end of the text where it ends too early."""
    said = str(error)
    found = _SYNTAX.search(said)
    told = said[: found.start() if found else _LONGEST][:_LONGEST]
    if found is not None and found[1]:
        return told, int(found[1]), int(found[2])
    lines = text.rstrip("\n").split("\n")
    return told, len(lines), len(lines[-1]) + 1
