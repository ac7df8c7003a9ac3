"""``-m rateest``: source extensions/libxt_rateest.c and net/netfilter/xt_rateest.c."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, NamedObjects, Option, Refusal, RuleFacts, Services, opt
from pyiptables.extensions.kinds.floats import strtod
from pyiptables.extensions.kinds.numbers import strtoul
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.extensions.targets._rateest import SHARED, RateEstimator

WORD = 0xFFFFFFFF
DECIMAL = {"k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
SUFFIXES = {"": 1.0, "bit": 1.0, "bps": 8.0}
for _letter, _scale in DECIMAL.items():
    _binary = 1024 ** (list(DECIMAL).index(_letter) + 1)
    SUFFIXES |= {f"{_letter}bit": _scale, f"{_letter}ibit": _binary}
    SUFFIXES |= {f"{_letter}bps": 8.0 * _scale, f"{_letter}ibps": 8.0 * _binary}
"""Bits of a second by the unit's name, in small letters; without a unit they are bits, too."""
MODES = ("lt", "gt", "eq")
TWICE = "rateest: can't specify {} twice"
PLAIN = "rateest: {} can't be inverted"
NAME = PlainText(15)


class Rate(Kind):
    """A rate to compare with, 0 where none follows the option: ``bps`` is kept in bytes a second."""

    optional = True
    metavar = "rate"

    def __init__(self, unit: str) -> None:
        self.unit = unit

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number, in 32 bits."""
        if not texts or not texts[0]:
            return 0
        number = _bytes(texts[0]) if self.unit == "bps" else _packets(texts[0])
        if number is None:
            raise ParameterProblem(f"rateest: could not parse {'rate' if self.unit == 'bps' else 'pps'} `{texts[0]}'")
        return number

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """Packets as they are; bytes as bits with a unit, with ``-n`` as they are."""
        if numeric or self.unit == "pps":
            return str(value)
        bits = value * 8
        if bits >= 10**9:
            return f"{bits / 10**6:.0f}Mbit"
        return f"{bits / 1000:.0f}Kbit" if bits >= 10**6 else f"{bits}bit"


def _bytes(text: str) -> int | None:
    found = strtod(text)
    scale = SUFFIXES.get(found[1].lower()) if found is not None else None
    if found is None or scale is None:
        return None
    size = found[0] * scale / 8
    return int(size) & WORD if abs(size) < 2**63 else 0


def _packets(text: str) -> int | None:
    found = strtoul(text, WORD)
    return found[0] if found is not None and not found[1] else None


def _rate(name: str, *aliases: str) -> Option:
    kind = Rate(name[:3])
    names = [f"--rateest-{one}" for one in (name, *aliases)]
    return opt(
        *names,
        kind=kind,
        once=TWICE.format(names[0]),
        no_invert=PLAIN.format(f"rateest-{name[:3]}"),
        help=f"rate of {name[:3]} to compare with",
    )


def _mode(name: str, text: str) -> Option:
    return opt(f"--rateest-{name}", invertible=True, once=TWICE.format("lt/gt/eq"), help=f"match {text}")


class RateestMatch(Match):
    """Match by the rate of an estimator, against a number or another's; estimators are fed by RATEEST."""

    name = "rateest"
    stateful = True

    first = opt(
        "--rateest1", "--rateest", kind=NAME, default="", once=TWICE.format("--rateest1"),
        no_invert=PLAIN.format("rateest"), help="name of an estimator",
    )  # fmt: skip
    second = opt(
        "--rateest2", kind=NAME, once=TWICE.format("--rateest2"), no_invert=PLAIN.format("rateest"), help="name of another",
    )  # fmt: skip
    bps1 = _rate("bps1")
    pps1 = _rate("pps1")
    bps2 = _rate("bps2", "bps")
    pps2 = _rate("pps2", "pps")
    delta = opt(
        "--rateest-delta", once=TWICE.format("--rateest-delta"), no_invert=PLAIN.format("rateest-delta"),
        help="compare what is left to the given rates",
    )  # fmt: skip
    lt = _mode("lt", "lower rates")
    gt = _mode("gt", "higher rates")
    eq = _mode("eq", "equal rates")

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        super().__init__(values, frozenset({"mode"}) if inverted else inverted)

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """Of several comparisons the last counts; both rates of a unit are there when one is."""
        found = {name: value for name, value in values.items() if name not in MODES}
        for unit in ("bps", "pps"):
            if {f"{unit}1", f"{unit}2"} & values.keys():
                found |= {name: values.get(name, 0) for name in (f"{unit}1", f"{unit}2")}
        modes = [name for name in values if name in MODES]
        return found | ({"mode": modes[-1]} if modes else {})

    @property
    def units(self) -> tuple[str, ...]:
        """``bps`` and ``pps``, as far as they are compared."""
        return tuple(unit for unit in ("bps", "pps") if f"{unit}1" in self.values)

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """How to compare, and what."""
        return None if "mode" in self.values and self.units else "a unit and a comparison are needed"

    def claim(self, named: NamedObjects) -> str | None:
        """Estimators are there already: in rules before, or until now."""
        for name in (self.first, *([] if self.second is None else [self.second])):
            if named.complete and (SHARED, name) not in named.found:
                return Refusal(
                    f"no RATEEST before has made an estimator {name!r}", "No chain/target/match by that name"
                )
            named.found.setdefault((SHARED, name), None)
        return None

    def save(self, facts: RuleFacts) -> str:
        """``--rateest RE1 --rateest-gt --rateest-bps 5000bit``."""
        delta = " --rateest-delta" if self.delta else ""
        rates = "".join(self._saved_rate(unit, facts) for unit in self.units)
        if self.second is None:
            return f"{delta} --rateest {self.first}{rates}"
        return f"{delta} --rateest1 {self.first}{rates} --rateest2 {self.second}"

    def _saved_rate(self, unit: str, facts: RuleFacts) -> str:
        kind = Rate(unit)
        second = f" {kind.list(self.values[f'{unit}2'], facts, False)}" if self.delta or self.second is None else ""
        if self.delta:
            first = f" --rateest-{unit}1 {kind.list(self.values[f'{unit}1'], facts, False)}"
            return f"{first}{self._mode('--rateest-')} --rateest-{unit}2{second}"
        return f"{self._mode('--rateest-')} --rateest-{unit}{second}"

    def _mode(self, dashes: str) -> str:
        return f"{' !' if self.inverted else ''} {dashes}{self.values.get('mode', '')}"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``rateest match RE1 delta bps 8bit 16bit lt``."""
        text = f" rateest match {self.first}{' delta' if self.delta else ''}"
        for unit in self.units:
            first, second = (Rate(unit).list(self.values[f"{unit}{place}"], facts, numeric) for place in (1, 2))
            text += f" {unit}{f' {first}' if self.delta else ''}"
            if self.second is None:
                text += f" {second}{self._mode('')}" if unit == "bps" else f"{self._mode('')} {second}"
        if self.second is not None:
            text += f"{self._mode('')} {self.second}"
            for unit in self.units:
                second = Rate(unit).list(self.values[f"{unit}2"], facts, numeric)
                text += f" {unit}{f' {second}' if self.delta else ''}"
        return text

    def step(self, skb: Any, state: None, services: Services) -> bool:
        """Compare (xt_rateest_mt)."""
        estimators = services.shared(SHARED, dict)
        first = self._sample(estimators, self.first, "1", services.now)
        if self.second is None:
            second = {unit: self.values[f"{unit}2"] for unit in self.units}
        else:
            second = self._sample(estimators, self.second, "2", services.now)
        compare = {"lt": operator.lt, "gt": operator.gt, "eq": operator.eq}[self.values["mode"]]
        return all(compare(first[unit], second[unit]) for unit in self.units) != bool(self.inverted)

    def _sample(self, estimators: Mapping[str, RateEstimator], name: str, place: str, now: int) -> dict[str, int]:
        """An estimator's rates; with --rateest-delta what they leave of the given ones. 0 while nothing feeds it."""
        estimator = estimators.get(name)
        rates = dict(zip(("bps", "pps"), estimator.rates(now) if estimator is not None else (0, 0), strict=True))
        if not self.delta:
            return rates
        return {unit: max(0, self.values[f"{unit}{place}"] - rates[unit]) for unit in self.units}
