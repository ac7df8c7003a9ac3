"""U901."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.subject import Subject


class NeverHit(Check):
    """A rule whose counters are 0 in a dump with counters.

    Off unless asked for, and never more than information: a rule against attacks is not superfluous because none came,
    and the counters may be a minute old. Only rules that accept are named, in chains that have seen packets.

    Bad:
        [90:5400] -A INPUT -p tcp --dport 22 -j ACCEPT
        [0:0] -A INPUT -p tcp --dport 8080 -j ACCEPT

    Good:
        [90:5400] -A INPUT -p tcp --dport 22 -j ACCEPT
        [17:1020] -A INPUT -p tcp --dport 8080 -j ACCEPT

    Suppress when:
        the rule is for what happens rarely.
    """

    code = "U901"
    name = "never-hit"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Such rules of chains in which others have counted."""
        seen = {(rule.family, rule.table, rule.chain) for rule in subject.rules if rule.rule.counters.packets}
        for rule in subject.rules:
            if rule.rule.counters.packets or (rule.family, rule.table, rule.chain) not in seen:
                continue
            if rule.spec.jump == "ACCEPT":
                note = "the dump does not say for how long the counters have run"
                yield self.at(subject, rule, "no packet has matched since the counters began", proof=Proof(note=note))
