"""W107."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject
from pyiptables.packet.addresses import to_text

SIDES = (("source", "--src-range"), ("destination", "--dst-range"))


class ReversedRange(Check):
    """A range of addresses whose end comes before its beginning: it holds none.

    iptables takes the rule with a line on standard error, which nobody sees at boot; it never matches.

    Bad:
        -A INPUT -m iprange --src-range 192.0.2.20-192.0.2.10 -j ACCEPT

    Good:
        -A INPUT -m iprange --src-range 192.0.2.10-192.0.2.20 -j ACCEPT

    Suppress when:
        never: nothing is gained by such a rule.
    """

    code = "W107"
    name = "reversed-range"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules with such a range."""
        for rule in subject.using("iprange"):
            for match in rule.spec.matches:
                for attribute, option in SIDES if match.name == "iprange" else ():
                    ends = match.values.get(attribute)
                    if ends is not None and ends[1] < ends[0]:
                        low, high = (to_text(end, rule.family) for end in ends)
                        fares = "with ! every packet matches" if attribute in match.inverted else "no packet matches"
                        yield self.at(subject, rule, f"the range {low}-{high} is reversed: {fares}", option=option)
