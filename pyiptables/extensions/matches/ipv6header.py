"""``-m ipv6header``: source extensions/libip6t_ipv6header.c and net/ipv6/netfilter/ip6t_ipv6header.c."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, opt
from pyiptables.hooks import Family
from pyiptables.packet.fields import bits_to_text
from pyiptables.packet.fields_headers import HEADERS, headers
from pyiptables.predicate import Field, Predicate

SHORT_NAMES = {
    "hop": "hop-by-hop", "dst": "ipv6-opts", "route": "ipv6-route", "frag": "ipv6-frag", "auth": "ah", "esp": "esp",
    "none": "ipv6-nonxt", "prot": "protocol",
}  # fmt: skip
NUMBERS = {
    "hop-by-hop": 0, "ipv6-opts": 60, "ipv6-route": 43, "ipv6-frag": 44, "ah": 51, "esp": 50, "ipv6-nonxt": 59,
    "protocol": 255,
}  # fmt: skip


class HeaderList(Kind):
    """``HEADER,HEADER...``: by name, short or long, or number, as a bit set."""

    metavar = "header[,header...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The bits."""
        bits = 0
        for name in filter(None, texts[0].split(",")):
            bits |= _bit(name)
        if not bits:
            raise ParameterProblem("ip6t_ipv6header: cannot parse header names")
        return bits

    def choices(self, family: Family) -> Iterable[str]:
        """The short names."""
        return SHORT_NAMES

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The long names."""
        return bits_to_text(value, HEADERS)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The long names; the bits with ``-n``."""
        return f"0x{value:02X}" if numeric else self.save(value, facts)


@cache
def _bit(text: str) -> int:
    try:
        number: int | None = socket.getprotobyname(text)
    except (OSError, ValueError):
        name = SHORT_NAMES.get(text, text)
        number = NUMBERS.get(name, int(text) if text in map(str, NUMBERS.values()) else None)
    for name, one in NUMBERS.items():
        if one == number:
            return HEADERS[name]
    raise ParameterProblem(f"unknown header `{text if number is None else number}' specified")


class Ipv6headerMatch(Match):
    """Match by the extension headers that an IPv6 packet has: exactly these, or with ``--soft`` at least these."""

    name = "ipv6header"
    families = (Family.IPV6,)

    headers = opt("--header", kind=HeaderList(), invertible=True, required=True, list_as="flags:", help="headers")
    soft = opt("--soft", help="the packet may have others too")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``ipv6header flags:!0x80 soft``."""
        flags = self.list_option(type(self).headers, facts, numeric)
        return f" ipv6header{flags}{' soft' if self.soft else ''}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The chain of headers is whole, then the headers (ipv6header_mt6)."""
        yield headers.chain
        yield self.wants(type(self).headers, facts, self._compared)

    def _compared(self, negate: bool) -> Predicate:
        present: Field = headers.present
        if not self.soft:
            return present.equals(self.headers, negate=negate)
        return present.masked(self.headers, 0 if negate else self.headers)
