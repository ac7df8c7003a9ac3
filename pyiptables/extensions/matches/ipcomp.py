"""``-m ipcomp``: source extensions/libxt_ipcomp.c and net/netfilter/xt_ipcomp.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32_RANGE
from pyiptables.extensions.matches._ranges import EVERY_NUMBER, RangedMatch
from pyiptables.packet.fields import whole_or_first_fragment
from pyiptables.packet.fields_headers import ipcomp
from pyiptables.predicate import Predicate


class IpcompMatch(RangedMatch):
    """Match a compressed packet by its compression parameter index, which is 0 unless given.

    A packet too short for the header is dropped.
    """

    name = "ipcomp"
    protocols = frozenset({108})

    cpi = opt(
        "--ipcompspi", kind=UINT32_RANGE, invertible=True, list_as="spi", help="compression parameter index or range"
    )
    reserved = opt("--compres", help="saved, but the kernel does not look at the reserved field")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """An index is there always."""
        return {"cpi": (0, 0), **values}

    def save(self, facts: RuleFacts) -> str:
        """The index, unless it is any."""
        cls = type(self)
        says_nothing = self.cpi == EVERY_NUMBER and not self.inverts(cls.cpi)
        index = "" if says_nothing else self.save_option(cls.cpi, facts)
        return index + (self.save_option(cls.reserved, facts) if self.reserved else "")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``comp spi:5 reserved``."""
        return f" comp {self.list_range(type(self).cpi)}{' reserved' if self.reserved else ''}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header, then its index."""
        yield whole_or_first_fragment(hotdrop_offset_one=False)
        yield ipcomp.header
        yield self.wants(type(self).cpi, facts, lambda negate: ipcomp.cpi.within(self.cpi, negate=negate))
