"""Names of DiffServ classes (RFC 2474, 2597, 3246)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.hooks import Family
from pyiptables.packet.names import DSCP_CLASSES


class DscpClass(Kind):
    """The name of a class, in any case; what follows it is not looked at."""

    metavar = "class"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its code point."""
        for name, value in DSCP_CLASSES.items():
            if texts[0][: len(name)].upper() == name:
                return value
        raise ParameterProblem(f"Invalid DSCP value `{texts[0]}'")

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return DSCP_CLASSES


DSCP_CLASS = DscpClass()
