"""One host (XTTYPE_HOST)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.hosts import resolve_one
from pyiptables.packet import names
from pyiptables.packet.addresses import to_text


class Host(Kind):
    """An address or a name with one address, as a number."""

    metavar = "address"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The address."""
        return resolve_one(texts[0], facts.family)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The address in numbers."""
        return to_text(value, facts.family)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The same, by name without ``-n``."""
        return self.save(value, facts) if numeric else names.any_name(value, facts.family)


HOST = Host()
