"""X002."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Place
from pyiptables.lint.subject import Subject
from pyiptables.lint.suppress import Suppression


class SuppressionWithoutReason(Check):
    """A suppression that does not say why.

    Whoever reads it next year cannot tell whether it still holds.

    Bad:
        # pyipt: ignore[R303]
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        # pyipt: ignore[R303] the rules below come back when the audit is over
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Suppress when:
        never: write the reason.
    """

    code = "X002"
    name = "suppression-without-reason"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Nothing: see :meth:`judge`."""
        yield from ()

    def judge(self, marks: Sequence[Suppression], ran: Sequence[str]) -> Iterator[Finding]:
        """The suppressions without a reason."""
        for mark in marks:
            if not mark.reason:
                place = Place(
                    mark.source.path, mark.line, mark.column, mark.end_column, text=mark.source.line(mark.line)
                )
                yield self.found(place, "say why: the reason stands behind the codes")
