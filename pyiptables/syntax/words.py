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

_PLAIN = re.compile(r"[^ \t\n]+")
_QUOTED = re.compile(r'([^ \t\n"]*)(?:"([^"\\]*(?:\\.[^"\\]*)*)(?:"|\\?\Z))?', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def split(line: str, room: int = MOST) -> list[str]:
    """The words of a line; ParameterProblem when one is too long or there are more than ``room``."""
    if '"' in line or len(line) > LONGEST:
        return [word for word, _ in walk(line, room)]
    words = _PLAIN.findall(line)
    if len(words) > room:
        raise ParameterProblem("Parser cannot handle more arguments")
    if not line.isascii():
        for word in words:
            _check_length(word)
    return words


def walk(line: str, room: int = MOST) -> Iterator[tuple[str, int]]:
    """The words with the index of their first character, as far as they can be read; raises as :func:`split`."""
    position, count, end = 0, 0, len(line)
    while position < end:
        if line[position] in " \t\n":
            position += 1
            continue
        found = _QUOTED.match(line, position)
        assert found is not None
        word, quoted = found[1], found[2]
        if quoted is not None:
            word += _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted
        _check_length(word)
        count += 1
        if count > room:
            raise ParameterProblem("Parser cannot handle more arguments")
        yield word, position
        position = found.end()


def _check_length(word: str) -> None:
    if len(word) > LONGEST or (len(word) > LONGEST // 4 and len(word.encode("utf-8", "surrogateescape")) > LONGEST):
        raise ParameterProblem("Parameter too long!")
