"""Text of files as it may be shown: nothing in it steers a terminal, and a long line is cut around its place."""

from __future__ import annotations

from pyiptables.lint.finding import Place

WIDTH = 160
"""Characters of a long line that are shown."""


def shown(text: str) -> str:
    """One character for each, blanks for tabs and line breaks, ? for what cannot be printed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c in "\t\n\r" else "?" for c in text)


def window(place: Place) -> tuple[str, int, int]:
    """The line of a place, the index of its first character there, and how many characters it has; at least one."""
    text = shown(place.text.rstrip("\n"))
    first = max(0, min(place.column - 1, len(text)))
    last = max(first + 1, min((place.end_column or len(text) + 1) - 1, len(text)))
    if len(text) <= WIDTH:
        return text, first, last - first
    start = max(0, min(first - WIDTH // 4, len(text) - WIDTH))
    before, after = "..." if start else "", "..." if start + WIDTH < len(text) else ""
    end = min(last, start + WIDTH)
    return before + text[start : start + WIDTH] + after, first - start + len(before), max(1, end - first)
