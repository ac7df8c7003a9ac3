"""L602."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.proofs import beginning, provable
from pyiptables.lint.services import service
from pyiptables.lint.subject import Subject


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
        for text in subject.settings.must_reach:
            wanted = service(text)
            for family in provable(subject):
                if not wanted.speaks(family):
                    continue
                reach = subject.reach(family)
                accepted = reach.verdict_at(Hook.INPUT, "ACCEPT").may
                if not accepted & beginning(reach, f"{wanted.words} ! -i lo", "filter"):
                    table = subject.ruleset(family).table("filter")
                    place = subject.chain_place(family, table.name, "INPUT")
                    yield self.found(place, f"no new connection to {wanted.text} is accepted by INPUT", family=family)
