"""W110."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.states import ALL_STATES
from pyiptables.lint.subject import PlacedRule, Subject

ALL_PORTS = (0, 0xFFFF)


class MatchesAll(Check):
    """A condition that every packet fulfils.

    All five states of a connection, all ports, all addresses as a range, ``-i +``. iptables deletes some of these
    (``--dport 0:65535``, ``-i +``), keeps others, and says nothing. With ``!`` the rule never matches.

    Bad:
        -A INPUT -p tcp --dport 0:65535 -m state --state NEW,ESTABLISHED,RELATED,INVALID,UNTRACKED -j ACCEPT

    Good:
        -A INPUT -p tcp -j ACCEPT

    Suppress when:
        the text is made by a program that fills in the default.
    """

    code = "W110"
    name = "matches-all"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules with such a condition."""
        for rule in subject.rules:
            for match in rule.spec.matches:
                for option, text in _empty(match, rule):
                    fares = "with ! no packet matches" if text.startswith("!") else "every packet matches"
                    yield self.at(subject, rule, f"{text.removeprefix('!')}: {fares}", option=option)
            for option, end in (("-i", rule.spec.in_interface), ("-o", rule.spec.out_interface)):
                if end is not None and end.name == "+" and not end.invert:  # inverted: W109
                    yield self.at(subject, rule, "these are all interfaces: every packet matches", option=option)


def _empty(match: Match, rule: PlacedRule) -> Iterator[tuple[str, str]]:
    """The options of a match that say nothing, each with why; ``!`` before it where it is inverted."""
    values: dict[str, Any] = dict(match.values)
    if match.name in ("state", "conntrack") and values.get("state", 0) & ALL_STATES == ALL_STATES:
        yield match.options["state"].save_as, f"{_mark(match, 'state')}these are all states"
    elif match.name == "multiport":
        for attribute, ranges in values.items():
            if ALL_PORTS in ranges:
                yield match.options[attribute].save_as, f"{_mark(match, attribute)}these are all ports"
    elif match.name in ("tcp", "udp", "sctp", "dccp", "udplite"):
        for option in ("--dport", "--sport", "--destination-port", "--source-port"):
            text = match.given[match.given.index(option) + 1] if option in match.given else ""
            if text in ("0:65535", ":", "0:", ":65535"):
                attribute = "dport" if "d" in option[2] else "sport"
                yield option, f"{_mark(match, attribute)}these are all ports"
    elif match.name == "iprange":
        for attribute, ends in values.items():
            if ends == (0, (1 << rule.family.bits) - 1):
                yield match.options[attribute].save_as, f"{_mark(match, attribute)}these are all addresses"


def _mark(match: Match, attribute: str) -> str:
    return "!" if attribute in match.inverted else ""
