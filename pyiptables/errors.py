"""The errors of the project: one base, carrying text, place in the source and a hint."""

from __future__ import annotations


class Error(Exception):
    """Something from outside is not as it must be.

    ``text`` is the whole message for a user. ``source`` names the file, ``line`` and ``column`` count from 1,
    ``snippet`` is the line itself; ``hint`` says what was expected or the nearest spelling. All but the text may be None.
    """

    def __init__(
        self,
        text: str,
        *,
        source: str | None = None,
        line: int | None = None,
        column: int | None = None,
        snippet: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(text)
        self.text = text
        self.source = source
        self.line = line
        self.column = column
        self.snippet = snippet
        self.hint = hint

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.source, self.line, self.column) if part is not None)
        return f"{place}: {self.text}" if place else self.text


class CaptureError(Error):
    """A capture file is not what its format says."""


class HostError(Error):
    """A snapshot or host file is broken, or names something that is not there."""


class PacketError(Error):
    """A typed packet cannot be read or built."""


class ParameterProblem(Error):
    """The words of a command or rule are wrong (exit status 2). A newline at the end of the text is iptables' own."""


class OperationFailed(Error):
    """What was asked cannot be done with this ruleset (exit status 1): the kernel or libiptc refuses it."""


class TableMissing(Error):
    """There is no such table (exit status 3)."""


class Locked(Error):
    """Somebody else holds the lock on the ruleset file (exit status 4)."""
