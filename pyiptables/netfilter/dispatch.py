"""Passing over long runs of rules that differ in one address or port, without testing each.

A rule with ``-s``, ``-d`` (one address, not inverted) or, in its first match, one destination port, cannot match a packet
that has another; testing it changes nothing. Of a long chain, only the rules that name the packet's own value, and those
that name none, are walked. The walk stays the definition: a test holds both equal.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pyiptables.netfilter.looks import Look
from pyiptables.packet.fields import ports
from pyiptables.ruleset.model import AddressMatch, Rule, RuleSpec

SHORT = 12
"""Chains of fewer rules are walked as they are."""
ONE_ADDRESS = (0xFFFFFFFF, (1 << 128) - 1)

Named = Callable[[RuleSpec], int | None]
Reader = Callable[[Any], int | None]


def _address(given: AddressMatch | None) -> int | None:
    if given is None or given.invert or given.mask not in ONE_ADDRESS:
        return None
    return given.address


def _destination_port(spec: RuleSpec) -> int | None:
    """The one port that the rule's first match asks for, where that is tcp's or udp's own."""
    if not spec.matches or spec.matches[0].name not in ("tcp", "udp"):
        return None
    first = spec.matches[0]
    wanted = first.values.get("dport")
    if wanted is None or wanted[0] != wanted[1] or "dport" in first.inverted:
        return None
    return int(wanted[0])


def _read_port(skb: Any) -> int | None:
    """The destination port of a packet whose header is there; None where the matches have to look themselves."""
    if skb.protocol not in (6, 17) or skb.fragoff or len(skb.data) < skb.thoff + 20:
        return None
    port: int | None = ports.destination.get(skb)
    return port


@dataclass(frozen=True, slots=True)
class Telling:
    """What rules may differ in: its name, how a rule names its value, how it is read off a packet, what that looks at."""

    name: str
    named: Named
    read: Reader
    looks: int


FIELDS = (
    Telling("destination", lambda spec: _address(spec.destination), lambda skb: skb.daddr, int(Look.DESTINATION)),
    Telling("source", lambda spec: _address(spec.source), lambda skb: skb.saddr, int(Look.SOURCE)),
    Telling("destination port", _destination_port, _read_port, int(Look.DESTINATION_PORT)),
)


class Dispatch:
    """The places of a chain's rules by the value of one field that they name."""

    __slots__ = ("by_value", "looks", "name", "others", "read")

    def __init__(self, by_value: dict[int, list[int]], others: list[int], telling: Telling) -> None:
        self.by_value = by_value
        self.others = others
        self.name, self.read, self.looks = telling.name, telling.read, telling.looks

    @classmethod
    def of(cls, rules: Sequence[Rule]) -> Dispatch | None:
        """The dispatch over the field that tells most rules apart; None where none tells half of a long chain apart."""
        if len(rules) < SHORT:
            return None
        best: tuple[int, list[int | None], Telling] | None = None
        for telling in FIELDS:
            values = [telling.named(rule.spec) for rule in rules]
            told = len(set(values))
            if best is None or told > best[0]:
                best = told, values, telling
        if best is None or best[1].count(None) * 2 > len(rules) or best[0] < SHORT // 2:
            return None
        by_value: dict[int, list[int]] = {}
        others = []
        for place, value in enumerate(best[1]):
            if value is None:
                others.append(place)
            else:
                by_value.setdefault(value, []).append(place)
        return cls(by_value, others, best[2])

    def candidate(self, place: int, skb: Any) -> int:
        """The first place from ``place`` on that names the packet's value or none; beyond the last rule: a large number."""
        value = self.read(skb)
        if value is None:
            return place
        found = NOWHERE
        for places in (self.by_value.get(value, ()), self.others):
            at = bisect_left(places, place)
            if at < len(places) and places[at] < found:
                found = places[at]
        return found


NOWHERE = 1 << 60
