"""``-m rt``: source extensions/libip6t_rt.c and net/ipv6/netfilter/ip6t_rt.c."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, OptionUses, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT32, UINT32_RANGE
from pyiptables.extensions.matches._ranges import EVERY_NUMBER, RangedMatch
from pyiptables.hooks import Family
from pyiptables.packet.addresses import to_text
from pyiptables.packet.fields_headers import ROUTING, find_header, fits, routing
from pyiptables.predicate import Predicate, Test

MOST = 16


class AddressList(Kind):
    """``ADDRESS,ADDRESS...``: up to 16 IPv6 addresses."""

    metavar = "address[,address...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The addresses, as numbers."""
        items = texts[0].split(",", MOST)
        found = tuple(map(_address, items[:MOST]))
        if len(items) > MOST:
            raise ParameterProblem("too many addresses specified")
        return found

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The same."""
        return ",".join(to_text(address, Family.IPV6) for address in value)


def _address(text: str) -> int:
    try:
        return int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
    except (OSError, ValueError) as error:
        raise ParameterProblem(f"bad address: {text}") from error


class RtMatch(RangedMatch):
    """Match the routing header of an IPv6 packet. A packet that ends inside the header is dropped."""

    name = "rt"
    families = (Family.IPV6,)

    type = opt("--rt-type", kind=UINT32, invertible=True, list_as="type:", help="type")
    segments = opt(
        "--rt-segsleft", kind=UINT32_RANGE, invertible=True, neutral=EVERY_NUMBER, list_as=" segsleft",
        help="number or range of segments left",
    )  # fmt: skip
    length = opt("--rt-len", kind=UINT32, invertible=True, list_as="length:", help="length in bytes")
    reserved = opt("--rt-0-res", help="the reserved field is 0 (after --rt-type 0)")
    addresses = opt("--rt-0-addrs", kind=AddressList(), list_as="0-addrs ", help="the addresses (after --rt-type 0)")
    not_strict = opt("--rt-0-not-strict", help="other addresses may stand among them (after --rt-0-addrs)")

    @classmethod
    def read_option(cls, option: Option, texts: Sequence[str], before: OptionUses, facts: RuleFacts) -> Any:
        """Options of a type 0 header come after what they need."""
        type_0 = before.values.get("type") == 0 and "type" not in before.inverted
        if option in (cls.reserved, cls.addresses) and not type_0:
            raise ParameterProblem(f"`--rt-type 0' required before `{option.names[0]}'")
        if option is cls.not_strict and "addresses" not in before.values:
            raise ParameterProblem("`--rt-0-addr ...' required before `--rt-0-not-strict'")
        return super().read_option(option, texts, before, facts)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``rt type:0 segslefts:1:23 length:42 reserved 0-addrs ::1 0-not-strict``."""
        cls = type(self)
        number = "" if self.type is None else f" type:{'!' * self.inverts(cls.type)}{_signed(self.type)}"
        return (
            f" rt{number}{self.list_range(cls.segments)}{self.list_option(cls.length, facts, numeric)}"
            f"{' reserved' if self.reserved else ''}{self.list_option(cls.addresses, facts, numeric)}"
            f"{' 0-not-strict' if self.not_strict else ''}"
        )

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """Segments left, length, type, the reserved field, then the addresses, as rt_mt6 tests them."""
        cls = type(self)
        yield routing.header
        yield fits(ROUTING)
        yield self.wants(cls.segments, facts, lambda negate: routing.segments_left.within(self.segments, negate=negate))
        yield self.wants(cls.length, facts, lambda negate: routing.length.equals(self.length, negate=negate))
        yield self.wants(cls.type, facts, lambda negate: routing.type.equals(self.type, negate=negate))
        yield self.wants(cls.reserved, facts, lambda _: routing.reserved.equals(0))
        yield self.wants(cls.addresses, facts, lambda _: Test("rt.addresses", self._has_addresses))

    def _has_addresses(self, skb: Any) -> bool:
        """Whether the header's addresses are these; if not strict, whether these stand among them in this order."""
        data, at = skb.data, find_header(skb, ROUTING)
        starts = range(at + 8, at + 8 + data[at + 1] // 2 * 16, 16)
        found = tuple(int.from_bytes(data[start : start + 16], "big") for start in starts)
        if not self.not_strict:
            return bool(found == self.addresses)
        rest = iter(found)
        return all(address in rest for address in self.addresses)


def _signed(number: int) -> int:
    """A 32-bit number as ``%d`` prints it."""
    return number - 2**32 if number >= 2**31 else number
