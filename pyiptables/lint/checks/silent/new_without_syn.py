"""W114."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.states import states
from pyiptables.lint.subject import Subject
from pyiptables.packet.fields import CT_STATES


class NewWithoutSyn(Check):
    """A rule that accepts NEW tcp without ``--syn``.

    To connection tracking a segment from the middle of a connection that it does not know is NEW too, as long as
    ``nf_conntrack_tcp_loose`` is on, as it is by default. Off unless asked for: most firewalls are written so, and live
    well.

    Bad:
        -A INPUT -p tcp --dport 22 -m conntrack --ctstate NEW -j ACCEPT

    Good:
        -A INPUT -p tcp --dport 22 --syn -m conntrack --ctstate NEW -j ACCEPT

    Suppress when:
        connections have to survive a restart of the firewall.
    """

    code = "W114"
    name = "new-without-syn"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Such rules of the filter table."""
        for rule in subject.using("conntrack", "state"):
            spec = rule.spec
            if rule.table != "filter" or spec.jump != "ACCEPT" or spec.protocol is None:
                continue
            if spec.protocol.number != 6 or spec.protocol.invert or states(spec) != CT_STATES["NEW"]:
                continue
            if not any(match.name == "tcp" and "flags" in match.values for match in spec.matches):
                yield self.at(subject, rule, "accepts NEW segments that do not begin a connection: --syn is missing")
