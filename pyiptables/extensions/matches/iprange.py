"""``-m iprange``: source extensions/libxt_iprange.c and net/netfilter/xt_iprange.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, opt
from pyiptables.extensions.kinds.addresses import numeric_address
from pyiptables.packet.addresses import to_text
from pyiptables.packet.fields import ip
from pyiptables.predicate import Predicate


class AddressRange(Kind):
    """``ADDRESS[-ADDRESS]``: a pair of numbers; a range whose second end is the smaller one holds no address."""

    metavar = "address[-address]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Both ends."""
        first, dash, last = texts[0].partition("-")
        ends = tuple(self._end(text, option, facts) for text in (first, last if dash else first))
        if ends[1] < ends[0]:
            facts.warnings.append(f"xt_iprange: range {first}-{last} is reversed and will never match\n")
        return ends

    @staticmethod
    def _end(text: str, option: Option, facts: RuleFacts) -> int:
        value = numeric_address(text, facts.family)
        if value is None:
            raise ParameterProblem(f'iprange: Bad value for "{option.names[0]}" option: "{text}"')
        return value

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``A-B``, also for a single address."""
        return "-".join(to_text(end, facts.family) for end in value)


RANGE = AddressRange()


class IprangeMatch(Match):
    """Match by ranges of addresses."""

    name = "iprange"

    source = opt("--src-range", kind=RANGE, invertible=True, list_as="source IP range", help="range of sources")
    destination = opt(
        "--dst-range", kind=RANGE, invertible=True, list_as="destination IP range", help="range of destinations"
    )

    def check(self, facts: RuleFacts) -> None:
        """One of the two must be there."""
        if not self.values:
            raise ParameterProblem("iprange match: You must specify `--src-range' or `--dst-range'")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``source IP range ! 192.0.2.1-192.0.2.9``."""
        marked = ((option, " !" if self.inverts(option) else "") for option in self.options.values())
        return "".join(
            f" {option.list_as}{mark} {RANGE.save(self.values[option.attribute], facts)}"
            for option, mark in marked
            if self.has(option)
        )

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The source, then the destination."""
        cls = type(self)
        yield self.wants(cls.source, facts, lambda negate: ip.saddr.within(self.source, negate=negate))
        yield self.wants(cls.destination, facts, lambda negate: ip.daddr.within(self.destination, negate=negate))
