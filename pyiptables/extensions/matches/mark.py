"""``-m mark``: source extensions/libxt_mark.c and net/netfilter/xt_mark.c."""

from __future__ import annotations

from pyiptables.extensions.matches._mark import MarkedMatch
from pyiptables.packet.fields import meta


class MarkMatch(MarkedMatch):
    """Match the packet's mark."""

    name = "mark"
    field = meta.mark
    words = ("mark match ", "mark match ! ")
