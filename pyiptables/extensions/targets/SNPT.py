"""``-j SNPT``: source extensions/libip6t_SNPT.c and net/ipv6/netfilter/ip6t_NPT.c."""

from __future__ import annotations

from pyiptables.extensions.targets._npt import SOURCE, PrefixTarget
from pyiptables.hooks import Hook


class SnptTarget(PrefixTarget):
    """Translate the prefix of the source."""

    name = "SNPT"
    hooks = frozenset({Hook.INPUT, Hook.POSTROUTING})
    tables = frozenset({"mangle"})
    place = SOURCE
