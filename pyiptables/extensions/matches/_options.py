"""What ``-m hbh`` and ``-m dst`` share: the options of an IPv6 extension header."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts
from pyiptables.hooks import Family
from pyiptables.packet.fields_headers import extension_header, find_header, fits, header_size, size_in
from pyiptables.predicate import Field, Predicate, Test

MOST = 16
ANY_LENGTH = 0xFF
PAD1 = 0
_NUMBER = re.compile(r"[ \t\n\v\f\r]*[+-]?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")


class OptionTypes(Kind):
    """``TYPE[:LENGTH],...``: pairs, the length 255 where any will do; ``pad`` is the message for a Pad1 with length."""

    metavar = "type[:length][,...]"

    def __init__(self, pad: str) -> None:
        self.pad = pad

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The pairs."""
        items = texts[0].split(",", MOST)
        found = tuple(self._item(text, place, facts) for place, text in enumerate(items[:MOST]))
        if len(items) > MOST:
            raise ParameterProblem("too many addresses specified")
        return found

    def _item(self, text: str, place: int, facts: RuleFacts) -> tuple[int, int]:
        kind, colon, length = text.partition(":")
        if colon and place == MOST - 1:
            raise ParameterProblem("too many ports specified")
        number = _number(kind, "opt", facts)
        if not colon:
            return (number, ANY_LENGTH)
        if number == PAD1:
            raise ParameterProblem(self.pad)
        return (number, _number(length, "length", facts))

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The same, in decimal."""
        return ",".join(str(kind) if length == ANY_LENGTH else f"{kind}:{length}" for kind, length in value)


def _number(text: str, word: str, facts: RuleFacts) -> int:
    """The lowest byte of a number as strtoul(3) reads it."""
    found = _NUMBER.match(text)
    if found is None:
        raise ParameterProblem(f"{facts.extension}: no valid digits in {word} `{text}'")
    digits = found[0].strip()
    sign, digits = (-1 if digits[0] == "-" else 1), digits.lstrip("+-")
    base = 16 if digits[:2].lower() == "0x" else 8 if digits[0] == "0" else 10
    value = int(digits, base) if len(digits) < 64 else 2**64
    if value >= 2**64:
        raise ParameterProblem(f"{word} `{text}' specified too big: would overflow")
    if found.end() < len(text):
        raise ParameterProblem(f"{facts.extension}: error parsing {word} `{text}'")
    return sign * value & 0xFF


class OptionsMatch(Match):
    """Match an extension header with options. A packet that ends inside the header is dropped.

    A declaration sets ``header`` to the header's number, and the options ``length`` and ``types``.
    """

    families = (Family.IPV6,)
    header: ClassVar[int]
    length: Any
    types: Any

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``hbh length:!42 opts 1:2,23``."""
        return f" {self.name}{''.join(self.list_option(option, facts, numeric) for option in self.options.values())}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header, its length, then its options."""
        cls = type(self)
        size = Field(f"{self.name}.length", 32, size_in(self.header))
        yield extension_header("the header", self.header, 2)
        yield fits(self.header)
        yield self.wants(cls.length, facts, lambda negate: size.equals(self.length, negate=negate))
        yield self.wants(cls.types, facts, lambda _: Test(f"{self.name}.options", self._has_options))

    def _has_options(self, skb: Any) -> bool:
        """Whether the header begins with these options (hbh_mt6)."""
        data, at = skb.data, find_header(skb, self.header)
        end = at + header_size(self.header, data[at + 1])
        at += 2
        for place, (kind, length) in enumerate(self.types):
            if at >= end or data[at] != kind:
                return False
            size = 1
            if kind != PAD1:
                if at + 1 >= end or length not in (ANY_LENGTH, data[at + 1]):
                    return False
                size = data[at + 1] + 2
            if at + size > end and place < len(self.types) - 1:
                return False
            at += size
        return True
