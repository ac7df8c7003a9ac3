"""Names of DiffServ classes (RFC 2474, 2597, 3246)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.hooks import Family

CLASSES = {
    **{f"CS{number}": number << 3 for number in range(8)},
    "BE": 0,
    **{f"AF{number}{drop}": number << 3 | drop << 1 for number in range(1, 5) for drop in range(1, 4)},
    "EF": 0x2E,
}
"""The code points that have a name."""


class DscpClass(Kind):
    """The name of a class, in any case; what follows it is not looked at."""

    metavar = "class"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its code point."""
        for name, value in CLASSES.items():
            if texts[0][: len(name)].upper() == name:
                return value
        raise ParameterProblem(f"Invalid DSCP value `{texts[0]}'")

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return CLASSES


DSCP_CLASS = DscpClass()
