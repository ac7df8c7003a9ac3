"""``-m tcp``: source extensions/libxt_tcp.c and net/netfilter/xt_tcpudp.c."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.extensions.kinds.ports import ANY_PORT, PortRange
from pyiptables.extensions.matches._ports import PortsMatch
from pyiptables.hooks import Family
from pyiptables.packet.fields import TCP_FLAG_NAMES, flags_to_text, tcp, tcp_option, whole_or_first_fragment
from pyiptables.predicate import Predicate, Test

SYN_ONLY = (0x17, 0x02)
PORTS = PortRange("tcp")


class TcpFlags(Kind):
    """``MASK COMP``: two lists of flags."""

    words = 2
    metavar = "mask[,...] comp[,...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The mask and the flags wanted among it."""
        if len(texts) < 2 or texts[1][:1] in ("-", "!"):
            raise ParameterProblem("--tcp-flags requires two args.")
        return (self._flags(texts[0]), self._flags(texts[1]))

    @staticmethod
    def _flags(text: str) -> int:
        flags = 0
        for name in filter(None, text.upper().split(",")):
            found = {**TCP_FLAG_NAMES, "ALL": 0x3F, "NONE": 0}.get(name)
            if found is None:
                raise ParameterProblem(f"Unknown TCP flag `{next(t for t in text.split(',') if t.upper() == name)}'")
            flags |= found
        return flags

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return (*TCP_FLAG_NAMES, "ALL", "NONE")

    def save(self, value: Any, facts: RuleFacts) -> str:
        """Both lists by name."""
        return f"{flags_to_text(value[0])} {flags_to_text(value[1])}"

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """Both lists, as numbers with ``-n``."""
        return f"0x{value[0]:02X}/0x{value[1]:02X}" if numeric else "/".join(map(flags_to_text, value))


class OptionNumber(Kind):
    """The number of a TCP option."""

    metavar = "number"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """1 to 255."""
        value = whole_number(texts[0], 1, 255)
        if value is None:
            raise ParameterProblem(f'Bad TCP option "{texts[0]}"')
        return value


class TcpMatch(PortsMatch):
    """Match a TCP segment. A later fragment never matches; one that begins inside the header is dropped."""

    name = "tcp"
    protocols = frozenset({6})

    sport = opt(
        "--source-port", "--sport", kind=PORTS, invertible=True, neutral=ANY_PORT, save_as="--sport",
        list_as="spt", once="Only one `--source-port' allowed", help="source port or range",
    )  # fmt: skip
    dport = opt(
        "--destination-port", "--dport", kind=PORTS, invertible=True, neutral=ANY_PORT, save_as="--dport",
        list_as="dpt", once="Only one `--destination-port' allowed", help="destination port or range",
    )  # fmt: skip
    option = opt(
        "--tcp-option", kind=OptionNumber(), invertible=True, list_as="option=",
        once="Only one `--tcp-option' allowed", help="a TCP option that is there",
    )  # fmt: skip
    flags = opt(
        "--tcp-flags", kind=TcpFlags(), invertible=True, list_as="flags:", neutral=(0, 0),
        once="Only one of `--syn' or `--tcp-flags'  allowed", help="flags that are set among those looked at",
    )  # fmt: skip
    syn = opt(
        "--syn", invertible=True, to="flags", convert=lambda _: SYN_ONLY,
        once="Only one of `--syn' or `--tcp-flags'  allowed", help="the same as --tcp-flags SYN,RST,ACK,FIN SYN",
    )  # fmt: skip

    def shows(self, option: Option) -> bool:
        """But for flags wanted among none that are looked at, which no packet has."""
        return super().shows(option) and (option is not type(self).flags or self.inverts(option) or self.flags[0] > 0)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``tcp dpt:22 flags:0x17/0x02``."""
        cls, text = type(self), " tcp" + self.list_ports(facts, numeric)
        for option in (cls.option, cls.flags):
            if option.attribute in self.values:
                text += self.list_option(option, facts, numeric)
        return text

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """Ports, flags, then the option, as tcp_mt tests them."""
        cls = type(self)
        yield whole_or_first_fragment()
        yield from self.port_parts(tcp, facts)
        yield self.wants(cls.flags, facts, lambda negate: tcp.flags.masked(*self.flags, negate=negate))
        yield self.wants(cls.option, facts, lambda negate: Test("tcp.option", self._has_option))

    def _has_option(self, skb: Any) -> bool:
        found = tcp_option(skb, self.option)
        if found is None:
            skb.hotdrop = True
            return False
        return found != self.inverts(type(self).option)
