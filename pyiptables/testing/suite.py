"""A file of tests as it was read: where the firewall is, and the cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyiptables.hooks import Family
from pyiptables.testing.expectations import Expected
from pyiptables.testing.source import Source


@dataclass(frozen=True, slots=True)
class Packets:
    """A packet of a case, or several in one line, what is expected of the last, and how long after the one before it comes.

    ``after`` is in nanoseconds; ``line`` is where it stands in the file.
    """

    text: str
    expected: tuple[Expected, ...] = ()
    after: int = 0
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """A packet or a conversation, and what is expected of it. ``time`` is the clock in nanoseconds since 1970."""

    name: str
    line: int | None
    steps: tuple[Packets, ...]
    time: int = 0
    skip: str = ""

    @property
    def title(self) -> str:
        """Its name."""
        return self.name


@dataclass(frozen=True, slots=True)
class Claim:
    """A statement about all packets of a kind: ``[[nothing]]``, ``[[everything]]`` or ``[[services]]``.

    ``values`` are its keys as :mod:`pyiptables.testing.claims` reads them.
    """

    kind: str
    name: str
    line: int | None
    values: Any
    families: tuple[Family, ...]
    skip: str = ""

    @property
    def title(self) -> str:
        """Its name."""
        return self.name


@dataclass(frozen=True, slots=True)
class Suite:
    """A file of tests."""

    path: Path
    source: Source
    tests: tuple[Case | Claim, ...]
    seed: int = 0

    @property
    def label(self) -> str:
        """What messages call it: the path as it was given."""
        return str(self.path)

    def chosen(self, words: str) -> Iterator[Case | Claim]:
        """The tests whose name has each of the words in it, in either case; with ``not`` before a word, those without."""
        wanted, unwanted = _selection(words)
        for test in self.tests:
            name = test.title.casefold()
            if all(word in name for word in wanted) and not any(word in name for word in unwanted):
                yield test


def _selection(words: str) -> tuple[list[str], list[str]]:
    wanted: list[str] = []
    unwanted: list[str] = []
    into = wanted
    for word in words.casefold().split():
        if word == "not":
            into = unwanted
        elif word != "and":
            into.append(word)
            into = wanted
    return wanted, unwanted
