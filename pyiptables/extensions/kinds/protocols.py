"""Protocols by number or name (XTTYPE_PROTOCOL)."""

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
            number = names.protocol_number(texts[0], exact=True)
        if number is None:
            raise ParameterProblem(f'unknown protocol "{texts[0]}" specified')
        return number


class Protocol(AnyProtocol):
    """A protocol that a packet can have: 1 to 255, or a name."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its number."""
        number = super().parse(texts, option, facts)
        if not number:
            never = "condition would always match" if facts.inverted else "rule would never match"
            raise ParameterProblem(f"{facts.extension}: {never} protocol")
        return number


ANY_PROTOCOL, PROTOCOL = AnyProtocol(), Protocol()
