"""``-m mh``: source extensions/libip6t_mh.c and net/ipv6/netfilter/ip6t_mh.c."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.hooks import Family
from pyiptables.packet.fields import whole_or_first_fragment
from pyiptables.packet.fields_headers import mobility
from pyiptables.predicate import Predicate

NAMES = {
    "binding-refresh-request": 0, "brr": 0, "home-test-init": 1, "hoti": 1, "careof-test-init": 2, "coti": 2,
    "home-test": 3, "hot": 3, "careof-test": 4, "cot": 4, "binding-update": 5, "bu": 5,
    "binding-acknowledgement": 6, "ba": 6, "binding-error": 7, "be": 7,
}  # fmt: skip
TEXTS = {number: name for name, number in reversed(NAMES.items())}
EVERY_TYPE = (0, 255)


class MobilityTypes(Kind):
    """``TYPE[:TYPE]``: numbers or names, each as short as one likes (the first that begins so is meant)."""

    metavar = "type[:type]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Both ends."""
        first, colon, last = texts[0].partition(":")
        if not colon:
            return (_type(first), _type(first))
        low, high = _type(first) if first else 0, _type(last) if last else 255
        if low > high:
            raise ParameterProblem("Invalid MH type range (min > max)")
        return (low, high)

    def choices(self, family: Family) -> Iterable[str]:
        """The long names."""
        return TEXTS.values()

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``A`` or ``A:B``, in numbers."""
        return self.list(value, facts, numeric=True)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The same, by name without ``-n``."""
        low, high = (str(end) if numeric else TEXTS.get(end, str(end)) for end in value)
        return low if value[0] == value[1] else f"{low}:{high}"


def _type(text: str) -> int:
    name = text.lower() if text.isascii() else text
    number = NAMES.get(name)
    if number is None:
        number = next((number for one, number in NAMES.items() if one.startswith(name)), None)
    if number is None:
        number = whole_number(text, 0, 255)
    if number is None:
        raise ParameterProblem(f"Invalid MH type `{text}'")
    return number


class MhMatch(Match):
    """Match a message of Mobile IPv6 by its type. A message too short, or followed by a header, is dropped."""

    name = "mh"
    families = (Family.IPV6,)
    protocols = frozenset({135})

    types = opt(
        "--mh-type", kind=MobilityTypes(), invertible=True, neutral=EVERY_TYPE, list_as="", help="type or range"
    )

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``mh !binding-update:7``."""
        return f" mh{self.list_option(type(self).types, facts, numeric)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header, then the type."""
        yield whole_or_first_fragment(hotdrop_offset_one=False)
        yield mobility.header
        yield mobility.last
        yield self.wants(type(self).types, facts, lambda negate: mobility.type.within(self.types, negate=negate))
