"""Packet and connection marks with masks (XTTYPE_MARKMASK32)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.numbers import strtoul

ALL_BITS = 0xFFFFFFFF


class MarkMask(Kind):
    """``VALUE[/MASK]``: a pair of 32-bit numbers, the mask all ones unless given."""

    metavar = "value[/mask]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The value and the mask."""
        found = strtoul(texts[0], ALL_BITS)
        if found is None:
            raise self._bad(option, facts)
        value, rest = found
        if not rest:
            return (value, ALL_BITS)
        mask = strtoul(rest[1:], ALL_BITS) if rest[0] == "/" else (0, rest)
        if mask is None:
            raise self._bad(option, facts)
        if mask[1]:
            raise ParameterProblem(f'{facts.extension}: trailing garbage after value for option "{option.names[0]}".\n')
        return (value, mask[0])

    @staticmethod
    def _bad(option: Option, facts: RuleFacts) -> ParameterProblem:
        return ParameterProblem(
            f'{facts.extension}: bad integer value for option "{option.names[0]}", or out of range.\n'
        )

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``0xV``, with ``/0xM`` unless the mask is all ones."""
        mark, mask = value
        return f"{mark:#x}" if mask == ALL_BITS else f"{mark:#x}/{mask:#x}"


MARK_MASK = MarkMask()
