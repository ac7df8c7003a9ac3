"""``-j DSCP``: source extensions/libxt_DSCP.c and net/netfilter/xt_DSCP.c."""

from __future__ import annotations

from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.dscp import DSCP_CLASS
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.hooks import Verdict
from pyiptables.packet.mangle import dsfield, set_dsfield

ECN_BITS = 3


class Codepoint(Integer):
    """A codepoint, 0 to 63."""

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``0x2e``."""
        return f"0x{value:02x}"


DSCP = Codepoint(0, 63)


class DscpTarget(Target):
    """Set the differentiated services codepoint, and go on."""

    name = "DSCP"
    tables = frozenset({"mangle"})

    dscp = opt("--set-dscp", kind=DSCP, excludes=("by_class",), help="codepoint")
    by_class = opt("--set-dscp-class", kind=DSCP_CLASS, excludes=("dscp",), to="dscp", help="class: BE, EF, CS5, AF41")

    def check(self, facts: RuleFacts) -> None:
        """A codepoint must be said."""
        if self.dscp is None:
            raise ParameterProblem("DSCP target: Parameter --set-dscp is required")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``DSCP set 0x2e``."""
        return f" DSCP set {DSCP.save(self.dscp, facts)}"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Set it where it is another."""
        old = dsfield(skb)
        if old >> 2 != self.dscp:
            set_dsfield(skb, old & ECN_BITS | self.dscp << 2)
        return None
