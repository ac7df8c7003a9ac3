"""``-m state``: source extensions/libxt_conntrack.c and net/netfilter/xt_conntrack.c, of which it is an alias."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.lists import NameList
from pyiptables.packet.fields import CT_STATES, ct
from pyiptables.predicate import Predicate

STATES = NameList(
    {name: bit for name, bit in CT_STATES.items() if "NAT" not in name},
    'Bad state "{}"',
    empty='"--state" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED',
)


class StateMatch(Match):
    """Match by the packet's connection state."""

    name = "state"

    state = opt("--state", kind=STATES, invertible=True, required=True, help="states of the packet")

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``state NEW``, ``! state NEW``."""
        return self.save(facts).replace(" --", " ", 1)

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """One of the states."""
        yield self.wants(type(self).state, facts, lambda negate: ct.state.any_bit(self.state, negate=negate))
