"""What a check finds: where, what, how sure, and what could be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from pyiptables.hooks import Family


class Severity(IntEnum):
    """How much a finding matters; a floor keeps the lesser ones silent."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    @property
    def label(self) -> str:
        """The word for it: info, warning, error."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding stands: a file with line and columns from 1, and the rule or chain it is about, if any.

    ``end_column`` is the column after the last character, 0 for the line's end. ``text`` is the line itself.
    ``number`` is that of a rule in its chain, 0 for none.
    """

    file: str
    line: int
    column: int = 1
    end_column: int = 0
    table: str = ""
    chain: str = ""
    number: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a finding is true: the rules that cover, a packet in the notation that ``pyipt trace`` takes, a remark."""

    covering: tuple[Place, ...] = ()
    witness: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one line: the characters from ``column`` up to ``end_column`` become ``text``; None takes the line away."""

    file: str
    line: int
    column: int
    end_column: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Fix:
    """What would mend it; ``safe`` when every packet fares as before, or as was meant where nothing could be loaded."""

    description: str
    safe: bool
    edits: tuple[Edit, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding of one check."""

    code: str
    name: str
    severity: Severity
    message: str
    place: Place
    proof: Proof = Proof()
    fix: Fix | None = None
    family: Family | None = None

    @property
    def order(self) -> tuple[str, int, int, str, str]:
        """By file, line, column, code."""
        return (self.place.file, self.place.line, self.place.column, self.code, self.message)
