"""``-m physdev``: source extensions/libxt_physdev.c and net/netfilter/xt_physdev.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.interfaces import INTERFACE
from pyiptables.hooks import Hook
from pyiptables.predicate import Always, Predicate

BEFORE_BRIDGE = frozenset(Hook) - {Hook.OUTPUT}
"""Where the bridge port may be known by which a packet leaves."""


class PhysdevMatch(Match):
    """Match the ports of a bridge that a packet came in and leaves by.

    A packet that no bridge has handed to iptables has no ports: it matches when all that is asked for is inverted.
    """

    name = "physdev"
    needs = "the ports of a bridge, which no packet has"

    is_in = opt("--physdev-is-in", invertible=True, help="came in by a bridge port")
    in_port = opt("--physdev-in", kind=INTERFACE, invertible=True, help="bridge port it came in by")
    is_out = opt("--physdev-is-out", invertible=True, help="will leave by a bridge port")
    out_port = opt("--physdev-out", kind=INTERFACE, invertible=True, help="bridge port it will leave by")
    bridged = opt("--physdev-is-bridged", invertible=True, help="is bridged, not routed")

    def check(self, facts: RuleFacts) -> None:
        """Something must be asked for."""
        if not self.values:
            raise ParameterProblem("PHYSDEV: no physdev option specified")

    def allowed_hooks(self) -> frozenset[Hook] | None:
        """Not OUTPUT for what is only known of bridged packets."""
        bridged = self.bridged and not self.inverts(type(self).bridged)
        asks_out = self.is_out or self.out_port is not None
        return BEFORE_BRIDGE if asks_out and not bridged else None

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``PHYSDEV match ! --physdev-in eth0``."""
        return f" PHYSDEV match{self.save(facts)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """What physdev_mt answers about a packet without bridge ports, in its order."""
        cls = type(self)
        for option in (cls.bridged, cls.is_in, cls.is_out, cls.in_port, cls.out_port):
            yield self.wants(option, facts, Always)
