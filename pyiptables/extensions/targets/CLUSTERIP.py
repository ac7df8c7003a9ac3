"""``-j CLUSTERIP``: source extensions/libipt_CLUSTERIP.c. Linux had it until 6.2 (net/ipv4/netfilter/ipt_CLUSTERIP.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Option, RuleFacts, Services, opt
from pyiptables.extensions.kinds.choices import Choice
from pyiptables.extensions.kinds.macs import Mac
from pyiptables.extensions.kinds.numbers import UINT32, Integer
from pyiptables.extensions.targets._retired import RetiredTarget
from pyiptables.hooks import Family, Verdict

MODES = ("sourceip", "sourceip-sourceport", "sourceip-sourceport-destport")
MOST_NODES = 16
_NEW = ("new", "mode", "mac", "total", "local")
"""What a rule that makes the cluster says, all or none of it; ``--hash-init`` may come besides."""


class MulticastMac(Mac):
    """The Ethernet address of a group."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The address, whose first bit is set."""
        address = super().parse(texts, option, facts)
        if not address >> 40 & 1:
            raise ParameterProblem("MAC has to be a multicast ethernet address")
        return address


class ClusteripTarget(RetiredTarget):
    """Share an address among hosts without a balancer before them: what the cluster match does since Linux 2.6.30."""

    name = "CLUSTERIP"
    families = (Family.IPV4,)
    until = (6, 2)
    instead = "the cluster match"

    new = opt("--new", help="make the cluster's address")
    mode = opt("--hashmode", kind=Choice(*MODES, bad='Unknown hashmode "{}"'), help="what chooses the node of a packet")
    mac = opt("--clustermac", kind=MulticastMac(), help="the cluster's Ethernet address, of a group")
    total = opt("--total-nodes", kind=Integer(0, MOST_NODES), help="how many nodes there are")
    local = opt("--local-node", kind=Integer(0, MOST_NODES), help="the number of this one")
    seed = opt("--hash-init", kind=UINT32, default=0, neutral=0, help="what the hash begins with")

    def check(self, facts: RuleFacts) -> None:
        """A cluster is made with all of its properties, or named by none."""
        given = [name for name in (*_NEW, "seed") if name in self.values]
        if given and not all(name in self.values for name in _NEW):
            raise ParameterProblem("CLUSTERIP target: Invalid parameter combination")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``CLUSTERIP hashmode=sourceip clustermac=01:00:5E:00:00:20 total_nodes=2 local_node=1 hash_init=0``."""
        if "new" not in self.values:
            return " CLUSTERIP"
        mac = self.options["mac"].kind.save(self.mac, facts).upper()
        return (
            f" CLUSTERIP hashmode={self.mode} clustermac={mac} total_nodes={self.total} local_node={self.local}"
            f" hash_init={self.seed}"
        )

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Nothing: no kernel of today takes the rule."""
        return None
