"""Free texts, and how iptables-save quotes them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts

_SPECIAL = re.compile(r"[\"'\\]")
_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def quoted(text: str) -> str:
    """A text as xtables_save_string prints it: bare when plain, else in double quotes with escapes."""
    if _BARE.match(text):
        return text
    return '"' + _SPECIAL.sub(r"\\\g<0>", text) + '"' if _SPECIAL.search(text) else f'"{text}"'


class Text(Kind):
    """A text cut to ``size`` bytes (XTTYPE_STRING), refused when it is longer than ``most``."""

    metavar = "text"

    def __init__(self, size: int, most: int = 0, least: int = 0) -> None:
        self.size, self.most, self.least = size, most, least

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The text, cut to what the kernel's structure holds."""
        raw = texts[0].encode("utf-8", "surrogateescape")
        if self.least and len(raw) < self.least:
            raise ParameterProblem(f"Argument must have a minimum length of {self.least} characters\n")
        if self.most and len(raw) > self.most:
            raise ParameterProblem(f"Argument must have a maximum length of {self.most} characters\n")
        return (
            texts[0]
            if len(raw) <= self.size and texts[0].isascii()
            else raw[: self.size].decode("utf-8", "surrogateescape")
        )

    def save(self, value: Any, facts: RuleFacts) -> str:
        """Bare or in quotes."""
        return quoted(value)
