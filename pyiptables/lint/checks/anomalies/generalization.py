"""R304."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.pairs import MOST_COMPARED, decides, opposite, selections
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
        for chain in selections(subject):
            for rule in chain.rules:
                if not decides(rule) or rule.unconditional:
                    continue
                all_of_it = chain.selects(rule).must
                for earlier in reversed(chain.rules[max(0, rule.number - 1 - MOST_COMPARED) : rule.number - 1]):
                    if not decides(earlier) or not opposite(earlier, rule):
                        continue
                    some = chain.selects(earlier).may
                    if some and some <= all_of_it and some != all_of_it:
                        text = (
                            f"rule {earlier.number} is an exception to this rule: it decides {earlier.spec.target_name}"
                        )
                        yield self.at(subject, rule, text, proof=Proof((subject.place(earlier),)))
                        break
