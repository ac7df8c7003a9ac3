"""Values of the type of service under a mask, by number or by name.

Source of the behaviour: extensions/tos_values.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.numbers import strtoul, whole_number
from pyiptables.hooks import Family
from pyiptables.packet.names import TOS_NAMES

NAMED_MASK = 0x3F
"""The mask that goes with a name: all but the two highest bits of the precedence."""
_BY_NAME = {name.lower(): value for name, value in TOS_NAMES.items()}


class Tos(Kind):
    """``VALUE[/MASK]`` or a name: a pair of bytes, value and mask; the mask of a lone number is ``lone_mask``."""

    metavar = "value[/mask]"

    def __init__(self, lone_mask: int = 0xFF) -> None:
        self.lone_mask = lone_mask

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Value and mask."""
        found = strtoul(texts[0], 0xFF)
        if found is None:
            value = _BY_NAME.get(texts[0].lower())
            if value is None:
                raise ParameterProblem(f'Symbolic name "{texts[0]}" is unknown')
            return (value, NAMED_MASK)
        value, rest = found
        mask = whole_number(rest[1:], 0, 0xFF) if rest.startswith("/") else None if rest else self.lone_mask
        if mask is None:
            raise ParameterProblem(f'Illegal value: "{texts[0]}"')
        return (value, mask)

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return TOS_NAMES

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``0xVV/0xMM``."""
        return "0x{:02x}/0x{:02x}".format(*value)

    @staticmethod
    def name(value: tuple[int, int]) -> str | None:
        """The name of a value under the mask that names have, or None."""
        return next((name for name, tos in TOS_NAMES.items() if value == (tos, NAMED_MASK)), None)


TOS = Tos()
