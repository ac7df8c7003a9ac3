"""Flags of the programs' older parsers, which say themselves what they think of ``!``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.extensions.base import Flag, Option, RuleFacts


class WarnedFlag(Flag):
    """A flag that the program has something to say about: ``warning``, a line."""

    def __init__(self, warning: str) -> None:
        self.warning = warning

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """True."""
        facts.warnings.append(self.warning)
        return True


class NegatedFlag(Flag):
    """A flag that only means something with ``!`` before it: whether it stood there."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Whether it was inverted."""
        return facts.inverted


NEGATED_FLAG = NegatedFlag()
