"""Text of files as it may be shown: nothing in it steers a terminal, and a long line is cut around its place."""

from __future__ import annotations

import re
import unicodedata

from pyiptables.lint.finding import Place

WIDTH = 160
"""Columns of a long line that are shown."""
ELLIPSIS = "..."
_HALVES = re.compile("[\ud800-\udfff]")


def shown(text: str) -> str:
    """One character for each, blanks for tabs and line breaks, ? for what cannot be printed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\t\n\r" else "?" for c in text)


def whole(text: str) -> str:
    """The text with U+FFFD for each byte that is no UTF-8: half a character is nothing that a JSON reader is bound to take."""
    return _HALVES.sub("\ufffd", text)


def columns(text: str) -> int:
    """The columns that a text takes on a terminal (Unicode Standard Annex 11; marks that combine take none)."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(each) in "WF" for each in text)
    return len(text) + wide - sum(unicodedata.category(each) in ("Mn", "Me") for each in text)


def window(place: Place, width: int = WIDTH) -> tuple[str, int, int]:
    """The line of a place, cut to a width, the column of the place there (from 0), and its columns; at least one."""
    text = shown(place.text.rstrip("\n"))
    first = max(0, min(place.column - 1, len(text)))
    last = max(first + 1, min((place.end_column or len(text) + 1) - 1, len(text)))
    start, end, before, after = 0, len(text), "", ""
    if columns(text) > width:
        room = max(width - 2 * len(ELLIPSIS), 20)
        start = max(0, min(first - room // 4, len(text) - room))
        end = start + room
        while columns(text[start:end]) > room:
            end -= 1
        before, after = ELLIPSIS * bool(start), ELLIPSIS * (end < len(text))
    caret = max(1, columns(text[first : min(last, end)]))
    return before + text[start:end] + after, len(before) + columns(text[start:first]), caret
