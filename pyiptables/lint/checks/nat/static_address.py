"""N408."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.host import Scope
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import Subject
from pyiptables.packet.addresses import to_text


class StaticAddress(Check):
    """MASQUERADE on an interface that has one address.

    MASQUERADE looks the interface's address up for every connection, and forgets all connections when the interface goes
    down. With an address that does not change SNAT does the same for less, and connections outlast a cable that is pulled.
    A matter of style: off unless asked for, and only said of a known host. Whether the address is a fixed one the host's
    own settings say.

    Bad:
        -A POSTROUTING -o eth0 -j MASQUERADE

    Good:
        -A POSTROUTING -o eth0 -j SNAT --to-source 192.0.2.1

    Suppress when:
        the address comes by DHCP or PPP.
    """

    code = "N408"
    name = "masquerade-fixed-address"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules whose interface has one global address."""
        for rule in subject.using("MASQUERADE"):
            out = rule.spec.out_interface
            link = None if subject.host is None or out is None or out.invert else subject.host.interface(out.name)
            if link is None or link.loopback or "POINTOPOINT" in link.flags:
                continue
            own = [each for each in link.addresses if each.family is rule.family and each.scope == Scope.GLOBAL]
            if len(own) == 1:
                address = to_text(own[0].address, rule.family)
                text = f"{link.name} has the one address {address}: SNAT --to-source would do"
                yield self.at(subject, rule, text, word="MASQUERADE")
