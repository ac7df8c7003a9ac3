"""``-m cpu``: source extensions/libxt_cpu.c and net/netfilter/xt_cpu.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.predicate import Predicate, Unknown


class CpuMatch(Match):
    """Match the processor that handles the packet, which no packet tells."""

    name = "cpu"
    unknown = "the processor that handles the packet"

    cpu = opt("--cpu", kind=UINT32, invertible=True, required=True, help="number of the processor")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``cpu ! 1``."""
        return f" cpu {'! ' if self.inverts(type(self).cpu) else ''}{self.cpu}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """Not known."""
        yield self.wants(type(self).cpu, facts, lambda _: Unknown("the processor that handles the packet"))
