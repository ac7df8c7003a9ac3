"""``-m set``: source extensions/libxt_set.c and net/netfilter/xt_set.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, Services, opt
from pyiptables.extensions.kinds.flags import NEGATED_FLAG
from pyiptables.extensions.kinds.numbers import strtoul
from pyiptables.extensions.kinds.sets import SET_AND_SIDES, DeprecatedSetAndSides
from pyiptables.extensions.matches._sets import SetConditions, SetServices

TWICE = "--match-set can be specified only once"


class Comparison(Kind):
    """A number that a counter is compared with; the pair of both."""

    metavar = "number"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """``eq``, ``ne``, ``lt`` or ``gt``, and the number."""
        how = option.names[0][-2:]
        if facts.inverted and how != "eq":
            raise ParameterProblem(f"{option.names[0]} option cannot be inverted")
        number = strtoul(texts[0])
        if number is None or number[1]:
            raise ParameterProblem(f"Cannot parse {texts[0]} as a counter value")
        return ("ne" if facts.inverted else how, number[0])


COMPARISON = Comparison()


def _compare(counter: str, how: str, text: str) -> Option:
    return opt(
        f"--{counter}-{how}", kind=COMPARISON, invertible=True, to=counter,
        once=f"only one of the --{counter}-[eq|lt|gt] is allowed", help=f"the element's {counter} are {text}",
    )  # fmt: skip


class SetMatch(Match):
    """Match what is an element of a set of ipset.

    The program reads these options by itself: flags may be repeated, and those for counters count only with ``!``.
    """

    name = "set"
    stateful = True
    needs = "the sets: --ipset, or a snapshot's ipset.save"

    reference = opt(
        "--match-set", kind=SET_AND_SIDES, invertible=True, once=TWICE,
        help="a set, and for each of its dimensions the packet's side",
    )  # fmt: skip
    old_reference = opt(
        "--set", kind=DeprecatedSetAndSides("--set option deprecated, please use --match-set\n"), invertible=True,
        to="reference", once=TWICE, help="the old name of --match-set",
    )  # fmt: skip
    nomatch = opt(
        "--return-nomatch", multi=True, no_invert="--return-nomatch flag cannot be inverted", help="elements with nomatch match",
    )  # fmt: skip
    counters = opt("--update-counters", kind=NEGATED_FLAG, invertible=True, multi=True, help="with !: do not count")
    subcounters = opt(
        "--update-subcounters", kind=NEGATED_FLAG, invertible=True, multi=True, help="with !: nor in a list's sets"
    )
    packets_eq = _compare("packets", "eq", "so many")
    packets_lt = _compare("packets", "lt", "less")
    packets_gt = _compare("packets", "gt", "more")
    bytes_eq = _compare("bytes", "eq", "so many")
    bytes_lt = _compare("bytes", "lt", "less")
    bytes_gt = _compare("bytes", "gt", "more")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """Only what says something, and once."""
        if "reference" not in values:
            raise ParameterProblem("You must specify `--match-set' with proper arguments")
        found = {name: value for name, value in values.items() if not cls._is_flag(name)}
        return found | {name: (True,) for name, value in values.items() if cls._is_flag(name) and any(value)}

    @staticmethod
    def _is_flag(name: str) -> bool:
        return name in ("nomatch", "counters", "subcounters")

    @property
    def conditions(self) -> SetConditions:
        """What is asked of the set beside what is looked up."""
        values = self.values
        return SetConditions(
            "nomatch" in values,
            "counters" in values,
            "subcounters" in values,
            values.get("packets"),
            values.get("bytes"),
        )

    def save(self, facts: RuleFacts) -> str:
        """``--match-set NAME src,dst --return-nomatch``."""
        return self._text("--", facts)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """The same without dashes."""
        return self._text("", facts)

    def _text(self, dashes: str, facts: RuleFacts) -> str:
        conditions = self.conditions
        mark = " !" if "reference" in self.inverted else ""
        text = f"{mark} {dashes}match-set {SET_AND_SIDES.save(self.reference, facts)}"
        text += f" {dashes}return-nomatch" if conditions.return_nomatch else ""
        text += f" ! {dashes}update-counters" if conditions.skip_counters else ""
        text += f" ! {dashes}update-subcounters" if conditions.skip_subcounters else ""
        for name, comparison in (("packets", conditions.packets), ("bytes", conditions.bytes)):
            if comparison is not None:
                how, number = comparison
                word = f"! {dashes}{name}-eq" if how == "ne" else f"{dashes}{name}-{how}"
                text += f" {word} {number}"
        return text

    def step(self, skb: Any, state: None, services: Services) -> bool:
        """Ask the set (set_match_v4)."""
        found = cast(SetServices, services).set_test(skb, self.reference, self.conditions)
        return found != ("reference" in self.inverted)
