"""Reading a file of tests, which is TOML.

    snapshot = "rulesets/home-router"       # or: rules, rules6, host, ipset; paths beside this file

    [[case]]
    name = "web to the NAS from outside"
    packet = "eth0: 198.51.100.7:40000 > 203.0.113.10:443 tcp S"
    verdict = "ACCEPT"
    rule = "NAS: web"

    [[case]]
    name = "and its answer"
    conversation = ["eth0: 198.51.100.7:40000 > 203.0.113.10:443 tcp S", "reply S."]
    ctstate = "ESTABLISHED"

    [[nothing]]
    from = "203.0.113.0/24"
    hook = "INPUT"
    except = ["tcp/443"]

pyipt(1) names all keys. Errors name file, line, table and the nearest spelling.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from pyiptables.errors import Error
from pyiptables.host import Host
from pyiptables.packet.typed_words import nearest
from pyiptables.reports.positions import Positions, syntax_error
from pyiptables.testing import claims
from pyiptables.testing.expectations import KEYS, Expected, expected_from, kind_of
from pyiptables.testing.rulenames import read_rule_name
from pyiptables.testing.source import Source
from pyiptables.testing.steps import leans, read_packets
from pyiptables.testing.suite import Case, Claim, Packets, Suite

SOURCES = ("snapshot", "rules", "rules6", "host", "ipset")
TOP = (*SOURCES, "seed", "time", "case", *claims.KINDS)
CASE = ("name", "packet", "conversation", "time", "skip")
STEP = ("packet", "after")
LARGEST_FILE = 16 << 20
LARGEST_TIME = 1 << 62
SECOND = 1_000_000_000
_QUOTED = re.compile(r"([\"'])(.+?)\1")


class TestFileError(Error):
    """A file of tests cannot be read: not TOML, an unknown key, a value of the wrong kind, a packet that is none."""

    __test__ = False


def read_suite(path: str | Path) -> Suite:
    """Read a file of tests; TestFileError names file, line and what was expected there."""
    path = Path(path)
    text = _read(path)
    return _Reading(path, text).suite()


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise TestFileError(f"cannot read it: {reason}", source=str(path)) from error
    if len(data) > LARGEST_FILE:
        raise TestFileError(f"it is larger than {LARGEST_FILE >> 20} MB", source=str(path))
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise TestFileError(f"this is not UTF-8 text (byte {error.start})", source=str(path)) from error


class _Reading:
    """One file while it is read."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.positions = Positions(text)
        self.values = self._parsed(text)
        self.folder = path.parent

    def error(self, text: str, line: int | None, hint: str | None = None) -> TestFileError:
        """A complaint about a value that begins in a line: at the word that the complaint quotes, where that is there."""
        quoted = _QUOTED.search(text)
        return self._error(text, *self.positions.place(line, quoted[2] if quoted is not None else ""), hint)

    def _error(self, text: str, line: int | None, column: int | None, hint: str | None = None) -> TestFileError:
        snippet = self.positions.snippet(line)
        return TestFileError(text, source=str(self.path), line=line, column=column, snippet=snippet, hint=hint)

    def _parsed(self, text: str) -> dict[str, Any]:
        try:
            return tomllib.loads(text)
        except RecursionError:
            raise self.error("the TOML is nested too deeply", None) from None
        except ValueError as error:
            said, line, column = syntax_error(error, text)
            raise self._error(f"this is not TOML: {said}", line, column) from None

    # the file

    def suite(self) -> Suite:
        """All of it."""
        self.only(self.values, TOP, "", 0)
        start = self.clock(self.values.get("time", 0), "", 0)
        seed = self.values.get("seed", 0)
        if isinstance(seed, bool) or not isinstance(seed, int):
            raise self.error(f"seed must be a number, not {kind_of(seed)}", self.positions.line("", 0, "seed"))
        source = self.source()
        tests: list[Case | Claim] = [self.case(entry, index, start) for index, entry in enumerate(self.tables("case"))]
        for kind in claims.KINDS:
            tests += [self.claim(kind, entry, index, source) for index, entry in enumerate(self.tables(kind))]
        if not tests:
            raise self.error("there is no test in this file", None, 'expected a table "[[case]]"')
        tests.sort(key=lambda test: test.line or 0)
        return Suite(self.path, source, tuple(tests), seed)

    def only(self, values: Mapping[str, Any], known: tuple[str, ...], table: str, index: int) -> None:
        """Complain about a key that is not known."""
        for key in values:
            if key not in known:
                where = f"in {table} " if table else ""
                hint = nearest(key, known) or f"known are {', '.join(known)}"
                raise self.error(f'nothing {where}is called "{key[:80]}"', self.positions.line(table, index, key), hint)

    def tables(self, name: str) -> list[dict[str, Any]]:
        """The tables of a name, ``[[name]]``, or one, ``[name]``."""
        found = self.values.get(name, [])
        found = [found] if isinstance(found, dict) else found
        if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
            raise self.error(
                f"{name} must be a table", self.positions.line("", 0, name), f'expected "[[{name}]]" above its keys'
            )
        return found

    def source(self) -> Source:
        """Where the firewall is."""
        paths = {key: self.file(key, self.values[key]) for key in SOURCES if key in self.values and key != "host"}
        if not paths.keys() & {"snapshot", "rules", "rules6"}:
            raise self.error(
                "the file does not say which ruleset it tests", None, 'expected snapshot = "FOLDER" or rules = "FILE"'
            )
        if "snapshot" in paths and not paths["snapshot"].is_dir():
            raise self.error(f"{paths['snapshot']} is no folder", self.positions.line("", 0, "snapshot"))
        host = self.values.get("host")
        if isinstance(host, dict):
            found: Path | Host | None = Host.from_values(host, "host", str(self.path))
        else:
            found = self.file("host", host) if host is not None else None
        return Source(paths.get("snapshot"), paths.get("rules"), paths.get("rules6"), paths.get("ipset"), host=found)

    def file(self, key: str, value: Any) -> Path:
        """A path, relative to the file's own folder."""
        line = self.positions.line("", 0, key)
        if not isinstance(value, str):
            raise self.error(f"{key} must be the name of a file, not {kind_of(value)}", line)
        with suppress(OSError, ValueError):
            path = self.folder / value
            if path.exists():
                return path
        raise self.error(
            f"there is no {self.folder / value}",
            line,
            "paths are relative to this file's folder",
        )

    # cases

    def case(self, entry: Mapping[str, Any], index: int, start: int) -> Case:
        """A case."""
        line = self.positions.line("case", index)
        self.only(entry, CASE + KEYS, "case", index)
        name = self.name(entry, "case", index)
        last = self.expected({key: entry[key] for key in KEYS if key in entry}, index)
        if ("packet" in entry) == ("conversation" in entry):
            raise (
                self.error(f"case {name!r} has no packet", line, "expected packet = or conversation = [ ... ]")
                if "packet" not in entry
                else self.error(
                    f"case {name!r} has a packet and a conversation",
                    line,
                    "the conversation's last packet is the one that counts",
                )
            )
        key = "packet" if "packet" in entry else "conversation"
        values = [entry["packet"]] if key == "packet" else entry["conversation"]
        if not isinstance(values, list) or not values:
            raise self.error(
                f"conversation must be a list of packets, not {kind_of(values)}",
                self.positions.line("case", index, key),
            )
        steps = [self.step(value, index, key, first=place == 0) for place, value in enumerate(values)]
        steps[-1] = Packets(steps[-1].text, steps[-1].expected + last, steps[-1].after, steps[-1].line)
        if not any(step.expected for step in steps):
            raise self.error(
                f"case {name!r} expects nothing", line, 'expected verdict = "ACCEPT", or another of ' + ", ".join(KEYS)
            )
        self.check_rules(steps, index)
        time = self.clock(entry["time"], "case", index) if "time" in entry else start
        return Case(name, line, tuple(steps), time, self.skip(entry, "case", index))

    def step(self, value: Any, index: int, key: str, *, first: bool) -> Packets:
        """A packet, as text or as a table with what is expected of it."""
        line = self.positions.line("case", index, key)
        after = 0
        expected: tuple[Expected, ...] = ()
        if isinstance(value, dict):
            self.only(value, STEP + KEYS, "case", index)
            expected = self.expected({key: value[key] for key in KEYS if key in value}, index)
            after = self.seconds(value.get("after", 0), line)
            value = value.get("packet")
        if not isinstance(value, str):
            raise self.error(
                f"a packet must be a text, not {kind_of(value)}" if value is not None else "a packet is missing", line
            )
        if leans(value) and first:
            raise self.error(f"{value!r} comes first: there is no packet to lean on", line)
        if not leans(value):
            try:
                packets = read_packets(value)
            except Error as error:
                raise self.packet_error(error, value, line) from None
            if len({packet.family for packet in packets}) > 1:
                raise self.error("a conversation's packets are all IPv4 or all IPv6", line)
        return Packets(value, expected, after, line)

    def packet_error(self, error: Error, value: str, line: int | None) -> TestFileError:
        """What is wrong with a packet, at its place in the text where the file has that as it is."""
        text = f"{error.text} in the packet {value[:200]!r}{_at(error)}"
        at, column = self.positions.place(line, value)
        if column is not None and at is not None and self.positions.lines[at - 1].startswith(value, column - 1):
            column += (error.column or 1) - 1
        return self._error(text, at, column, error.hint)

    def expected(self, values: Mapping[str, Any], index: int) -> tuple[Expected, ...]:
        """What is expected of a packet."""
        found: list[Expected] = []
        for key, value in values.items():
            try:
                found += expected_from({key: value})
            except Error as error:
                raise self.error(error.text, self.positions.line("case", index, key), error.hint) from None
        return tuple(found)

    def check_rules(self, steps: list[Packets], index: int) -> None:
        """Rules that are named are named rightly."""
        first = read_packets(steps[0].text)[0]
        for step in steps:
            for one in step.expected:
                for text in (one.value,) if one.key == "rule" else one.value if one.key == "matched" else ():
                    try:
                        read_rule_name(text, first.family)
                    except Error as error:
                        line = self.positions.line("case", index, one.key)
                        raise self.error(f"{one.key}: {error.text.strip()}", line, error.hint) from None

    # claims

    def claim(self, kind: str, entry: Mapping[str, Any], index: int, source: Source) -> Claim:
        """A statement about all packets of a kind."""
        self.only(entry, ("name", "skip", *claims.KEYS[kind]), kind, index)
        line = self.positions.line(kind, index)
        try:
            values = claims.read(kind, {key: entry[key] for key in entry if key not in ("name", "skip")})
        except claims.ClaimError as error:
            raise self.error(error.text, self.positions.line(kind, index, error.key), error.hint) from None
        families = claims.families_of(values, source.families)
        name = self.name(entry, kind, index, default=claims.title(kind, values))
        return Claim(kind, name, line, values, families, self.skip(entry, kind, index))

    # values

    def name(self, entry: Mapping[str, Any], table: str, index: int, default: str = "") -> str:
        """A test's name; the packet where a case has none."""
        packet = entry.get("packet", "")
        name = entry.get("name", default or (packet if isinstance(packet, str) else "")) or f"{table} {index + 1}"
        if not isinstance(name, str):
            raise self.error(f"name must be a text, not {kind_of(name)}", self.positions.line(table, index, "name"))
        return " ".join(name.split())[:200]

    def skip(self, entry: Mapping[str, Any], table: str, index: int) -> str:
        """Why a test is left out; empty where it is not."""
        reason = entry.get("skip", "")
        if not isinstance(reason, str):
            raise self.error(
                f"skip must be the reason, a text, not {kind_of(reason)}", self.positions.line(table, index, "skip")
            )
        return reason

    def clock(self, value: Any, table: str, index: int) -> int:
        """A TOML date with time, or seconds since 1970, in nanoseconds; without a zone it is UTC."""
        line = self.positions.line(table, index, "time")
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if isinstance(value, datetime):
            value = (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
        return self.seconds(value, line, "time", "a date with time, or seconds since 1970")

    def seconds(self, value: Any, line: int | None, key: str = "after", expected: str = "seconds, 0 or more") -> int:
        """Seconds in nanoseconds."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < LARGEST_TIME // SECOND:
            raise self.error(f"{key} must be {expected}, not {kind_of(value)}", line)
        return round(value * SECOND)


def _at(error: Error) -> str:
    return f", column {error.column}" if error.column is not None else ""
