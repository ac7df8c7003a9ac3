"""S208."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.alike import placed
from pyiptables.lint.check import Check, removal
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import Subject


class NeedlessLastRule(Check):
    """A last rule that does what the chain's end does anyway.

    ``-j RETURN`` for all at the end of a user-defined chain, or a last rule that is the policy. A matter of style: off
    unless asked for.

    Bad:
        -A web -j RETURN

    Good:
        (nothing)

    Suppress when:
        the rule is there for its counters, or to be seen.
    """

    code = "S208"
    name = "needless-last-rule"
    severity = Severity.INFO
    default = False
    fixable = True

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Such last rules."""
        for family, table, chain in subject.chains():
            if not chain.rules:
                continue
            last = placed(family, table, chain)[-1]
            if not last.unconditional or last.spec.goto or last.spec.target is not None:
                continue
            if last.spec.jump == (chain.policy if chain.built_in else "RETURN"):
                what = f"the policy is {chain.policy}" if chain.built_in else "a chain returns at its end"
                place = subject.place(last)
                fix = removal(place, "Take the rule away", safe=False)
                yield self.found(place, f"{what}: the rule changes nothing", fix=fix, family=family)
