"""W115."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject

SOURCES = (("MASQUERADE", "--to-ports"), ("SNAT", "--to-source"))


class SinglePort(Check):
    """Source translation to one single port.

    All connections leave with the same source port. The second one to the same address and port has no tuple left: its
    packets are dropped.

    Bad:
        -A POSTROUTING -o eth0 -p tcp -j MASQUERADE --to-ports 1024

    Good:
        -A POSTROUTING -o eth0 -p tcp -j MASQUERADE --to-ports 1024-65535

    Suppress when:
        there is one client, and one connection at a time.
    """

    code = "W115"
    name = "single-source-port"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules that translate so, but for those that one source port alone can match."""
        for target, option in SOURCES:
            for rule in subject.using(target):
                request = getattr(rule.spec.target, "request", None)
                ports = request.ports if request is not None else None
                if ports is None or ports[0] != ports[1] or _one_port(rule.spec.matches):
                    continue
                yield self.at(subject, rule, f"all connections share the source port {ports[0]}", option=option)


def _one_port(matches: tuple[object, ...]) -> bool:
    """Whether the rule is about one source port, which then stays as it is for each client."""
    for match in matches:
        ports = getattr(match, "values", {}).get("sport")
        if ports is not None and "sport" not in getattr(match, "inverted", ()):
            return True
    return False
