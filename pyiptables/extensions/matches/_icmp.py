"""What ``-m icmp`` and ``-m icmp6`` share: a type and a range of codes, by number or by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts
from pyiptables.extensions.kinds.numbers import strtoul
from pyiptables.hooks import Family
from pyiptables.packet.fields import icmp, whole_or_first_fragment
from pyiptables.predicate import Predicate, all_of, any_of

ALL_CODES = (0, 255)

Value = tuple[int, int, int]
"""A type, and the lowest and highest code."""


class IcmpType(Kind):
    """``NAME`` or ``TYPE[/CODE[:CODE]]``. A name may be cut short as long as it is the only one that begins so."""

    metavar = "type[/code]"

    def __init__(self, protocol: str, names: Mapping[str, Value]) -> None:
        self.protocol = protocol
        self.names = names
        self.texts: dict[Value, str] = {value: name for name, value in reversed(list(names.items()))}

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Type and codes."""
        return _read(self, texts[0])

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return self.names

    def named(self, text: str) -> Value | None:
        """What a name or its beginning stands for, or None."""
        begin = text.lower() if text.isascii() else text
        found = [name for name in self.names if name.lower().startswith(begin)]
        if len(found) > 1:
            raise ParameterProblem(f"Ambiguous {self.protocol} type `{text}': `{found[0]}' or `{found[1]}'?")
        return self.names[found[0]] if found else None

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``TYPE[/CODE]``; of a range of codes only the first, as the program has it."""
        kind, low, high = value
        return str(kind) if (low, high) == ALL_CODES else f"{kind}/{low}"

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The name, or ``type 3 code 1`` with ``-n`` and where there is none."""
        kind, low, high = value
        if not numeric and value in self.texts:
            return self.texts[value]
        codes = "" if (low, high) == ALL_CODES else f" code {low}" if low == high else f" codes {low}-{high}"
        return f"type {kind}{codes}"


@lru_cache(maxsize=1024)
def _read(kind: IcmpType, text: str) -> Value:
    named = kind.named(text)
    if named is not None:
        return named
    types = _range(text)
    if types is None:
        raise ParameterProblem(f"Unknown {kind.protocol} type `{text}'")
    low, high, rest = types
    codes = (*ALL_CODES, "")
    if rest.startswith("/"):
        found = _range(rest[1:])
        if found is None:
            raise ParameterProblem(f"Unknown {kind.protocol} code `{text}'")
        codes, rest = found, found[2]
    if rest:
        raise ParameterProblem(f"unknown character {rest[0]}")
    if low != high:
        raise ParameterProblem(f"{kind.protocol} type range not supported")
    return (low, codes[0], codes[1])


def _range(text: str) -> tuple[int, int, str] | None:
    """``N`` or ``N:M``, each up to 255, at the front of a text, and what follows it."""
    found = strtoul(text, 255)
    if found is None or not found[1].startswith(":"):
        return None if found is None else (found[0], found[0], found[1])
    second = strtoul(found[1][1:], 255)
    return None if second is None else (found[0], *second)


class IcmpMatch(Match):
    """Match an ICMP message by type and code. A later fragment never matches; a message without a header is dropped.

    A declaration sets ``type`` to its option, ``listed`` to the word that begins its ``-L`` text, and ``any_type`` to
    the type that stands for all types, if it has one.
    """

    type: Any
    listed: ClassVar[str]
    any_type: ClassVar[int | None] = None

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``icmp echo-request``, ``icmptype 8``, ``icmp !type 8``."""
        option = self.options["type"]
        text, mark = option.kind.list(self.type, facts, numeric), "!" if self.inverts(option) else ""
        return f" {self.listed}{'' if text.startswith('type ') and not mark else ' '}{mark}{text}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The header is there, then type and code together."""
        yield whole_or_first_fragment(hotdrop_offset_one=False)
        yield icmp.header
        yield self.wants(self.options["type"], facts, self._message)

    def _message(self, negate: bool) -> Predicate:
        kind, low, high = self.type
        every = kind == self.any_type
        type_holds: Predicate = icmp.type.within(ALL_CODES if every else (kind, kind), negate=negate)
        if every or (low, high) == ALL_CODES:
            return type_holds
        both = type_holds, icmp.code.within((low, high), negate=negate)
        return any_of(*both) if negate else all_of(*both)
