"""L602."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pyiptables.errors import Error
from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.proofs import beginning, provable
from pyiptables.lint.subject import Subject

_SERVICE = re.compile(r"(tcp|udp|sctp)/(\d{1,5})(?:@(\S+))?$")


class NoPath(Check):
    """A service that must stay reachable has no accepted way to it.

    ``--must-reach tcp/22`` (``must-reach`` in the settings), with ``@NETWORK`` for where it must be reachable from. All
    ways are followed, through raw, mangle, nat and filter; the service counts as reachable when any new connection to it
    from another host may be accepted.

    Bad:
        :INPUT DROP [0:0]
        -A INPUT -i lo -j ACCEPT

    Good:
        :INPUT DROP [0:0]
        -A INPUT -i lo -j ACCEPT
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Suppress when:
        never: take the service from the list.
    """

    code = "L602"
    name = "no-way-in"
    severity = Severity.ERROR

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The services of the settings that nobody reaches."""
        for service in subject.settings.must_reach:
            found = _SERVICE.match(service)
            if found is None:
                raise Error(f"{service} is no service", hint="expected tcp/22, or tcp/22@192.0.2.0/24")
            protocol, port, network = found.groups()
            for family in provable(subject):
                if network is not None and (":" in network) is not (family.version == 6):
                    continue
                words = f"-p {protocol} --dport {port} ! -i lo"
                words += f" -s {network}" if network is not None else ""
                reach = subject.reach(family)
                accepted = reach.verdict_at(Hook.INPUT, "ACCEPT").may
                if not accepted & beginning(reach, words, "filter"):
                    table = subject.ruleset(family).table("filter")
                    place = subject.chain_place(family, table.name, "INPUT")
                    whence = f" from {network}" if network is not None else ""
                    text = f"no new connection to {protocol}/{port}{whence} is accepted by INPUT"
                    yield self.found(place, text, family=family)
