"""S204."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import Subject

EFFECTS = frozenset(
    ("recent", "set", "connlabel", "nfacct", "quota", "rateest", "hashlimit", "limit", "connlimit", "statistic")
)
"""Matches that leave a trace of having been asked."""


class NoTarget(Check):
    """A rule that does nothing but count.

    It has no ``-j``, and no match that notes anything (``-m recent --set``). It may be meant as a counter, or the target
    was forgotten.

    Bad:
        -A INPUT -p tcp --dport 22

    Good:
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Suppress when:
        the rule is there for its counters.
    """

    code = "S204"
    name = "no-target"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules without target or effect."""
        for rule in subject.rules:
            spec = rule.spec
            if spec.target is None and spec.jump is None and not any(map(notes, spec.matches)):
                yield self.at(subject, rule, "the rule has no target: it only counts")


def notes(match: Match) -> bool:
    """Whether a match leaves a trace of having been asked."""
    return match.name in EFFECTS or match.stateful
