"""``-j TEE``: source extensions/libxt_TEE.c and net/netfilter/xt_TEE.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import RuleFacts, Target, opt
from pyiptables.extensions.kinds.host import HOST
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.extensions.targets._services import ActionServices
from pyiptables.hooks import Verdict


class TeeTarget(Target):
    """Send a copy of the packet to a neighbour, and go on."""

    name = "TEE"
    needs = "the host's routes, for the copy"

    gateway = opt("--gateway", kind=HOST, required=True, list_as="gw:", help="the neighbour that gets the copy")
    oif = opt("--oif", kind=PlainText(15), default="", neutral="", list_as="oif=", help="interface that it leaves by")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """The neighbour must have an address."""
        return None if self.gateway else "the gateway is no address"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``TEE gw:192.0.2.9 oif=eth1``."""
        return " TEE" + "".join(self.list_option(option, facts, numeric) for option in self.options.values())

    def apply(self, skb: Any, state: None, services: ActionServices) -> Verdict | None:
        """Send it."""
        services.tee(skb, self.gateway, self.oif)
        return None
