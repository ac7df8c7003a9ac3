"""``-m connlimit``: source extensions/libxt_connlimit.c, net/netfilter/xt_connlimit.c, net/netfilter/nf_conncount.c."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts, Services, opt
from pyiptables.extensions.kinds.masks import MASK
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.extensions.matches._conncount import ConnectionLists
from pyiptables.hooks import Family


class ConnlimitMatch(Match):
    """Match by how many connections a host, or a network of hosts, has at a time."""

    name = "connlimit"
    stateful = True
    needs = "the connections that are tracked"

    upto = opt("--connlimit-upto", kind=UINT32, invertible=True, excludes=("above",), help="so many or less")
    above = opt("--connlimit-above", kind=UINT32, invertible=True, excludes=("upto",), help="more than so many")
    mask = opt("--connlimit-mask", kind=MASK, help="length of the prefix that makes hosts one")
    source = opt("--connlimit-saddr", excludes=("destination",), help="count by source, as it is without this")
    destination = opt("--connlimit-daddr", excludes=("source",), help="count by destination")

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        values = dict(values or {})
        for name, other in (("upto", "above"), ("above", "upto")):
            if name in inverted:
                values[other] = values.pop(name)
        super().__init__(values)

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """The mask is all ones, and the side the source, unless something else is said."""
        if not values.keys() & {"upto", "above"}:
            raise ParameterProblem('You must specify "--connlimit-above" or "--connlimit-upto".')
        values.pop("source", None)
        return {"mask": (1 << facts.family.bits) - 1, **values}

    def save(self, facts: RuleFacts) -> str:
        """All that counts, the defaults too."""
        (limit,) = (option for option in (type(self).upto, type(self).above) if self.has(option))
        side = "daddr" if self.destination else "saddr"
        length = _length(self.mask, facts.family)
        return f"{self.save_option(limit, facts)} --connlimit-mask {length} --connlimit-{side}"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``#conn src/32 > 10``."""
        side = "dst" if self.destination else "src"
        limit = f"> {self.above}" if self.above is not None else f"<= {self.upto}"
        return f" #conn {side}/{_length(self.mask, facts.family)} {limit}"

    def open(self, services: Services) -> ConnectionLists:
        """The connections that this rule has seen, by host."""
        return ConnectionLists()

    def step(self, skb: Any, state: ConnectionLists, services: Services) -> bool:
        """Count the packet's connection among its host's (connlimit_mt)."""
        host = (skb.daddr if self.destination else skb.saddr) & self.mask
        found = state.count(host, skb, services.now)
        if not found:
            skb.hotdrop = True
            return False
        return bool(found > self.above if self.above is not None else found <= self.upto)


def _length(mask: int, family: Family) -> int:
    """The program's own idea of a mask's length: each word's bits down to its last 0 count as missing."""
    words = (mask >> shift & 0xFFFFFFFF for shift in range(0, family.bits, 32))
    return family.bits - sum((word ^ 0xFFFFFFFF).bit_length() for word in words)
