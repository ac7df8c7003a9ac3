"""S205."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.alike import action, condition, constant, placed
from pyiptables.lint.check import Check, removal
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.subject import PlacedRule, Subject


class DuplicateRule(Check):
    """A rule that stands in its chain twice.

    Where the first one decides, no packet comes to the second; where it does not, it is done twice. Scripts that append on
    each start make thousands of them. Rules that keep state (limit, recent, hashlimit, statistic, quota ...) are not
    compared, and comments do not count. ``--fix --unsafe-fixes`` takes the later one away.

    Bad:
        -A INPUT -p tcp --dport 22 -j ACCEPT
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Suppress when:
        the two are there for their counters.
    """

    code = "S205"
    name = "duplicate-rule"
    severity = Severity.INFO
    fixable = True

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The later of equal rules, with the first as proof."""
        for family, table, chain in subject.chains():
            first: dict[object, PlacedRule] = {}
            for rule in placed(family, table, chain):
                if rule.spec.jump is None and rule.spec.target is None:
                    continue
                if not constant(rule.spec, table):
                    continue
                before = first.setdefault((condition(rule.spec), action(rule.spec)), rule)
                if before is rule or before.rule.line == rule.rule.line:
                    continue
                place, there = subject.place(rule), subject.place(before)
                fix = (
                    removal(place, "Take the rule away", safe=False)
                    if subject.source(family, table).kind == "save"
                    else None
                )
                text = f"rule {rule.number} says the same as rule {before.number}"
                yield self.found(place, text, proof=Proof((there,)), fix=fix, family=family)
