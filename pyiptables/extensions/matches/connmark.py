"""``-m connmark``: source extensions/libxt_connmark.c and net/netfilter/xt_connmark.c."""

from __future__ import annotations

from pyiptables.extensions.base import RuleFacts
from pyiptables.extensions.matches._mark import MarkedMatch
from pyiptables.packet.fields import ct


class ConnmarkMatch(MarkedMatch):
    """Match the mark of the packet's connection; a packet without one never matches."""

    name = "connmark"
    field = ct.mark
    words = ("connmark match  ", "connmark match ! ")

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True
