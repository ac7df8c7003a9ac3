"""``-m dccp``: source extensions/libxt_dccp.c and net/netfilter/xt_dccp.c."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.extensions.kinds.ports import GuidedPortRange
from pyiptables.extensions.matches._header_ports import HeaderPortsMatch
from pyiptables.hooks import Family
from pyiptables.packet.fields import bits_to_text, whole_or_first_fragment
from pyiptables.packet.fields_headers import DCCP_TYPES, dccp, walk_options
from pyiptables.predicate import Predicate, Test

PORTS = GuidedPortRange("dccp")
TYPES = {name: 1 << number for number, name in enumerate(DCCP_TYPES)} | {"INVALID": 0xFC00}
"""The bits of the types; INVALID stands for all that are reserved."""

FIXED_SIZES = {"REQUEST": 4, "RESPONSE": 12, "DATA": 0, "RESET": 12}
"""The bytes between the generic header and the options where they are not the 8 of an acknowledgement."""


class DccpTypes(Kind):
    """``TYPE,TYPE``: types of packets, in any case, as a bit set."""

    metavar = "type[,type...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The bits."""
        bits = 0
        for name in filter(None, texts[0].split(",")):
            if name.upper() not in TYPES:
                raise ParameterProblem(f"Unknown DCCP type `{name}'")
            bits |= TYPES[name.upper()]
        return bits

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return TYPES

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The names."""
        return bits_to_text(value, TYPES)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The names; their numbers with ``-n``."""
        return ",".join(str(bit) for bit in range(16) if value >> bit & 1) if numeric else self.save(value, facts)


class DccpMatch(HeaderPortsMatch):
    """Match a DCCP packet. A later fragment never matches; a packet too short for the header is dropped."""

    name = "dccp"
    protocols = frozenset({33})

    sport = opt(
        "--source-port", "--sport", kind=PORTS, invertible=True, save_as="--sport", list_as="spt",
        help="source port or range",
    )  # fmt: skip
    dport = opt(
        "--destination-port", "--dport", kind=PORTS, invertible=True, save_as="--dport", list_as="dpt",
        help="destination port or range",
    )  # fmt: skip
    types = opt("--dccp-types", kind=DccpTypes(), invertible=True, help="types of packets")
    option = opt(
        "--dccp-option", kind=Integer(1, 255), invertible=True, list_as="option=", help="an option that is there"
    )

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``dccp spt:1 ! REQUEST,DATA option=5``."""
        cls = type(self)
        types = ""
        if self.has(cls.types):
            types = f"{' !' if self.inverts(cls.types) else ''} {cls.types.kind.list(self.types, facts, numeric)}"
        return f" dccp{self.list_ports(facts, numeric)}{types}{self.list_option(cls.option, facts, numeric)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """Ports, types, then the option, as dccp_mt tests them."""
        cls = type(self)
        yield whole_or_first_fragment(hotdrop_offset_one=False)
        yield from self.port_parts(dccp, facts)
        numbers = [(bit, bit) for bit in range(16) if self.types is not None and self.types >> bit & 1]
        yield self.wants(cls.types, facts, lambda negate: dccp.type.within(*numbers, negate=negate))
        yield self.wants(cls.option, facts, lambda _: Test("dccp.option", self._has_option))

    def _has_option(self, skb: Any) -> bool:
        """Whether the option is there (or not, when inverted); a packet whose options cannot be read is dropped."""
        header = skb.data[skb.thoff :]
        kind = dccp.type.get(skb)
        name = DCCP_TYPES[kind] if kind < len(DCCP_TYPES) else "RESET"
        begin = 12 + (header[8] & 1) * 4 + FIXED_SIZES.get(name, 8)
        end = header[4] * 4
        if not begin <= end <= max(begin, len(header)):
            skb.hotdrop = True
            return False
        options = header[begin:end]
        found = any(options[at] == self.option for at in walk_options(options))
        return found != self.inverts(type(self).option)
