"""``-j REDIRECT``: source extensions/libxt_NAT.c and net/netfilter/xt_REDIRECT.c."""

from __future__ import annotations

from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import RuleFacts, opt
from pyiptables.extensions.effects import EffectServices, NatRequest
from pyiptables.extensions.targets._nat import NatTarget, PortRange
from pyiptables.hooks import Hook, Verdict


class RedirectTarget(NatTarget):
    """Change the destination of a connection's packets to this host itself."""

    name = "REDIRECT"
    hooks = frozenset({Hook.PREROUTING, Hook.OUTPUT})
    needs = "the host's addresses"

    to = opt("--to-ports", kind=PortRange(), list_as="redir ports ", help="new destination port or range")
    random = opt("--random", help="choose the port at random")

    def check(self, facts: RuleFacts) -> None:
        """Ports cannot be shifted."""
        if self.request.base_port is not None:
            raise ParameterProblem("Shifted portmap ranges not supported with this kernel")

    def apply(self, skb: Any, state: NatRequest, services: EffectServices) -> Verdict | None:
        """Set the connection up."""
        return services.redirect(skb, state)
