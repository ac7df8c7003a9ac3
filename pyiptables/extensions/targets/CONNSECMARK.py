"""``-j CONNSECMARK``: source extensions/libxt_CONNSECMARK.c and net/netfilter/xt_CONNSECMARK.c."""

from __future__ import annotations

from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import RuleFacts, Services, Target, opt
from pyiptables.hooks import Verdict


class ConnsecmarkTarget(Target):
    """Copy the security mark between packet and connection, where the other has none yet, and go on."""

    name = "CONNSECMARK"
    tables = frozenset({"mangle", "security"})

    save_mark = opt("--save", excludes=("restore_mark",), help="copy the packet's security mark to the connection")
    restore_mark = opt("--restore", excludes=("save_mark",), help="copy the connection's security mark to the packet")

    def check(self, facts: RuleFacts) -> None:
        """One of the two."""
        if not self.values:
            raise ParameterProblem("CONNSECMARK target: parameter required")

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``CONNSECMARK save``."""
        return f" CONNSECMARK {'save' if self.save_mark else 'restore'}"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Copy; a mark that is there already stays."""
        entry = skb.nfct
        if entry is None:
            return None
        if self.save_mark:
            entry.secmark = entry.secmark or skb.secmark
        else:
            skb.secmark = skb.secmark or entry.secmark
        return None
