"""S203."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import Subject


class EmptyChain(Check):
    """A jump to a chain without rules.

    The packet comes straight back. Often such a chain is a hook for rules of one's own (DOCKER-USER, those of ufw), which
    is why this is information, and silent for chains of other programs.

    Bad:
        :web - [0:0]
        -A INPUT -p tcp --dport 443 -j web

    Good:
        :web - [0:0]
        -A INPUT -p tcp --dport 443 -j web
        -A web -m limit --limit 10/s -j ACCEPT

    Suppress when:
        the chain is filled by something else while the system runs.
    """

    code = "S203"
    name = "jump-to-empty-chain"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Jumps to chains that are empty, and were read whole."""
        for rule in subject.rules:
            jump = rule.spec.jump
            if jump is None:
                continue
            reading = subject.readings[rule.family]
            chain = reading.ruleset.tables[rule.table].chains.get(jump)
            if chain is None or chain.built_in or chain.rules or (rule.table, jump) in reading.outside:
                continue
            if subject.whole(rule.family, rule.table, jump) and not subject.settings.is_foreign(jump):
                yield self.at(subject, rule, f"{jump} has no rules", word=jump)
