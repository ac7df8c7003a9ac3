"""``-j AUDIT``: source extensions/libxt_AUDIT.c and net/netfilter/xt_AUDIT.c."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, Target, opt
from pyiptables.extensions.targets._services import ActionServices
from pyiptables.hooks import Family, Verdict

TYPES = ("accept", "drop", "reject")


class AuditType(Kind):
    """What the record says is done with the packet."""

    metavar = "accept|drop|reject"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The word, in small letters."""
        if texts[0].lower() not in TYPES:
            raise ParameterProblem(f'Bad action type value "{texts[0]}"')
        return texts[0].lower()

    def choices(self, family: Family) -> Iterable[str]:
        """The words."""
        return TYPES


class AuditTarget(Target):
    """Write an audit record about the packet, and go on."""

    name = "AUDIT"

    type = opt("--type", kind=AuditType(), required=True, help="what the record says is done with the packet")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``AUDIT accept``."""
        return f" AUDIT {self.type}"

    def apply(self, skb: Any, state: None, services: ActionServices) -> Verdict | None:
        """Write it."""
        services.audit(skb, self.type)
        return None
