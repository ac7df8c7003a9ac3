"""Tests of any 32 bits of a packet: ``LOCATION=VALUES&&LOCATION=VALUES``.

Source of the behaviour: extensions/libxt_u32.c (u32_parse, u32_dump), whose messages count characters from 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.numbers import strtoul

if TYPE_CHECKING:
    from pyparsing import ParserElement

MOST = 10
"""How many tests, and in each how many numbers and values, there may be."""
BLANK = r"[ \t\n\v\f\r]*"


@dataclass(frozen=True, slots=True)
class U32Test:
    """One test: where to look (operator and number; the first operator is empty), and the ranges wanted there."""

    location: tuple[tuple[str, int], ...]
    values: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        where = "".join(f"{operator}{number:#x}" for operator, number in self.location)
        values = (f"{low:#x}" if low == high else f"{low:#x}:{high:#x}" for low, high in self.values)
        return f"{where}={','.join(values)}"


class U32Tests(Kind):
    """Tests that must all hold."""

    metavar = "tests"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The tests."""
        return _read(texts[0])

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The same in hexadecimal, in quotes."""
        return f'"{"&&".join(map(str, value))}"'


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[U32Test, ...]:
    from pyparsing import ParseFatalException

    try:
        return tuple(_grammar().parse_string(text))
    except ParseFatalException as error:
        raise ParameterProblem(f"u32: {error.msg}") from error


@cache
def _grammar() -> ParserElement:
    """The tests; wherever nothing fits, an element that fails with the program's message for that place."""
    from pyparsing import Empty, FollowedBy, Group, Literal, Opt, ParseFatalException, Regex, StringEnd, Suppress

    def fail(message: str, *, place: bool = True) -> ParserElement:
        def action(source: str, at: int, _: Any) -> None:
            raise ParseFatalException(source, at, f"at char {at}: {message}" if place else message)

        return Empty().add_parse_action(action)

    def twice(sign: str) -> ParserElement:
        return (Literal(sign) + (Suppress(sign) | fail(f"a second '{sign}' was expected"))).add_parse_action(
            lambda: sign * 2
        )

    blank, end, both = Suppress(Regex(BLANK)), StringEnd(), Suppress(twice("&"))
    digits = Regex(BLANK + r"\+?(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
    in_range = digits.copy().add_condition(lambda found: strtoul(found[0], 0xFFFFFFFF) is not None)
    number = in_range.add_parse_action(lambda found: (strtoul(found[0]) or (0,))[0]) | fail(
        "not a number or out of range"
    )
    abrupt = end + fail("abrupt end of input after location specifier", place=False)

    step = blank + Group((Literal("&") | twice("<") | twice(">") | Literal("@")) + number)
    first = (
        abrupt | FollowedBy("=") + fail("location spec missing") | Group(Empty().add_parse_action(lambda: "") + number)
    )
    location = (
        blank + first + step[0, MOST - 1] + Opt(step + fail("too many operators"))
        + blank + (Suppress("=") | abrupt | fail("operator expected"))
    )  # fmt: skip

    value = Group(number + blank + Opt(Suppress(":") + number))
    following = blank + Suppress(",") + value
    none = end + fail("test ended with no value specified", place=False)
    no_value = Suppress("&") + (FollowedBy("&") + fail("value spec missing") | fail("a second '&' was expected"))
    values = blank + (none | no_value | value) + following[0, MOST - 1] + Opt(following + fail('too many ","s'))

    test = (Group(location) + Group(values)).add_parse_action(_test)
    more = blank + both + test
    too_many = fail('too many "&&"s')
    overflow = blank + (Suppress("&") + FollowedBy("&") + too_many | FollowedBy(end) + too_many)
    finish = blank + (end | both | fail('expected "," or "&&"'))
    tests = test + more[0, MOST - 1] + Opt(more + Opt(overflow)) + finish
    grammar: ParserElement = tests.leave_whitespace().parse_with_tabs()
    return grammar


def _test(found: Any) -> U32Test:
    location, values = found
    return U32Test(
        tuple((operator, number) for operator, number in location),
        tuple((ends[0], ends[-1]) for ends in values),
    )


U32 = U32Tests()
