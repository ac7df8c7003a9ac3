"""``-m esp``: source extensions/libxt_esp.c and net/netfilter/xt_esp.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32_RANGE
from pyiptables.extensions.matches._ranges import EVERY_NUMBER, RangedMatch
from pyiptables.packet.fields import whole_or_first_fragment
from pyiptables.packet.fields_headers import esp
from pyiptables.predicate import Predicate


class EspMatch(RangedMatch):
    """Match an ESP packet by its security parameter index. A packet too short for the header is dropped."""

    name = "esp"
    protocols = frozenset({50})

    spi = opt(
        "--espspi", kind=UINT32_RANGE, invertible=True, neutral=EVERY_NUMBER, list_as=" spi",
        help="security parameter index or range",
    )  # fmt: skip

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``esp spi:5``."""
        return f" esp{self.list_range(type(self).spi)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header, then its index."""
        yield whole_or_first_fragment(hotdrop_offset_one=False)
        yield esp.header
        yield self.wants(type(self).spi, facts, lambda negate: esp.spi.within(self.spi, negate=negate))
