"""The files that are looked at: what kind each is, of which family, and which of them belong to one host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pyiptables.errors import Error
from pyiptables.hooks import Family

LONGEST = 1 << 28
"""Bytes of the longest file that is read."""
_TABLE = re.compile(r"^\*([A-Za-z]+)[ \t\r]*$", re.MULTILINE)
_COMMAND = re.compile(r"^[ \t]*(?:sudo[ \t]+|exec[ \t]+)?[^\s#=]*\bip6?tables\b[\w-]*[ \t]", re.MULTILINE)
_ASSIGNED = re.compile(r"^[ \t]*(?:export[ \t]+)?\w+=[\"']?\S*ip6?tables\b", re.MULTILINE)
_V6 = re.compile(
    r"(?:-[sd]|--(?:src|dst|source|destination|to|to-source|to-destination|[ds]rc-range))[ \t]+\[?[0-9A-Fa-f]*:[0-9A-Fa-f:]*:"
    r"|icmpv6|ipv6-icmp|icmp6|-m[ \t]+(?:rt|hbh|dst|frag|ipv6header|hl|mh)\b"
)
_V4 = re.compile(
    r"(?:-[sd]|--(?:src|dst|source|destination|to|to-source|to-destination|[ds]rc-range))[ \t]+\d+\.\d+\.\d+\.\d+"
    r"|-p[ \t]+icmp\b|-m[ \t]+(?:icmp|ttl)\b|icmp-(?:port|host|net|proto|admin)"
)
_V6_NAME = re.compile(
    r"(?:^|[^a-z0-9])(?:v6|ipv6|6)(?:[^a-z0-9]|$)|ip6tables|user6|before6|after6|\.v6|rules6", re.IGNORECASE
)
_VERSION = re.compile(r"ip6tables|(?<![0-9])[._-]?(?:ipv?|v)?[46](?![0-9])|iptables", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Source:
    """A file: its name as given, its lines each with its line break, its kind and family.

    ``kind`` is ``save`` for what iptables-save writes, ``script`` for shell commands. ``family`` is None for a script,
    whose commands say it. ``crlf``: lines ended in carriage returns, which are taken off here.
    """

    path: str
    lines: tuple[str, ...]
    kind: str
    family: Family | None
    crlf: bool = False
    certain: bool = False
    """Whether the family was said, and is not what the file seems to be of."""

    def line(self, number: int) -> str:
        """The line of that number without its line break; empty when there is none."""
        return self.lines[number - 1].rstrip("\n") if 0 < number <= len(self.lines) else ""

    @property
    def tables(self) -> frozenset[tuple[Family | None, str]]:
        """The tables it says something about."""
        if self.kind == "script":
            return frozenset(((None, "script"),))
        return frozenset((self.family, name) for name in _TABLE.findall("".join(self.lines)))


def read_source(path: str, family: Family | None = None, text: str | None = None) -> Source:
    """A file as a source, of the family given or the one that it seems to be of; Error when it cannot be read."""
    if text is None:
        text = _text(path)
    if "\0" in text[:4096]:
        raise Error(f"{path} is no text", hint="expected what iptables-save writes, or a shell script")
    crlf = _is_crlf(text)
    if crlf:
        text = text.replace("\r\n", "\n")
    lines = tuple(_lines(text))
    kind = _kind(text)
    if kind == "script":
        return Source(path, lines, kind, None, crlf)
    return Source(path, lines, kind, family or _family(text, path), crlf, family is not None)


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            raw = file.read(LONGEST + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have that name"
        raise Error(f"cannot read {path}: {reason}") from error
    if len(raw) > LONGEST:
        raise Error(f"{path} is too long for a ruleset")
    return raw.decode("utf-8", "surrogateescape")


def _lines(text: str) -> list[str]:
    parts = text.split("\n")
    lines = [part + "\n" for part in parts[:-1]]
    return [*lines, parts[-1]] if parts[-1] else lines


def _is_crlf(text: str) -> bool:
    """Whether the file's line that opens a table, or its first one, ends in CR LF."""
    return bool(re.search(r"^(?:\*[a-z]+|COMMIT|#!.*)\r$", text, re.MULTILINE))


def _kind(text: str) -> str:
    if text.startswith("#!"):
        return "script"
    if _TABLE.search(text):
        return "save"
    return "script" if _COMMAND.search(text) or _ASSIGNED.search(text) else "save"


def _family(text: str, path: str) -> Family:
    text = "\n".join(line for line in text.split("\n") if not line.startswith("#"))
    six, four = len(_V6.findall(text)), len(_V4.findall(text))
    if six != four:
        return Family.IPV6 if six > four else Family.IPV4
    return Family.IPV6 if _V6_NAME.search(Path(path).name) else Family.IPV4


def hosts(sources: Sequence[Source], *, apart: bool = False) -> list[tuple[Source, ...]]:
    """The sources, those of one host together.

    Files that say nothing twice, no table of a family, are one host. Of others, those are that stand in one folder and
    whose names differ in the version of IP alone; each of the rest is a host of its own, as all are with ``apart``.
    """
    if apart:
        return [(source,) for source in sources]
    if _disjoint(sources):
        return [tuple(sources)] if sources else []
    groups: dict[tuple[str, str], list[Source]] = {}
    for source in sources:
        path = Path(source.path)
        groups.setdefault((str(path.parent), _VERSION.sub("", path.name)), []).append(source)
    found: list[tuple[Source, ...]] = []
    for group in groups.values():
        found += [tuple(group)] if _disjoint(group) else [(source,) for source in group]
    return found


def _disjoint(sources: Iterable[Source]) -> bool:
    seen: set[tuple[Family | None, str]] = set()
    for source in sources:
        if not seen.isdisjoint(source.tables):
            return False
        seen |= source.tables
    return True
