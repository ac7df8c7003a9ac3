"""``-j NETMAP``: source extensions/libipt_NETMAP.c, libip6t_NETMAP.c and net/netfilter/xt_NETMAP.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.extensions.base import Option, RuleFacts, Services, opt
from pyiptables.extensions.effects import EffectServices, NatRequest
from pyiptables.extensions.kinds.hosts import HostMask
from pyiptables.extensions.targets._nat import NatTarget
from pyiptables.hooks import Hook, Verdict
from pyiptables.packet.addresses import prefix_length, to_text

DESTINATION_HOOKS = (Hook.PREROUTING, Hook.OUTPUT)


class Network(HostMask):
    """``ADDRESS[/MASK]``: a pair, the address cut by its mask."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The two."""
        address, mask = super().parse(texts, option, facts)
        return (address & mask, mask)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``192.0.2.0/24``, always with the mask."""
        address, mask = value
        length = prefix_length(mask, facts.family)
        return f"{to_text(address, facts.family)}/{to_text(mask, facts.family) if length is None else length}"


NETWORK = Network()


class NetmapTarget(NatTarget):
    """Put an address of another network in place, with the same bits behind the mask."""

    name = "NETMAP"
    hooks = frozenset(Hook) - {Hook.FORWARD}

    to = opt("--to", kind=NETWORK, required=True, help="network to map to")

    def save(self, facts: RuleFacts) -> str:
        """The network."""
        return f" --to {NETWORK.save(self.to, facts)}"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``to:192.0.2.0/24``."""
        return f" to:{NETWORK.save(self.to, facts)}"

    def open(self, services: Services) -> Any:
        """No state: what is asked for depends on the packet."""
        return None

    def apply(self, skb: Any, state: None, services: EffectServices) -> Verdict | None:
        """Map the destination before routing, the source after it."""
        network, mask = self.to
        before = skb.hook in DESTINATION_HOOKS
        address = network | (skb.daddr if before else skb.saddr) & ~mask
        return services.nat(skb, NatRequest(addresses=(address, address)), "DST" if before else "SRC")
