"""``-j SNAT``: source extensions/libxt_NAT.c and net/netfilter/xt_nat.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import opt
from pyiptables.extensions.effects import EffectServices, NatRequest
from pyiptables.extensions.targets._nat import AddressRange, NatTarget
from pyiptables.hooks import Hook, Verdict


class SnatTarget(NatTarget):
    """Change the source of a connection's packets."""

    name = "SNAT"
    hooks = frozenset({Hook.POSTROUTING, Hook.INPUT})

    to = opt("--to-source", kind=AddressRange(), required=True, list_as="to:", help="new source and port")
    random = opt("--random", help="choose the port at random")
    random_fully = opt("--random-fully", help="choose the port fully at random")
    persistent = opt("--persistent", help="choose the same address for a client each time")

    def apply(self, skb: Any, state: NatRequest, services: EffectServices) -> Verdict | None:
        """Set the connection up."""
        return services.nat(skb, state, "SRC")
