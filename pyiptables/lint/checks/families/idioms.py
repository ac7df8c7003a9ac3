"""V804."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import Subject

OTHER = {Family.IPV6: (1, "icmp", "ipv6-icmp (58)"), Family.IPV4: (58, "ipv6-icmp", "icmp (1)")}


class OtherFamilysIcmp(Check):
    """``-p icmp`` in IPv6's rules, or ``-p ipv6-icmp`` in IPv4's.

    It is taken as a number like any other, and no ordinary packet has it: the ICMP that was meant is not matched. In IPv6
    that takes neighbour discovery with it where the policy is DROP.

    Bad:
        ip6tables -A INPUT -p icmp -j ACCEPT

    Good:
        ip6tables -A INPUT -p ipv6-icmp -j ACCEPT

    Suppress when:
        such packets are to be dropped because they are odd.
    """

    code = "V804"
    name = "other-familys-icmp"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules that accept by the other family's ICMP."""
        for rule in subject.rules:
            protocol = rule.spec.protocol
            number, name, meant = OTHER[rule.family]
            if protocol is None or protocol.invert or protocol.number != number:
                continue
            if rule.spec.jump == "ACCEPT":
                version = rule.family.version
                text = f"{name} is not IPv{version}'s: what is meant is {meant}"
                yield self.at(subject, rule, text, option="-p")
