"""``-m cpu``: source extensions/libxt_cpu.c and net/netfilter/xt_cpu.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.predicate import Predicate, Test

FIRST = 0


class CpuMatch(Match):
    """Match the processor that handles the packet, which no packet tells."""

    name = "cpu"
    unknown = "the processor that handles the packet"

    cpu = opt("--cpu", kind=UINT32, invertible=True, required=True, help="number of the processor")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``cpu ! 1``."""
        return f" cpu {'! ' if self.inverts(type(self).cpu) else ''}{self.cpu}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """Taken as the first one, which every machine has."""

        def make(negate: bool) -> Predicate:
            def holds(skb: Any) -> bool:
                skb.unknown.append("the processor that handles the packet: taken as 0")
                return bool(self.cpu == FIRST) != negate

            return Test("meta.cpu", holds)

        yield self.wants(type(self).cpu, facts, make)
