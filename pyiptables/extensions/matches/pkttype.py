"""``-m pkttype``: source extensions/libxt_pkttype.c and net/netfilter/xt_pkttype.c."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, opt
from pyiptables.hooks import Family
from pyiptables.packet.fields_headers import link
from pyiptables.predicate import Predicate

NAMES = {"unicast": 0, "broadcast": 1, "multicast": 2, "otherhost": 3, "host": 0, "bcast": 1, "mcast": 2}
TEXTS = {number: name for name, number in reversed(NAMES.items())}


class LinkType(Kind):
    """Whom a frame is for: unicast (this host), broadcast, multicast, otherhost."""

    metavar = "unicast|broadcast|multicast|otherhost"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its number (PACKET_*)."""
        number = NAMES.get(texts[0].lower())
        if number is None:
            raise ParameterProblem(f"Bad packet type '{texts[0]}'")
        return number

    def choices(self, family: Family) -> Iterable[str]:
        """Their names."""
        return TEXTS.values()

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The name."""
        return TEXTS[value]


class PkttypeMatch(Match):
    """Match by whom the frame was for; a packet made here counts as unicast."""

    name = "pkttype"
    needs = "the frame's header, or the direction that a capture records"

    type = opt("--pkt-type", kind=LinkType(), invertible=True, required=True, help="whom the frame was for")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``PKTTYPE != multicast``."""
        return f" PKTTYPE {'!' * self.inverts(type(self).type)}= {TEXTS[self.type]}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The type."""
        yield self.wants(type(self).type, facts, lambda negate: link.type.equals(self.type, negate=negate))
