"""``-m dscp``: source extensions/libxt_dscp.c and net/netfilter/xt_dscp.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.dscp import DSCP_CLASS
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.packet.fields_headers import traffic
from pyiptables.predicate import Predicate


class CodePoint(Integer):
    """A code point, saved in hexadecimal."""

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``0x2e``."""
        return f"0x{value:02x}"


class DscpMatch(Match):
    """Match the DiffServ code point, the upper six bits of the type of service."""

    name = "dscp"

    dscp = opt(
        "--dscp", kind=CodePoint(0, 63), invertible=True, excludes=("named",), list_as="DSCP match ", help="code point"
    )
    named = opt("--dscp-class", kind=DSCP_CLASS, invertible=True, to="dscp", help="code point by its class")

    def check(self, facts: RuleFacts) -> None:
        """One of the two must be there."""
        if not self.values:
            raise ParameterProblem("DSCP match: Parameter --dscp is required")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``DSCP match !0x2e``."""
        return self.list_option(type(self).dscp, facts, numeric)

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The code point."""
        yield self.wants(type(self).dscp, facts, lambda negate: traffic.dscp.equals(self.dscp, negate=negate))
