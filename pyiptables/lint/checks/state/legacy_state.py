"""C505."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Edit, Finding, Fix, Severity
from pyiptables.lint.subject import Subject


class LegacyState(Check):
    """``-m state`` where ``-m conntrack`` is the present form.

    The kernel has one module for both; iptables keeps the old name for old scripts. A matter of style: off unless asked
    for. ``--fix`` writes the other, which matches the same packets.

    Bad:
        -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT

    Good:
        -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT

    Suppress when:
        the rules are compared with others that have the old form.
    """

    code = "C505"
    name = "legacy-state"
    severity = Severity.INFO
    default = False
    fixable = True

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules with the old match."""
        for rule in subject.using("state"):
            place = subject.place(rule, option="--state")
            edits: list[Edit] = []
            words = subject.words(rule)
            for index, (word, start, end) in enumerate(words):
                if word == "state" and index and words[index - 1][0] in ("-m", "--match"):
                    edits.append(Edit(place.file, place.line, start, end, "conntrack"))
                elif word == "--state":
                    edits.append(Edit(place.file, place.line, start, end, "--ctstate"))
            fix = Fix("Use -m conntrack --ctstate", True, tuple(edits)) if len(edits) > 1 else None
            yield self.found(place, "-m state is the old name of -m conntrack --ctstate", fix=fix, family=rule.family)
