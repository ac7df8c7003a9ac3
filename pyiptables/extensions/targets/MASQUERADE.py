"""``-j MASQUERADE``: source extensions/libxt_NAT.c and net/netfilter/xt_MASQUERADE.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import opt
from pyiptables.extensions.effects import EffectServices, NatRequest
from pyiptables.extensions.targets._nat import NatTarget, PortRange
from pyiptables.hooks import Hook, Verdict


class MasqueradeTarget(NatTarget):
    """Change the source of a connection's packets to the outgoing interface's address."""

    name = "MASQUERADE"
    hooks = frozenset({Hook.POSTROUTING})
    needs = "the host's addresses"

    to = opt("--to-ports", kind=PortRange(), list_as="masq ports: ", help="new source port or range")
    random = opt("--random", help="choose the port at random")
    random_fully = opt("--random-fully", help="choose the port fully at random")

    def apply(self, skb: Any, state: NatRequest, services: EffectServices) -> Verdict | None:
        """Set the connection up."""
        return services.masquerade(skb, state)
