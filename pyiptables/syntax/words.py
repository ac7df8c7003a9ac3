"""The words of a line in a restore file.

Blanks, tabs and line breaks part words. Double quotes hold them together; in quotes a backslash takes the next
character as it is. The closing quote ends the word. A quote that is never closed runs to the end.
Source of the behaviour: iptables/xshared.c (add_param_to_argv).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyiptables.errors import ParameterProblem

LONGEST = 1023
"""Bytes that a word may have."""
MOST = 254
"""Words that a command line may have, the program's name and what it adds itself included."""

_WORD = re.compile(
    r"""([^ \t\n"]++)(?=[ \t\n]|\Z)             # a word without quotes,
    |([^ \t\n"]*+)"([^"\\]*+(?:\\.[^"\\]*+)*+)(?:"|\\?\Z)  # or the part before a quote, and that in quotes""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def split(line: str, room: int = MOST, *, limited: bool = True) -> list[str]:
    """The words of a line; ParameterProblem when one is too long or there are more than ``room``, unless not limited."""
    if limited and len(line) > LONGEST // 4 and len(line.encode("utf-8", "surrogateescape")) > LONGEST:
        return [word for word, _ in walk(line, room)]
    words = _usual(line)
    if words is None:
        words = [plain or before + _ESCAPED.sub(r"\1", quoted) for plain, before, quoted in _WORD.findall(line)]
    if limited and len(words) > room:
        raise ParameterProblem("Parser cannot handle more arguments")
    return words


def _usual(line: str) -> list[str] | None:
    """The words of a line without escapes whose quotes stand around whole words; None where the line is another."""
    text = line.removesuffix("\n")
    if not text.isprintable() or "\\" in text:  # of all that str.split takes for a blank, only the blank is printable
        return None
    if '"' not in text:
        return text.split()
    parts = text.split('"')
    if len(parts) % 2 == 0:
        return None
    words = parts[0].split()
    for index in range(1, len(parts), 2):
        if parts[index - 1] and parts[index - 1][-1] != " ":
            return None
        words.append(parts[index])
        words += parts[index + 1].split()
    return words


def marked(line: str) -> list[tuple[str, bool]]:
    """The words, however many, each with whether it stands in closed quotes, or ends in such."""
    words: list[tuple[str, bool]] = []
    for found in _WORD.finditer(line):
        plain, before, quoted = found.groups()
        closed = not plain and quoted is not None and found[0][-1] == '"' and found.end() > found.end(3)
        words.append((plain or before + _ESCAPED.sub(r"\1", quoted), closed))
    return words


def walk(line: str, room: int = MOST) -> Iterator[tuple[str, int]]:
    """The words with the index of their first character, as far as they can be read; raises as :func:`split`."""
    for count, found in enumerate(_WORD.finditer(line), 1):
        plain, before, quoted = found.groups()
        if quoted and len(quoted) > 2 * LONGEST:  # too long even if all were escaped
            raise ParameterProblem("Parameter too long!")
        word = plain or before + _ESCAPED.sub(r"\1", quoted)
        if len(word.encode("utf-8", "surrogateescape")) > LONGEST:
            raise ParameterProblem("Parameter too long!")
        if count > room:
            raise ParameterProblem("Parser cannot handle more arguments")
        yield word, found.start()
