"""R305."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.pairs import opposed
from pyiptables.lint.subject import Subject


class Correlation(Check):
    """A rule that decides the opposite about a part of what an earlier one asks for, and each about more.

    Their order matters to the packets that both ask for: whoever moves one changes the policy. There are many such pairs in
    any firewall, so this is off unless asked for. Of the earlier rules (64 at most) the nearest is named.

    Bad:
        -A INPUT -s 192.0.2.0/24 -j DROP
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT ! -s 192.0.2.0/24 -p tcp --dport 22 -j ACCEPT

    Suppress when:
        it is meant so, as it mostly is.
    """

    code = "R305"
    name = "correlation"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The later rules of such pairs."""
        for rule, before in opposed(subject):
            for earlier, theirs, mine in before:
                both = mine.must & theirs.must
                if both and not theirs.may <= mine.may and not mine.may <= theirs.may:
                    text = f"rule {earlier.number} decides {earlier.spec.target_name} about a part of this, and more"
                    yield self.at(subject, rule, text, proof=Proof((subject.place(earlier),)))
                    break
