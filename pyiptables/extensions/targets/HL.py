"""``-j HL``: source extensions/libip6t_HL.c and net/netfilter/xt_HL.c."""

from __future__ import annotations

from pyiptables.extensions.targets._hops import HopTarget, hop_options
from pyiptables.hooks import Family


class HlTarget(HopTarget):
    """Change the packet's hop limit."""

    name = "HL"
    families = (Family.IPV6,)

    set, dec, inc = hop_options("hl")
