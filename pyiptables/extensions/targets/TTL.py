"""``-j TTL``: source extensions/libipt_TTL.c and net/netfilter/xt_HL.c."""

from __future__ import annotations

from pyiptables.extensions.targets._hops import HopTarget, hop_options
from pyiptables.hooks import Family


class TtlTarget(HopTarget):
    """Change the packet's time to live."""

    name = "TTL"
    families = (Family.IPV4,)

    set, dec, inc = hop_options("ttl")
