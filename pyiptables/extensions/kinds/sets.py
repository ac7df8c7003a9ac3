"""Sets of ipset with the sides of a packet that are looked up in them.

Source of the behaviour: extensions/libxt_set.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts

LONGEST_NAME = 31
MOST_DIMENSIONS = 6


@dataclass(frozen=True, slots=True)
class SetReference:
    """A set's name, and for each dimension the packet's side that is taken: ``src`` or ``dst``."""

    name: str
    sides: tuple[str, ...]


class SetAndSides(Kind):
    """Two words: a set's name, and ``src`` and ``dst`` with commas. ``facts.sets`` say whether there is such a set."""

    words = 2
    metavar = "name src|dst[,src|dst...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The reference."""
        if len(texts) < 2 or texts[1][:1] in ("-", "!"):
            raise ParameterProblem(f"{option.names[0]} requires two args.")
        if len(texts[0].encode("utf-8", "surrogateescape")) > LONGEST_NAME:
            raise ParameterProblem(f"setname `{texts[0]}' too long, max {LONGEST_NAME} characters.")
        if facts.sets is None:
            return SetReference(texts[0], read_sides(texts[1]))
        facts.sets.refer(texts[0], facts.family)
        sides = read_sides(texts[1])
        warning = facts.sets.compare(texts[0], len(sides))
        if warning:
            facts.warnings.append(warning)
        return SetReference(texts[0], sides)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``NAME src,dst``."""
        return f"{value.name} {','.join(value.sides)}"


class DeprecatedSetAndSides(SetAndSides):
    """The same behind an option that the program has another name for: ``warning`` says so, a line."""

    def __init__(self, warning: str) -> None:
        self.warning = warning

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The reference."""
        facts.warnings.append(self.warning)
        return super().parse(texts, option, facts)


def read_sides(text: str) -> tuple[str, ...]:
    """The sides of a list of them; what follows a ``src`` or ``dst`` up to the comma is not looked at."""
    words = text.split(",", MOST_DIMENSIONS)
    sides = tuple(word[:3] for word in words[:MOST_DIMENSIONS])
    if not set(sides) <= {"src", "dst"}:
        raise ParameterProblem("You must specify (the comma separated list of) 'src' or 'dst'.")
    if len(words) > MOST_DIMENSIONS:
        raise ParameterProblem(f"Can't be more src/dst options than {MOST_DIMENSIONS}.")
    return sides


SET_AND_SIDES = SetAndSides()
