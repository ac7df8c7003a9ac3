"""``-j NOTRACK``: source extensions/libxt_CT.c and net/netfilter/xt_CT.c, whose CT --notrack it is by another name."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import RuleFacts, Services, Target
from pyiptables.extensions.targets._tracking import untrack
from pyiptables.hooks import Verdict


class NotrackTarget(Target):
    """Keep the packet from being tracked. Goes on."""

    name = "NOTRACK"
    kernel_name = "CT"
    tables = frozenset({"raw"})

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``NOTRACK``."""
        return " NOTRACK"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Mark it, and go on."""
        untrack(skb)
        return None
