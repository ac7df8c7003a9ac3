"""Lines that are spelt as others before, read by one regular expression.

A *spelling* is a plan with the line's own blanks and quotes: the words that lines of the shape have in common stand in
its expression as they are, escaped, and each value is a group. A line that fits has the same words at the same places,
quotes taken off, as :func:`pyiptables.syntax.words.split` finds them; what does not fit is split. Which spelling a line
may have is guessed from the line before: rules come in runs, and in turns.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pyiptables.syntax.plans import Plan, Values
from pyiptables.syntax.words import LONGEST

USUAL_FROM = 3
"""So many lines of a spelling are split before there is an expression for it: making one takes as long as reading 50."""
_MOST_SPELLINGS = 1 << 8
_MOST_WORDS = 48
_MOST_GUESSES = 8
_MOST_COUNTED = 1 << 12

_RAW_WORD = re.compile(r'[^\0 \t\n"]+|"[^\0\n"\\]*"')
_BARE_VALUE = r'([^\x00-\x2d"][^\0 \t\n"]*)'
_QUOTED_VALUE = r'"([^\x00-\x2d"\\][^\0\n"\\]*)"'
"""A value as it stands for itself, and one in quotes without escapes. Both begin as values do: see VALUES_FROM."""
_SEEN = re.compile(r"\[([0-9]{1,19}):([0-9]{1,19})\] ")
_NONE_SEEN = "[0:0] "

Found = tuple[Plan, Values, int | None, str, str]
"""A plan, the values, which of them is a chain to jump to, and counters."""


class Spelling:
    """A plan and the expression of its lines; ``after``: what followed such a line, to be tried first."""

    __slots__ = ("after", "jumps", "match", "plan")

    def __init__(self, plan: Plan, pattern: str, jumps: int | None) -> None:
        self.plan = plan
        self.jumps = jumps
        self.match = re.compile(pattern).fullmatch
        self.after: list[Spelling] = []


class Spellings:
    """The spellings of one table."""

    def __init__(self) -> None:
        self._known: dict[tuple[Plan, str], Spelling] = {}
        self._counts: dict[tuple[Plan, str], int] = {}
        self._last: Spelling | None = None

    def read(self, text: str) -> Found | None:
        """What a line says that is spelt as one of those guessed; None: it must be split."""
        last = self._last
        if last is None or (len(text) > LONGEST // 4 and not (text.isascii() and len(text) <= LONGEST)):
            return None
        packets = octets = "0"
        start = 0
        if text[:1] == "[":
            if text.startswith(_NONE_SEEN):
                start = len(_NONE_SEEN)
            elif seen := _SEEN.match(text):
                packets, octets = seen.groups()
                start = seen.end()
        for spelling in last.after:
            found = spelling.match(text, start)
            if found is not None:
                if spelling is not last.after[0]:
                    last.after.remove(spelling)
                    last.after.insert(0, spelling)
                self._last = spelling
                return spelling.plan, found.groups(), spelling.jumps, packets, octets
        return None

    def note(self, plan: Plan, text: str, words: Sequence[str], free: Sequence[int], named: int, jumps: int) -> None:
        """A line was split and read by a plan: ``free`` are the places of the values among the words.

        Of these ``named`` is that of a target that all the plan's lines have, ``jumps`` that of a chain; 0 for none.
        """
        pattern = _pattern(text, words, free, named) if len(words) <= _MOST_WORDS else None
        if pattern is None:
            self._last = None
            return
        key = (plan, pattern)
        spelling = self._known.get(key)
        if spelling is None:
            count = self._counts.get(key, 1) + 1
            if count <= USUAL_FROM or len(self._known) >= _MOST_SPELLINGS:
                if len(self._counts) < _MOST_COUNTED:
                    self._counts[key] = count
                self._last = None
                return
            self._counts.pop(key, None)
            spelling = self._known[key] = Spelling(plan, pattern, free.index(jumps) if jumps else None)
            spelling.after.append(spelling)
        if self._last is not None and spelling not in self._last.after:
            self._last.after.insert(0, spelling)
            del self._last.after[_MOST_GUESSES:]
        self._last = spelling


def _pattern(text: str, words: Sequence[str], free: Sequence[int], named: int) -> str | None:
    """The expression of lines with other values at the free places; None where words are spelt otherwise."""
    raw = _RAW_WORD.findall(text)
    if [word.strip('"') for word in raw] != words or " ".join(raw) + "\n" != text.removeprefix(" "):
        return None
    parts = [re.escape(word) for word in raw]
    for place in free:
        quoted = raw[place][0] == '"'
        parts[place] = _QUOTED_VALUE if quoted else _BARE_VALUE
        if place == named:
            literal = re.escape(words[place])
            parts[place] = f'"({literal})"' if quoted else f"({literal})"
    return " ".join(parts) + "\n"
