"""``-j MARK``: source extensions/libxt_MARK.c and net/netfilter/xt_mark.c."""

from __future__ import annotations

from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import RuleFacts, Services
from pyiptables.extensions.targets._marks import XMARK, MarkTarget
from pyiptables.hooks import Verdict


class PacketMarkTarget(MarkTarget):
    """Change the packet's mark, and go on."""

    name = "MARK"

    def check(self, facts: RuleFacts) -> None:
        """Something must be done."""
        if not self.values:
            raise ParameterProblem("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``MARK set 0x1``."""
        return f" MARK {XMARK.list(self.set_xmark, facts, numeric)}"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Clear, flip, and go on."""
        mark, mask = self.set_xmark
        skb.mark = skb.mark & ~mask ^ mark
        return None
