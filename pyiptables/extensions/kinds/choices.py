"""One of a few words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.hooks import Family


class Choice(Kind):
    """One of these words; ``bad`` is the message for another, with ``{}`` for it. ``any_case``: the case is all one."""

    def __init__(self, *words: str, bad: str, any_case: bool = False) -> None:
        self.words_known = words
        self.bad = bad
        self.any_case = any_case
        self.metavar = "|".join(words)

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The word as it is listed."""
        word = texts[0].upper() if self.any_case and texts[0].isascii() else texts[0]
        if word not in self.words_known:
            raise ParameterProblem(self.bad.format(texts[0]))
        return word

    def choices(self, family: Family) -> Iterable[str]:
        """The words."""
        return self.words_known
