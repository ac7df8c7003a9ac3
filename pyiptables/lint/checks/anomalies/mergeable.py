"""R307."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from pyiptables.extensions.base import Match
from pyiptables.hooks import Family
from pyiptables.lint.alike import constant, placed
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Edit, Finding, Fix, Place, Proof, Severity
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.addresses import to_text
from pyiptables.ruleset.model import AddressMatch, RuleSpec

_SIDES = {"source": ("-s", "--source", "--src"), "destination": ("-d", "--destination", "--dst")}
_PORTS = {"sport": ("--sport", "--source-port"), "dport": ("--dport", "--destination-port")}


class Mergeable(Check):
    """Two rules next to each other that one could say: halves of a network, or ranges of ports that meet.

    All else in them is equal, and it asks the same of a packet each time. ``--fix`` makes one rule of the two where neither
    has a comment or has counted. A matter of style: off unless asked for.

    Bad:
        -A INPUT -s 192.0.2.0/25 -j DROP
        -A INPUT -s 192.0.2.128/25 -j DROP

    Good:
        -A INPUT -s 192.0.2.0/24 -j DROP

    Suppress when:
        the two have different reasons, or are counted apart.
    """

    code = "R307"
    name = "mergeable-rules"
    severity = Severity.INFO
    default = False
    fixable = True

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The later of such neighbours."""
        for family, table, chain in subject.chains():
            if subject.settings.is_foreign(chain.name):
                continue
            for one, other in pairwise(placed(family, table, chain)):
                if one.rule.line == other.rule.line or not one.spec.target_name or not constant(one.spec, table):
                    continue
                merged = _addresses(one, other, family) or _port_ranges(one, other)
                if merged is not None:
                    options, text = merged
                    yield self._finding(subject, one, other, options, text)

    def _finding(
        self, subject: Subject, one: PlacedRule, other: PlacedRule, options: tuple[str, ...], text: str
    ) -> Finding:
        place = subject.place(other)
        fix = _fix(subject, one, place, options, text) if _plain(one) and _plain(other) else None
        message = f"rules {one.number} and {other.number} could be one: {options[0]} {text}"
        return self.found(place, message, proof=Proof((subject.place(one),)), fix=fix, family=one.family)


def _plain(rule: PlacedRule) -> bool:
    return not rule.rule.counters.packets and all(match.name != "comment" for match in rule.spec.matches)


def _fix(subject: Subject, one: PlacedRule, later: Place, options: tuple[str, ...], text: str) -> Fix | None:
    """The first rule with the value of both, and no second; only in a save file, where lines are what they seem."""
    if subject.source(one.family, one.table).kind != "save" or later.line != one.rule.line + 1:
        return None
    words = subject.words(one)
    for (word, _, _), (_, start, end) in pairwise(words):
        if word in options:
            edits = (Edit(later.file, one.rule.line, start, end, text), Edit(later.file, later.line, 1, 0, None))
            return Fix("Make one rule of the two", True, edits)
    return None


def _addresses(one: PlacedRule, other: PlacedRule, family: Family) -> tuple[tuple[str, ...], str] | None:
    """The network of which two rules name the halves, and the options that name it."""
    for side, options in _SIDES.items():
        first, second = getattr(one.spec, side), getattr(other.spec, side)
        whole = _network(first, second, family) if first is not None and second is not None else None
        if whole is not None and _without(one, side) == _without(other, side):
            return options, whole
    return None


def _without(rule: PlacedRule, side: str) -> RuleSpec:
    return replace(rule.spec, source=None) if side == "source" else replace(rule.spec, destination=None)


def _network(first: AddressMatch, second: AddressMatch, family: Family) -> str | None:
    everything = (1 << family.bits) - 1
    free = everything & ~first.mask
    if first.mask != second.mask or first.invert or second.invert or not first.mask or free & (free + 1):
        return None
    length = family.bits - free.bit_length()
    if first.address ^ second.address != 1 << family.bits - length or length == 1:
        return None
    return f"{to_text(first.address & second.address, family)}/{length - 1}"


def _port_ranges(one: PlacedRule, other: PlacedRule) -> tuple[tuple[str, ...], str] | None:
    """The range of ports that two rules name the parts of, and the options that name it."""
    for index, (first, second) in enumerate(zip(one.spec.matches, other.spec.matches, strict=False)):
        if first == second or first.name != second.name or first.name not in ("tcp", "udp"):
            continue
        found = _range(first, second)
        rest = [
            replace(each.spec, matches=(*each.spec.matches[:index], *each.spec.matches[index + 1 :]))
            for each in (one, other)
        ]
        return found if found is not None and rest[0] == rest[1] else None
    return None


def _range(first: Match, second: Match) -> tuple[tuple[str, ...], str] | None:
    before, after = dict(first.values), dict(second.values)
    differ = [name for name in {*before, *after} if before.get(name) != after.get(name)]
    if len(differ) != 1 or differ[0] not in _PORTS or differ[0] in {*first.inverted, *second.inverted}:
        return None
    low, high = sorted((before.get(differ[0]), after.get(differ[0])), key=lambda each: each or (0, 0))
    if low is None or high is None or first.inverted != second.inverted or low[1] + 1 != high[0]:
        return None
    return _PORTS[differ[0]], f"{low[0]}:{high[1]}"
