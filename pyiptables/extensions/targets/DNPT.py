"""``-j DNPT``: source extensions/libip6t_DNPT.c and net/ipv6/netfilter/ip6t_NPT.c."""

from __future__ import annotations

from pyiptables.extensions.targets._npt import DESTINATION, PrefixTarget
from pyiptables.hooks import Hook


class DnptTarget(PrefixTarget):
    """Translate the prefix of the destination."""

    name = "DNPT"
    hooks = frozenset({Hook.PREROUTING, Hook.OUTPUT})
    tables = frozenset({"mangle"})
    place = DESTINATION
