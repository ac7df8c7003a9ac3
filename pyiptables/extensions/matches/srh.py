"""``-m srh``: source extensions/libip6t_srh.c and net/ipv6/netfilter/ip6t_srh.c."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, opt
from pyiptables.extensions.kinds.hosts import HostMask
from pyiptables.extensions.kinds.numbers import UINT8, UINT16
from pyiptables.hooks import Family
from pyiptables.packet.addresses import prefix_length, to_text
from pyiptables.packet.fields_headers import segment_routing
from pyiptables.predicate import Predicate

SHARED = {"hdr_len": "length", "segs_left": "segments_left", "last_entry": "last_entry"}
"""Fields that are compared with one number, the one given last: the beginning of the options' attributes."""
SEGMENTS = ("psid", "nsid", "lsid")


class SegmentId(HostMask):
    """An IPv6 address, always saved with the length of its mask."""

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``ADDRESS/LENGTH``; a mask with holes prints as -1 without its sign."""
        length = prefix_length(value[1], Family.IPV6)
        return f"{to_text(value[0], Family.IPV6)}/{0xFFFFFFFF if length is None else length}"


SEGMENT = SegmentId()


def _option(name: str, kind: Kind, text: str) -> Option:
    return opt(f"--srh-{name}", kind=kind, invertible=True, list_as=f"{name}:", help=text)


class SrhMatch(Match):
    """Match the segment routing header (RFC 8754) of an IPv6 packet."""

    name = "srh"
    families = (Family.IPV6,)

    next_hdr = _option("next-hdr", UINT8, "protocol of the next header")
    hdr_len_eq = _option("hdr-len-eq", UINT8, "length field is this")
    hdr_len_gt = _option("hdr-len-gt", UINT8, "length field is more than this")
    hdr_len_lt = _option("hdr-len-lt", UINT8, "length field is less than this")
    segs_left_eq = _option("segs-left-eq", UINT8, "segments left are this many")
    segs_left_gt = _option("segs-left-gt", UINT8, "segments left are more than this")
    segs_left_lt = _option("segs-left-lt", UINT8, "segments left are less than this")
    last_entry_eq = _option("last-entry-eq", UINT8, "last entry is this")
    last_entry_gt = _option("last-entry-gt", UINT8, "last entry is more than this")
    last_entry_lt = _option("last-entry-lt", UINT8, "last entry is less than this")
    tag = _option("tag", UINT16, "tag, its two bytes swapped")
    psid = _option("psid", SEGMENT, "previous segment")
    nsid = _option("nsid", SEGMENT, "next segment")
    lsid = _option("lsid", SEGMENT, "last segment")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """One number for the three ways to compare a field."""
        last = {attribute[:-3]: value for attribute, value in values.items()}
        return {name: last[name[:-3]] if name[:-3] in SHARED else value for name, value in values.items()}

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``srh segs-left-eq:!1 psid ! a::/64``."""
        return " srh" + "".join(map(self._listed, filter(self.has, self.options.values())))

    def _listed(self, option: Option) -> str:
        mark, value = "!" if self.inverts(option) else "", self.values[option.attribute]
        if option.attribute in SEGMENTS:
            return f" {option.attribute} {mark} {SEGMENT.save(value, RuleFacts())}"
        return f" {option.list_as}{mark}{value}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header is a sound one, then its fields, as srh1_mt6 tests them."""
        cls = type(self)
        yield segment_routing.header
        yield self.wants(
            cls.next_hdr, facts, lambda negate: segment_routing.next_header.equals(self.next_hdr, negate=negate)
        )
        for prefix in SHARED:
            yield from self._compared(prefix, facts)
        # The kernel compares the tag as it stands in the packet with the option's number in the host's byte order.
        swapped = int.from_bytes((self.tag or 0).to_bytes(2, "little"), "big")
        yield self.wants(cls.tag, facts, lambda negate: segment_routing.tag.equals(swapped, negate=negate))
        for name in SEGMENTS:
            yield from self._segment(name, facts)

    def _compared(self, prefix: str, facts: RuleFacts) -> Iterator[Predicate]:
        for way in ("eq", "gt", "lt"):
            number = self.values.get(f"{prefix}_{way}", 0)
            span = {"eq": (number, number), "gt": (number + 1, 0xFF), "lt": (0, number - 1)}[way]
            within = partial(getattr(segment_routing, SHARED[prefix]).within, span)
            yield self.wants(self.options[f"{prefix}_{way}"], facts, partial(_negated, within))

    def _segment(self, name: str, facts: RuleFacts) -> Iterator[Predicate]:
        field, (address, mask) = getattr(segment_routing, name), self.values.get(name, (0, 0))
        yield self.wants(self.options[name], facts, lambda negate: field.masked(mask, address & mask, negate=negate))


def _negated(make: Callable[..., Predicate], negate: bool) -> Predicate:
    return make(negate=negate)
