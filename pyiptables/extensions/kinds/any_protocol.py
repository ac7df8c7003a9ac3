"""Protocols by number or name, 0 among them (XTTYPE_PROTOCOL as it comes from the guided parser)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.packet import names


class AnyProtocol(Kind):
    """0 to 255, or a name."""

    metavar = "protocol"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its number."""
        number = whole_number(texts[0], 0, 255)
        if number is None:
            number = names.protocol_number(texts[0])
        if number is None:
            raise ParameterProblem(f'unknown protocol "{texts[0]}" specified')
        return number


ANY_PROTOCOL = AnyProtocol()
