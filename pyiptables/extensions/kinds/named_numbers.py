"""Numbers under a mask that files of iproute2 give names to: routing realms, groups of interfaces.

Source of the behaviour: libxtables/xtoptions.c (xtables_parse_val_mask, xtables_lmap_init).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.marks import ALL_BITS
from pyiptables.extensions.kinds.numbers import strtoul, whole_number


class NamedNumber(Kind):
    """``NUMBER[/MASK]`` or a name of a file: a pair of 32-bit numbers, the mask all ones unless given."""

    metavar = "value[/mask]"

    def __init__(self, path: str) -> None:
        self.path = path

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number and the mask."""
        found = strtoul(texts[0], ALL_BITS)
        if found is None or (found[1] and found[1][0] != "/"):
            number = read_names(self.path).get(texts[0])
            if number is None:
                raise ParameterProblem(
                    f"{facts.extension}: could not map name {texts[0]} to an integer value "
                    f'for option "{option.names[0]}".\n'
                )
            return (number, ALL_BITS)
        mask = strtoul(found[1][1:], ALL_BITS) if found[1] else (ALL_BITS, "")
        if mask is None:
            raise ParameterProblem(
                f'{facts.extension}: bad integer value for option "{option.names[0]}", or out of range.\n'
            )
        if mask[1]:
            raise ParameterProblem(f'{facts.extension}: trailing garbage after value for option "{option.names[0]}".\n')
        return (found[0], mask[0])

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The name, or ``0xN``, or ``0xN/0xM``."""
        return self.list(value, facts, numeric=False)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The same; with ``-n`` never the name."""
        number, mask = value
        if mask != ALL_BITS:
            return f"{number:#x}/{mask:#x}"
        named = None if numeric else next((name for name, one in read_names(self.path).items() if one == number), None)
        return named or f"{number:#x}"


@cache
def read_names(path: str) -> Mapping[str, int]:
    """The numbers of a file of lines ``NUMBER NAME``, by name; none when it cannot be read."""
    found: dict[str, int] = {}
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                words = line.partition("#")[0].split()
                number = whole_number(words[0], 0, ALL_BITS) if len(words) == 2 else None
                if number is not None:
                    found.setdefault(words[1], number)
    except OSError:
        return {}
    return found
