"""X001."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyiptables.lint.check import Check, like
from pyiptables.lint.finding import Finding, Place
from pyiptables.lint.settings import chosen
from pyiptables.lint.subject import Subject
from pyiptables.lint.suppress import Suppression


class UnusedSuppression(Check):
    """A suppression that suppresses nothing.

    The finding it was written for is gone, or it names a code that there is not, or stands above the wrong line. Left in
    place it would one day hide something new. Codes whose checks did not run are not judged.

    Bad:
        # pyipt: ignore[R308] kept until the old clients are gone
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Suppress when:
        the same text is used with other rules, where it is needed.
    """

    code = "X001"
    name = "unused-suppression"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Nothing: see :meth:`judge`."""
        yield from ()

    def judge(self, marks: Sequence[Suppression], ran: Sequence[str]) -> Iterator[Finding]:
        """The suppressions that covered nothing."""
        for mark in marks:
            place = Place(mark.source.path, mark.line, mark.column, mark.end_column, text=mark.source.line(mark.line))
            if mark.unknown:
                yield self.found(place, f"there is no check {mark.unknown[:80]}: {like(mark.unknown)}")
            elif not mark.used and _could_be_used(mark.codes, ran):
                yield self.found(place, f"nothing is found here that {_listed(mark.codes)} could keep silent")


def _could_be_used(codes: Sequence[str], ran: Sequence[str]) -> bool:
    """Whether checks that ran would have found what the codes are about; those about suppressions come later."""
    if any(each.startswith("X") for each in codes):
        return False
    return all(any(chosen(code, (each,)) for code in ran) for each in codes)


def _listed(codes: Sequence[str]) -> str:
    return f"ignore[{','.join(codes)}]" if codes else "ignore"
