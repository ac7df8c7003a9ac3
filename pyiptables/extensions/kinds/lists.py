"""Lists of names that stand for bits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.hooks import Family
from pyiptables.packet.fields import bits_to_text


class NameList(Kind):
    """``NAME,NAME``: names in any case, each as short as one likes (the first that begins so is meant), as a bit set.

    ``names`` are in the order in which they are printed. ``bad`` is the message for a name that is none, with the rest
    of the text from there; ``bad_last`` the same for the last one, ``empty`` where nothing stands there.
    """

    metavar = "name[,name...]"

    def __init__(
        self, names: Mapping[str, int], bad: str, *, bad_last: str | None = None, empty: str | None = None
    ) -> None:
        self.names = names
        self.bad = bad
        self.bad_last = bad_last or bad
        self.empty = empty or self.bad_last

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The bits."""
        return _read(self, texts[0])

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return self.names

    def bit(self, word: str) -> int | None:
        """The bit of a name or of its beginning, or None."""
        if not word or not word.isascii():
            return None
        return next((bit for name, bit in self.names.items() if name.startswith(word.upper())), None)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The names, in their own order."""
        return bits_to_text(value, self.names)


@lru_cache(maxsize=1024)
def _read(kind: NameList, text: str) -> int:
    bits, rest, more = 0, text, ","
    while more:
        word, more, following = rest.partition(",")
        bit = kind.bit(word)
        if bit is None:
            message = kind.bad if more else kind.bad_last if word else kind.empty
            raise ParameterProblem(message.format(rest))
        bits |= bit
        rest = following
    return bits
