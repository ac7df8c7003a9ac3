"""``-j TRACE``: source extensions/libxt_TRACE.c and net/netfilter/xt_TRACE.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import Services, Target
from pyiptables.hooks import Verdict


class TraceTarget(Target):
    """Have each rule that the packet matches from here on written to the kernel's log."""

    name = "TRACE"
    tables = frozenset({"raw"})

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Mark the packet, and go on."""
        skb.nf_trace = True
        return None
