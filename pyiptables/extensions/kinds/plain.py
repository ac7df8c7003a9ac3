"""Names that are saved as they are, whatever is in them."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import RuleFacts
from pyiptables.extensions.kinds.texts import Text


class PlainText(Text):
    """A text cut to ``size`` bytes, and never quoted."""

    metavar = "name"

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The text."""
        return str(value)
