"""L603."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import Subject


class RestoresOver(Check):
    """``iptables-restore`` without ``--noflush`` in a script.

    It empties each table of the file first, and deletes the chains of Docker, fail2ban, kube-proxy and whoever else has
    some; these find out later, or not at all.

    Bad:
        iptables-restore < /etc/firewall.rules

    Good:
        iptables-restore --noflush < /etc/firewall.rules

    Suppress when:
        nobody else has rules on the system.
    """

    code = "L603"
    name = "restore-flushes"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Such commands."""
        for step in subject.steps:
            if step.program.endswith("-restore") and not {"-n", "--noflush", "-t", "--test"} & set(step.words):
                place = subject.line_place(step.source, step.line)
                text = f"{step.program} deletes the chains of other programs in the tables that it loads"
                yield self.found(place, text, family=step.family)
