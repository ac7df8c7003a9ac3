"""``-j TCPOPTSTRIP``: source extensions/libxt_TCPOPTSTRIP.c and net/netfilter/xt_TCPOPTSTRIP.c."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.hooks import Family, Verdict
from pyiptables.packet.mangle import strip_options

NAMES = {"wscale": 3, "mss": 2, "sack-permitted": 4, "sack": 5, "timestamp": 8, "md5": 19}
BY_NUMBER = {number: name for name, number in NAMES.items()}


class TcpOptions(Kind):
    """``OPTION,OPTION``: kinds of TCP options by number or name, as a bit set."""

    metavar = "option[,option...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The bits; the options that end and fill the list cannot be stripped."""
        bits = 0
        for word in texts[0].split(","):
            number = NAMES.get(word) or whole_number(word, 0, 255)
            if number is None:
                raise ParameterProblem(f'Bad TCP option value "{word}"')
            if number < 2:
                raise ParameterProblem("Option value may not be 0 or 1")
            if bits >> number & 1:
                raise ParameterProblem(f'Option "{word}" already specified')
            bits |= 1 << number
        return bits

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return NAMES

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The numbers."""
        return ",".join(str(number) for number in _numbers(value))

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The numbers, by name without ``-n``."""
        if numeric:
            return self.save(value, facts)
        return ",".join(BY_NUMBER.get(number, str(number)) for number in _numbers(value))


def _numbers(bits: int) -> Iterator[int]:
    return (number for number in range(256) if bits >> number & 1)


class TcpoptstripTarget(Target):
    """Overwrite TCP options with NOPs, and go on. Malformed segments are dropped."""

    name = "TCPOPTSTRIP"
    tables = frozenset({"mangle"})
    protocols = frozenset({6})

    kinds = opt(
        "--strip-options", kind=TcpOptions(), default=0, list_as="TCPOPTSTRIP options ",
        help="what to strip, by name or number",
    )  # fmt: skip

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``TCPOPTSTRIP options 2,3``; nothing without options."""
        return self.list_option(type(self).kinds, facts, numeric)

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Overwrite them."""
        return None if strip_options(skb, self.kinds) else Verdict.DROP
