"""``-m frag``: source extensions/libip6t_frag.c and net/ipv6/netfilter/ip6t_frag.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32, UINT32_RANGE
from pyiptables.extensions.matches._ranges import EVERY_NUMBER, RangedMatch
from pyiptables.hooks import Family
from pyiptables.packet.fields_headers import fragment
from pyiptables.predicate import Predicate

OFFSET, RESERVED, MORE = 0xFFF8, 0x0006, 0x0001


class FragMatch(RangedMatch):
    """Match the fragment header of an IPv6 packet, where packets are not put together before (conntrack does so)."""

    name = "frag"
    families = (Family.IPV6,)

    id = opt(
        "--fragid", kind=UINT32_RANGE, invertible=True, neutral=EVERY_NUMBER, list_as="id",
        help="identification or range",
    )  # fmt: skip
    length = opt(
        "--fraglen", kind=UINT32, invertible=True, list_as="length:", help="saved, but the kernel does not look at it"
    )
    reserved = opt("--fragres", list_as="reserved", help="the reserved fields are 0")
    first = opt("--fragfirst", list_as="first", help="the first fragment")
    more = opt("--fragmore", excludes=("last",), list_as="more", help="more fragments follow")
    last = opt("--fraglast", excludes=("more",), list_as="last", help="the last fragment")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``frag ids:1:42 length:42 reserved first more``."""
        cls = type(self)
        flags = (cls.reserved, cls.first, cls.more, cls.last)
        words = "".join(f" {option.list_as}" for option in flags if self.has(option))
        return f" frag {self.list_range(cls.id)}{self.list_option(cls.length, facts, numeric)}{words}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """Identification, reserved fields, then place and "more fragments", as frag_mt6 tests them."""
        cls = type(self)
        yield fragment.header
        yield self.wants(cls.id, facts, lambda negate: fragment.id.within(self.id, negate=negate))
        yield self.wants(cls.reserved, facts, lambda _: fragment.reserved.equals(0))
        yield self.wants(cls.reserved, facts, lambda _: fragment.offset.masked(RESERVED, 0))
        yield self.wants(cls.first, facts, lambda _: fragment.offset.masked(OFFSET, 0))
        yield self.wants(cls.more, facts, lambda _: fragment.offset.any_bit(MORE))
        yield self.wants(cls.last, facts, lambda _: fragment.offset.masked(MORE, 0))
