"""C507."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.states import states
from pyiptables.lint.subject import Subject
from pyiptables.packet.fields import CT_STATES

WELL_KNOWN = 1023
CLIENTS = frozenset((123, 67, 68, 520, 521, 546, 547))
"""Ports from which clients or peers begin as well: NTP, DHCP, RIP."""


class AcceptsBySourcePort(Check):
    """Whatever comes from a well-known source port is accepted.

    Such rules are meant for the answers of servers, from before there was connection tracking. Anyone can send from port
    80: every port of the host is open to them. With connection tracking the answers are ESTABLISHED.

    Bad:
        -A INPUT -p tcp -m tcp --sport 80 -j ACCEPT

    Good:
        -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT

    Suppress when:
        the host has no connection tracking, and only segments without SYN are accepted.
    """

    code = "C507"
    name = "accepts-by-source-port"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules of INPUT that ask for the source port alone."""
        for rule in subject.using("tcp", "udp"):
            spec = rule.spec
            if (rule.table, rule.chain, spec.jump) != ("filter", "INPUT", "ACCEPT") or spec.source is not None:
                continue
            if spec.in_interface is not None and spec.in_interface.name == "lo":
                continue
            asked = states(spec)
            if asked is not None and not asked & CT_STATES["NEW"]:
                continue
            extra = [
                match for match in spec.matches if match.name not in ("tcp", "udp", "comment", "state", "conntrack")
            ]
            for match in spec.matches:
                port = match.values.get("sport") if match.name in ("tcp", "udp") else None
                if port is None or extra or set(match.values) != {"sport"} or "sport" in match.inverted:
                    continue
                if port[0] == port[1] <= WELL_KNOWN and port[0] not in CLIENTS:
                    text = f"anyone who sends from port {port[0]} reaches every {match.name} port"
                    note = "answers are better told by --ctstate ESTABLISHED"
                    yield self.at(subject, rule, text, option="--sport", proof=Proof(note=note))
