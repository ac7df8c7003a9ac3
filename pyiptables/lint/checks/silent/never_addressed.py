"""W104."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject


class NotAnyAddress(Check):
    """``! -s 0.0.0.0/0``: all addresses are excluded, and no packet is left.

    Without ``!`` a mask of 0 says nothing and is dropped when the rule is saved; with it the rule is kept, and never
    matches.

    Bad:
        -A INPUT ! -s 0.0.0.0/0 -j DROP

    Good:
        -A INPUT ! -s 192.0.2.0/24 -j DROP

    Suppress when:
        the rule is switched off on purpose.
    """

    code = "W104"
    name = "not-any-address"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules with such a condition."""
        for rule in subject.rules:
            for option, given in (("-s", rule.spec.source), ("-d", rule.spec.destination)):
                if given is not None and given.invert and not given.mask:
                    yield self.at(
                        subject,
                        rule,
                        f"! {option} with a mask of 0 excludes every address: no packet matches",
                        word="!",
                    )
