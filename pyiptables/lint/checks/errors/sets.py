"""E012."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.subject import Refused, Subject


class UnknownSet(RefusalCheck):
    """A set that is not there, is for the other family, or is asked with too few of src and dst.

    Looked at only where the sets are given: ``--ipset FILE``, or ``ipset.save`` of a snapshot. A rule that names a set that
    does not exist is refused; one that gives fewer sides than the set has parts is taken, and never finds anything (a
    warning).

    Bad:
        -A INPUT -m set --match-set blocklst src -j DROP

    Good:
        -A INPUT -m set --match-set blocklist src -j DROP

    Suppress when:
        the set is made later than the dump that is given, and before the rules are loaded.
    """

    code = "E012"
    name = "unknown-set"

    def claims(self, refused: Refused) -> bool:
        """What is said of sets."""
        message = refused.refusal.message
        return message.startswith(("Set ", "The protocol family of set "))

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The refusals, then the warnings about sides."""
        yield from super().run(subject)
        for family in subject.families:
            for source, warned in subject.readings[family].warned:
                if warned.message.startswith("Warning: set "):
                    place = subject.line_place(source, warned.line)
                    text = warned.message.removeprefix("Warning: ").removesuffix(".")
                    yield self.found(place, text, family=family, severity=Severity.WARNING)
