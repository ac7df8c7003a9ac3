"""V802."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family, Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import provable
from pyiptables.lint.subject import Subject


class Missing(Check):
    """IPv4 is filtered, and there are no rules for IPv6.

    iptables' rules say nothing about IPv6: without any of ip6tables everything that arrives over it is accepted. Only
    information, for the rules may stand in another file, or the host may have no IPv6; of a host that is known to have no
    global IPv6 address nothing is said.

    Bad:
        (IPv4) :INPUT DROP
        (no rules for IPv6)

    Good:
        (IPv4) :INPUT DROP
        (IPv6) :INPUT DROP

    Suppress when:
        IPv6 is off, or its rules are kept elsewhere.
    """

    code = "V802"
    name = "no-ipv6-rules"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """INPUT of IPv4, when it drops and IPv6 has no table filter."""
        six = subject.readings.get(Family.IPV6)
        if six is not None and (six.ruleset.tables or not six.complete or six.lost):
            return
        host = subject.host
        links = host.interfaces if host is not None else ()
        owned = [own for link in links if not link.loopback for own in link.addresses if own.scope == 0]
        if owned and not any(own.family is Family.IPV6 for own in owned):
            return
        for family in provable(subject):
            if family is not Family.IPV4 or "filter" not in subject.ruleset(family).tables:
                continue
            if subject.ruleset(family).table("filter").chains[Hook.INPUT.name].policy == "DROP":
                known = [own for own in owned if own.family is Family.IPV6]
                note = "the host has a global IPv6 address" if known else ""
                place = subject.chain_place(family, "filter", Hook.INPUT.name)
                text = "INPUT drops what is not accepted, but only over IPv4: there are no rules for IPv6"
                yield self.found(place, text, proof=Proof(note=note), family=family)
