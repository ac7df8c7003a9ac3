"""What came of tests: passed or not, and what to say about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from pyiptables.testing.expectations import Difference
from pyiptables.testing.outcome import Outcome
from pyiptables.testing.suite import Case, Claim, Suite


class Status(Enum):
    """How a test ended. UNKNOWN: what is not modelled decides, so that nobody can say."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"

    @property
    def good(self) -> bool:
        """Whether it leaves the exit status 0."""
        return self in (Status.PASSED, Status.SKIPPED)


@dataclass(frozen=True, slots=True)
class Failure:
    """Something of a test that does not hold: differences, and the packet whose trace shows why.

    ``where`` says which packet of a conversation, ``note`` what there is besides; ``line`` is where it stands in the file;
    ``unsure`` says that nobody can say.
    """

    differences: tuple[Difference, ...] = ()
    outcome: Outcome | None = None
    where: str = ""
    note: str = ""
    line: int | None = None
    packet: str = ""
    unsure: bool = False

    @property
    def unknown(self) -> bool:
        """Whether nothing is wrong but that what is not modelled decided."""
        return self.unsure or (bool(self.differences) and all(one.key == "known" for one in self.differences))

    def summary(self) -> str:
        """In a line."""
        texts = [f"{one.key}: expected {one.expected}, got {one.actual}" for one in self.differences]
        return "; ".join(filter(None, (self.where, *texts, self.note)))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one test. ``seconds`` is how long it took; ``assumed`` what had to be assumed for it."""

    suite: Suite
    test: Case | Claim
    status: Status
    failures: tuple[Failure, ...] = ()
    seconds: float = 0.0
    assumed: tuple[str, ...] = field(default=())

    def summary(self) -> str:
        """Why it did not pass, in a line; why it was skipped; else empty."""
        if self.status is Status.SKIPPED:
            return self.test.skip
        return "; ".join(failure.summary() for failure in self.failures)
