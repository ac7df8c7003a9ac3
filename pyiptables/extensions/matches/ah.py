"""``-m ah``: source extensions/libipt_ah.c, libip6t_ah.c, net/ipv4/netfilter/ipt_ah.c, net/ipv6/netfilter/ip6t_ah.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pyiptables.extensions.base import Extension, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32, UINT32_RANGE
from pyiptables.extensions.matches._ranges import EVERY_NUMBER, RangedMatch
from pyiptables.hooks import Family
from pyiptables.packet.fields import whole_or_first_fragment
from pyiptables.packet.fields_headers import AUTHENTICATION, ah, ah6, fits
from pyiptables.predicate import Predicate


class AhMatch(RangedMatch):
    """Match the authentication header by its security parameter index. A packet too short for the header is dropped."""

    name = "ah"
    protocols: ClassVar[frozenset[int] | None] = frozenset({51})

    spi = opt(
        "--ahspi", kind=UINT32_RANGE, invertible=True, neutral=EVERY_NUMBER, list_as="spi",
        help="security parameter index or range",
    )  # fmt: skip

    @classmethod
    def for_family(cls, family: Family) -> type[Extension]:
        """IPv6 has it as an extension header, with more options."""
        return Ah6Match if family is Family.IPV6 else cls

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``ah spi:5``."""
        return f" ah {self.list_range(type(self).spi)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header, then its index."""
        yield whole_or_first_fragment(hotdrop_offset_one=False)
        yield ah.header
        yield self.wants(type(self).spi, facts, lambda negate: ah.spi.within(self.spi, negate=negate))


class Ah6Match(AhMatch):
    """Match the authentication header of an IPv6 packet."""

    protocols = None

    length = opt("--ahlen", kind=UINT32, invertible=True, neutral=0, list_as="length:", help="length in bytes")
    reserved = opt("--ahres", help="the reserved field is 0")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``ah spi:5length:20 reserved``."""
        length = self.list_option(type(self).length, facts, numeric).lstrip()
        return super().list(facts, numeric) + length + (" reserved" if self.reserved else "")

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header, its index, length (0 is never looked at), and reserved field."""
        cls = type(self)
        yield ah6.header
        yield fits(AUTHENTICATION)
        yield self.wants(cls.spi, facts, lambda negate: ah6.spi.within(self.spi, negate=negate))
        if self.length:
            yield self.wants(cls.length, facts, lambda negate: ah6.length.equals(self.length, negate=negate))
        yield self.wants(cls.reserved, facts, lambda _: ah6.reserved.equals(0))
