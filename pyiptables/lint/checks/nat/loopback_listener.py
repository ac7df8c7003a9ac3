"""N407."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.lint import translated
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import provable
from pyiptables.lint.subject import Subject

LOOPBACK = 127


class LoopbackListener(Check):
    """REDIRECT and DNAT of what arrives, to a service that listens on 127.0.0.1.

    REDIRECT gives packets that arrive the address of the interface that they came by, not 127.0.0.1: a service that
    listens on 127.0.0.1 alone never sees them. DNAT to 127.0.0.1 is dropped by routing unless ``route_localnet`` is on
    for that interface; where a snapshot says that it is off everywhere, that is a warning.

    Bad:
        -A PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination 127.0.0.1:8080

    Good:
        -A PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination 192.0.2.1:8080

    Suppress when:
        the service listens on all addresses, or route_localnet is on.
    """

    code = "N407"
    name = "loopback-listener"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """REDIRECT as a remark, DNAT to 127.0.0.0/8 by the facts."""
        for family in provable(subject):
            for rule in translated.redirecting(subject, family, "REDIRECT"):
                name = rule.spec.in_interface
                if name is None or name.name != "lo":
                    text = "packets go to the address of the interface they came by: a listener on loopback gets none"
                    yield self.at(subject, rule, text, word="REDIRECT")
            for rule in translated.redirecting(subject, family, "DNAT"):
                chosen = translated.goal(rule)
                if family is Family.IPV4 and chosen is not None and {end >> 24 for end in chosen} == {LOOPBACK}:
                    off = _off(subject)
                    if off is False:
                        continue
                    text = "what arrives and is sent to loopback is dropped by routing unless route_localnet is on"
                    note = "route_localnet is off on every interface of the snapshot" if off else ""
                    severity = Severity.WARNING if off else Severity.INFO
                    yield self.at(subject, rule, text, word="DNAT", proof=Proof(note=note), severity=severity)


def _off(subject: Subject) -> bool | None:
    """Whether routing refuses loopback's addresses on all interfaces; None where that is not known."""
    host = subject.host
    if host is None:
        return None
    links = [link.name for link in host.interfaces if not link.loopback]
    values = [host.sysctl(f"net/ipv4/conf/{name}/route_localnet", -1) for name in ("all", *links)]
    if any(value > 0 for value in values):
        return False
    return None if -1 in values else True
