"""Explaining an error in a ruleset file: the place, the line, a caret, what was expected, the nearest spelling."""

from __future__ import annotations

from pyiptables.errors import Error
from pyiptables.syntax.messages import BadArgument, Misspelt
from pyiptables.syntax.reader import Line

_WIDTH = 160
"""Characters of a long line that are shown around the place."""
_MOST_CANDIDATES = 5000
_LIKE = 0.6
"""How much alike a spelling must be to be suggested, from 0 to 1."""


def expected(error: Error, line: Line | None) -> str | None:
    """What should have stood there, and the nearest spelling to what did; None when nothing more is known."""
    if error.hint is not None:
        return error.hint
    if isinstance(error, Misspelt):
        near = nearest(error.word, error.candidates())
        article = "an" if error.kind[0] in "aeiou" else "a"
        return f"expected {article} {error.kind}" + (f"; did you mean {near}?" if near else "")
    if isinstance(error, BadArgument):
        return "expected an option: a rule begins with -A CHAIN, a table with *NAME and ends with COMMIT"
    if line is None:
        return None
    if line.place is not None and line.place in (line.places.get("s"), line.places.get("d")):
        return "expected addresses, networks or hosts, parted by commas, each with /MASK or without"
    option = line.reading
    if option is not None and option.kind.words:
        return f"expected {option.names[0]} {option.kind.metavar}" + (f": {option.help}" if option.help else "")
    return None


def nearest(word: str, candidates: object) -> str | None:
    """The candidate most like the word, or None when none is like it."""
    import difflib
    from itertools import islice

    assert hasattr(candidates, "__iter__")
    names = list(islice(iter(candidates), _MOST_CANDIDATES))
    found = difflib.get_close_matches(word, names, n=1, cutoff=_LIKE)
    if not found:
        folded = {name.lower(): name for name in names}
        found = [folded[name] for name in difflib.get_close_matches(word.lower(), folded, n=1, cutoff=_LIKE)]
    return found[0] if found else None


def diagnosis(error: Error) -> str:
    """The lines that explain an error, line breaks included."""
    text = " ".join(error.text.split())
    if error.source is None:
        return text + "\n"
    place = ":".join(str(part) for part in (error.source, error.line, error.column) if part is not None)
    lines = [f"{place}: {_shown(text)}"]
    if error.snippet is not None:
        snippet, column = _window(error.snippet.rstrip("\n"), error.column or 1)
        lines += [f"    {_shown(snippet)}", f"    {' ' * (column - 1)}^"]
    if error.hint:
        lines.append(f"    {_shown(error.hint)}")
    return "\n".join(lines) + "\n"


def _window(snippet: str, column: int) -> tuple[str, int]:
    """The part of a long line around a column, and the column in it."""
    if len(snippet) <= _WIDTH:
        return snippet, column
    start = max(0, min(column - 1 - _WIDTH // 2, len(snippet) - _WIDTH))
    before = "..." if start else ""
    after = "..." if start + _WIDTH < len(snippet) else ""
    return before + snippet[start : start + _WIDTH] + after, column - start + len(before)


def _shown(text: str) -> str:
    """One character for each, so that a caret stands right, and none that would steer a terminal."""
    return "".join(c if c.isprintable() else " " if c in "\t\n\r" else "?" for c in text)
