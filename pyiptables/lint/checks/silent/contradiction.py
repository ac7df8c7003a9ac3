"""W109."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.proofs import HOSTS_OWN, provable
from pyiptables.lint.subject import PlacedRule, Subject


class Contradiction(Check):
    """Conditions that no packet can fulfil together.

    Each of them can hold, all of them cannot: two states that exclude one another, a port that is 22 and 80, an address
    inside one network and outside a larger one. iptables takes the rule, and it never matches.

    Bad:
        -A INPUT -m state --state NEW -m conntrack --ctstate ESTABLISHED -j ACCEPT

    Good:
        -A INPUT -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT

    Suppress when:
        the rule is switched off on purpose.
    """

    code = "W109"
    name = "contradiction"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The rules whose conditions select nothing, but for those that other checks explain."""
        for family in provable(subject):
            reach = None
            for rule in subject.rules:
                if rule.family is not family or not _may_contradict(rule):
                    continue
                reach = reach or subject.reach(family)
                if reach.matches(rule.table, rule.chain, rule.number).may:
                    continue
                if rule.spec.fragment:
                    text = "no fragment comes here: connection tracking puts packets together before"
                    yield self.at(subject, rule, text, option="-f", severity=Severity.INFO)
                else:
                    yield self.at(subject, rule, "no packet fulfils all conditions of this rule")


def _may_contradict(rule: PlacedRule) -> bool:
    """Whether it has two conditions at all, and none that is empty by itself."""
    spec = rule.spec
    given = (spec.source, spec.destination, spec.in_interface, spec.out_interface, spec.protocol, spec.fragment)
    conditions = sum(each is not None for each in given) + sum(len(match.values) for match in spec.matches)
    if conditions + bool(spec.fragment) < 2 or any(map(_empty, spec.matches)):
        return False
    if any(match.name in HOSTS_OWN for match in spec.matches):
        return False
    return not any(side is not None and side.invert and not side.mask for side in (spec.source, spec.destination))


def _empty(match: Match) -> bool:
    """Whether the match alone selects nothing, which W105, W106 or W107 say."""
    if match.name == "iprange":
        return any(ends[1] < ends[0] for ends in match.values.values())
    if match.name == "tcp":
        flags = match.values.get("flags")
        return flags is not None and bool(flags[1] & ~flags[0])
    return any(
        isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], int) and isinstance(value[1], int)
        and bool(value[0] & ~value[1])
        for value in match.values.values()
        if match.name in ("mark", "connmark", "tos", "realm")
    )  # fmt: skip
