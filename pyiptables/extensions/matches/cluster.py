"""``-m cluster``: source extensions/libxt_cluster.c and net/netfilter/xt_cluster.c."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32, Integer
from pyiptables.extensions.matches._jhash import jhash_words
from pyiptables.hooks import Family
from pyiptables.packet.fields import ct
from pyiptables.packet.skb import PacketType
from pyiptables.predicate import Field, Predicate, Readable

NODES = Integer(1, 32)
TOO_LARGE = {
    "node": "cluster match: `--cluster-local-node' must be <= `--cluster-total-nodes'",
    "mask": "cluster match: `--cluster-local-nodemask' too big for `--cluster-total-nodes'",
}


class ClusterMatch(Match):
    """Match the connections that are this node's share in a cluster, by their original source.

    A packet for one host in a frame for many becomes one for this host, whether it matches or not.
    """

    name = "cluster"

    total = opt("--cluster-total-nodes", kind=NODES, required=True, help="how many nodes there are")
    node = opt("--cluster-local-node", kind=NODES, invertible=True, excludes=("mask",), help="the number of this node")
    mask = opt(
        "--cluster-local-nodemask", kind=NODES, invertible=True, excludes=("node",),
        help="the numbers of this node as bits",
    )  # fmt: skip
    seed = opt("--cluster-hash-seed", kind=UINT32, required=True, help="seed of the hash, the same on all nodes")

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        super().__init__(values, frozenset({"mask"}) if inverted else inverted)

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """One node is kept as a mask, too; the mask fits into the cluster."""
        given = [name for name in values if name in TOO_LARGE]
        if not given:
            raise ParameterProblem("cluster match: `--cluster-local-node' or`--cluster-local-nodemask' is missing")
        mask = 1 << values["node"] - 1 if given[-1] == "node" else values["mask"]
        if {"total", "seed"} <= values.keys() and mask >= 1 << values["total"]:
            raise ParameterProblem(TOO_LARGE["node" if "node" in given else "mask"])
        return {"total": values.get("total"), "mask": mask, "seed": values.get("seed")}

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    def save(self, facts: RuleFacts) -> str:
        """Mask and seed in hexadecimal."""
        mark = " !" if self.inverted else ""
        return (
            f"{mark} --cluster-local-nodemask {self.mask:#010x} --cluster-total-nodes {self.total}"
            f" --cluster-hash-seed {self.seed:#010x}"
        )

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``cluster node_mask=0x00000001 total_nodes=2 hash_seed=0xdeadbeef``."""
        mark = "!" if self.inverted else ""
        return f" cluster {mark}node_mask={self.mask:#010x} total_nodes={self.total} hash_seed={self.seed:#010x}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """A connection, then whose it is."""
        yield Readable("the frame's own host", _unicast, hotdrop=False)
        yield ct.entry.equals(1)
        node = Field("cluster.node", 32, self._node)
        yield self.wants(type(self).mask, facts, lambda negate: node.any_bit(self.mask, negate=negate))

    def _node(self, skb: Any) -> int | None:
        """The bit of the node that the packet's connection, or the one that it belongs to, falls to."""
        if skb.nfct is None:
            return None
        entry = skb.nfct.master or skb.nfct
        # Of an IPv6 address, too, the kernel takes 32 bits only, the first.
        first = (entry.original.src >> skb.family.bits - 32).to_bytes(4, "big")
        share: int = jhash_words([int.from_bytes(first, "little")], self.seed) * self.total >> 32
        return 1 << share


def _unicast(skb: Any) -> bool:
    multicast = skb.daddr >> 28 == 14 if skb.family is Family.IPV4 else skb.daddr >> 120 == 0xFF
    if skb.pkt_type is PacketType.MULTICAST and not multicast:
        skb.pkt_type = PacketType.HOST
    return True
