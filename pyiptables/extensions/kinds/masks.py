"""Network masks on their own (XTTYPE_PLENMASK)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.hosts import read_mask
from pyiptables.packet.addresses import prefix_length


class Mask(Kind):
    """A prefix length, or a mask that is written as an address; as a number."""

    metavar = "length|mask"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The mask."""
        mask = read_mask(texts[0], facts.family)
        if mask is None:
            raise ParameterProblem(
                f'{facts.extension}: bad value for option "{option.names[0]}", '
                f"neither a valid network mask nor valid CIDR (0-{facts.family.bits}).\n"
            )
        return mask

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The prefix length, -1 for a mask that has none."""
        length = prefix_length(value, facts.family)
        return str(-1 if length is None else length)


MASK = Mask()
