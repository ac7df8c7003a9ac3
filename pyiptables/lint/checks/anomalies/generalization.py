"""R304."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.pairs import opposed
from pyiptables.lint.subject import Subject


class Generalization(Check):
    """A rule that decides the opposite about more than an earlier one: the earlier one is its exception.

    That is how firewalls are written, first the exception, then the rule; so this is off unless asked for. It serves whoever
    reads a ruleset for the first time. Of the earlier rules (64 at most) the nearest is named.

    Bad:
        -A INPUT -s 192.0.2.7/32 -j ACCEPT
        -A INPUT -s 192.0.2.0/24 -j DROP

    Good:
        -A INPUT ! -s 192.0.2.7/32 -j DROP

    Suppress when:
        it is meant so, as it mostly is.
    """

    code = "R304"
    name = "generalization"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The later rules of such pairs."""
        for rule, before in opposed(subject):
            for earlier, theirs, mine in before:
                if theirs.may and theirs.may <= mine.must and theirs.may != mine.must:
                    text = f"rule {earlier.number} is an exception to this rule: it decides {earlier.spec.target_name}"
                    yield self.at(subject, rule, text, proof=Proof((subject.place(earlier),)))
                    break
