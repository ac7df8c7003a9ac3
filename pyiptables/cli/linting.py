"""What ``pyipt lint`` does: reads settings and files, runs the checks, mends, and writes what was found."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import click

from pyiptables.cli.inputs import read_host
from pyiptables.cli.inputs import read_sets as read_given_sets
from pyiptables.cli.running import tell
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.ipset.sets import Sets
from pyiptables.lint import baseline, config, fixes
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.reading import read_subject
from pyiptables.lint.reporters import Context, reporter
from pyiptables.lint.runner import Report, run, wanted
from pyiptables.lint.settings import Settings
from pyiptables.lint.shown import WIDTH
from pyiptables.lint.sources import Source, hosts, read_source
from pyiptables.syntax.sets import KnownSets, read_sets

STDIN = "<stdin>"
"""What standard input is called."""
_PASSES = 10
"""How often mended files are looked at again: one fix can make room for another."""
_PATIENCE = 1.0
"""Seconds until a progress bar appears."""


class Job:
    """What one call of the command is to do."""

    def __init__(self, paths: Sequence[str], family: Family | None, options: dict[str, Any]) -> None:
        self.options = options
        self.family = family
        self.settings, self.others = self._settings()
        self.snapshots: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.problems: list[Error] = []
        self.families: dict[str, Family] = {}
        self.before: dict[str, str] = {}
        for path in self._files(paths):
            self._take(path)

    def run(self) -> int:
        """Do it; the exit status."""
        if not self.texts:
            return self._finish(Report())
        report = self._checked()
        if self.options["fix"] or self.options["diff"]:
            report = self._mended(report)
            if self.options["diff"]:
                return self._shown_difference()
        if self.options["write_baseline"]:
            self._write(self.options["write_baseline"], baseline.dump(report.findings))
            click.echo(f"{len(report.findings)} findings are known from now on", err=True)
            return 2 if self.problems else 0
        return self._finish(report)

    # settings and files

    def _settings(self) -> tuple[Settings, dict[str, str]]:
        given = self.options
        path = Path(given["config"]) if given["config"] else None
        if path is None and not given["isolated"]:
            path = config.find_config(Path.cwd())
        settings, others = config.read_config(path) if path is not None else (Settings(), {})
        changes: dict[str, Any] = {}
        if given["select"]:
            changes["select"] = config.codes(given["select"])
        if given["ignore"]:
            changes["ignore"] = settings.ignore + config.codes(given["ignore"])
        if given["extend_select"]:
            changes["extend"] = settings.extend + config.codes(given["extend_select"])
        if given["severity"]:
            changes["floor"] = config.severity("--severity", given["severity"])
        if given["kernel"]:
            changes["kernel"] = config.kernel("--kernel", given["kernel"])
        if given["must_reach"]:
            changes["must_reach"] = given["must_reach"]
        if given["listening"]:
            changes["listening"] = given["listening"]
        if given["noflush"]:
            changes["noflush"] = True
        if given["foreign"]:
            changes["judge_foreign"] = True
        return replace(settings, **changes), others

    def _files(self, paths: Sequence[str]) -> Iterator[str]:
        """The files that paths name; of a snapshot folder its rulesets."""
        for path in paths:
            if path == "-" or not os.path.isdir(path):
                yield path
                continue
            found = [os.path.join(path, f"rules.v{version}") for version in (4, 6)]
            found = [name for name in found if os.path.exists(name)]
            if not found:
                self.problems.append(
                    Error(f"{path} is no snapshot", hint="expected rules.v4 or rules.v6 in the folder")
                )
                continue
            self.snapshots.update(dict.fromkeys(found, path))
            for name, version in zip(found, (name[-1] for name in found), strict=True):
                self.families[name] = Family.IPV4 if version == "4" else Family.IPV6
            yield from found

    def _take(self, path: str) -> None:
        name = STDIN if path == "-" else path
        if name in self.texts:
            return
        try:
            text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape") if path == "-" else _text(path)
            read_source(name, None, text)
            self.texts[name] = text
        except Error as error:
            self.problems.append(error)

    def _sources(self) -> list[Source]:
        return [read_source(name, self.family or self.families.get(name), text) for name, text in self.texts.items()]

    # checking

    def _checked(self) -> Report:
        report = Report()
        groups = self._hosts()
        checks = wanted(self.settings)
        with _progress(len(groups) * (len(checks) + 1)) as step:
            for sources in groups:
                host, sets, given = self._facts(self.snapshots.get(sources[0].path))
                subject = read_subject(sources, self.settings, host=host, sets=sets, given=given)
                step("")
                report.add(run(subject, checks, step))
        report.findings.sort(key=lambda each: each.order)
        known = self.options["baseline"] or self.others.get("baseline")
        if known and not self.options["write_baseline"]:
            before = len(report.findings)
            report.findings = baseline.new(report.findings, baseline.read(known))
            report.known = before - len(report.findings)
        return report

    def _hosts(self) -> list[tuple[Source, ...]]:
        """The sources of each host: a snapshot is one, and what else is given says itself what belongs together."""
        groups: dict[str | None, list[Source]] = {}
        for source in self._sources():
            groups.setdefault(self.snapshots.get(source.path), []).append(source)
        apart = self.options["separate"]
        return [host for group in groups.values() for host in hosts(group, apart=apart)]

    def _facts(self, snapshot: str | None) -> tuple[Host | None, Sets | None, KnownSets | None]:
        """Host and sets: those of a snapshot, and those that options name."""
        host = read_host(snapshot, self.options["host"])
        sets = read_given_sets(snapshot, self.options["ipset"], 0)
        path = self.options["ipset"] or (str(Path(snapshot, "ipset.save")) if snapshot and sets else None)
        return host, sets, read_sets(path) if path is not None else None

    # mending

    def _mended(self, report: Report) -> Report:
        """Mend the texts as often as there is something to mend, and write the files unless only the difference is asked."""
        before = dict(self.texts)
        mended = 0
        for _ in range(_PASSES):
            done = 0
            for source in self._sources():
                edits, count = fixes.chosen(report.findings, source.path, unsafe=self.options["unsafe_fixes"])
                if edits:
                    self.texts[source.path] = "".join(fixes.edited(source.lines, edits))
                    done += count
            mended += done
            if not done:
                break
            report = self._checked()
        if self.options["diff"]:
            self.before = before
            return report
        for name, text in self.texts.items():
            if name == STDIN:
                sys.stdout.write(text)
            elif text != before[name]:
                self._write(name, text)
        if mended:
            click.echo(f"{mended} mended", err=True)
        return report

    def _shown_difference(self) -> int:
        changed = False
        for name, text in self.texts.items():
            difference = fixes.difference(name, _lines(self.before[name]), _lines(text))
            changed = changed or bool(difference)
            sys.stdout.write(difference)
        self._tell_problems()
        return 2 if self.problems else int(changed and not self.options["exit_zero"])

    # showing

    def _finish(self, report: Report) -> int:
        form = self.options["form"] or self.others.get("format") or "full"
        out = self._out()
        if self.options["output"]:
            self._write(self.options["output"], self._rendered(form, report))
        else:
            width = shutil.get_terminal_size().columns if out.isatty() else WIDTH
            out.write(self._rendered(form, report, coloured(out), min(width, WIDTH)))
        for name, path in self.options["reports"]:
            self._write(path, self._rendered(name, report))
        if form == "full" and not self.options["statistics"] and self.texts:
            out.write(summary(report))
        for note in report.notes:
            click.echo(f"pyipt: {note}", err=True)
        self._tell_problems()
        if self.problems:
            return 2
        return int(bool(report.findings) and not self.options["exit_zero"])

    def _out(self) -> TextIO:
        """Where findings are printed: not among the mended rules that go to standard output."""
        return sys.stderr if self.options["fix"] and STDIN in self.texts else sys.stdout

    def _rendered(self, form: str, report: Report, colour: bool = False, width: int = WIDTH) -> str:
        if self.options["statistics"]:
            return statistics(report.findings, form)
        return reporter(form)(report.findings, Context(tuple(self.texts), colour, width, self._traces()))

    def _traces(self) -> dict[tuple[str, Family | None], str]:
        """The calls of pyipt trace that load what a finding's file and family say, where one file or snapshot has it all."""
        found: dict[tuple[str, Family | None], str] = {}
        options = [(f"--{name}", self.options[name]) for name in ("ipset", "host") if self.options[name]]
        for sources in self._hosts():
            for source in sources:
                alone = sum(other.family is source.family for other in sources) == 1
                scripts = any(other.kind == "script" for other in sources)
                snapshot = self.snapshots.get(source.path)
                if alone and not scripts and source.path != STDIN and source.path.isprintable():
                    rules = [("--snapshot", snapshot)] if snapshot else [("--rules", source.path)]
                    words = [word for option in rules + options for word in option]
                    found[source.path, source.family] = shlex.join(["pyipt", "trace", *words])
        return found

    def _tell_problems(self) -> None:
        for error in self.problems:
            tell(error)

    @staticmethod
    def _write(name: str, text: str) -> None:
        try:
            with open(name, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise Error(f"cannot write {name}: {error.strerror}") from error


def statistics(findings: Sequence[Finding], form: str = "full") -> str:
    """How often each check found something, the most frequent first: lines, or a list of objects for ``json``."""
    counted = Counter((each.code, each.name, each.severity) for each in findings)
    rows = sorted(counted.items(), key=lambda row: (-row[1], row[0][0]))
    if form == "json":
        import json

        keys = ("code", "name", "severity", "count")
        counts = [dict(zip(keys, (code, name, level.label, count), strict=True)) for (code, name, level), count in rows]
        return json.dumps(counts, indent=2) + "\n"
    return "".join(f"{count:6} {code} {level.label:7} {name}\n" for (code, name, level), count in rows)


def summary(report: Report) -> str:
    """The last line: what was found, and what was not shown."""
    counted = Counter(each.severity for each in report.findings)
    words = [_many(counted[level], level.label) for level in reversed(Severity) if counted[level]]
    text = f"Found {', '.join(words)}" if words else "Nothing found"
    text += f" in {_many(report.files, 'file')}"
    hidden = sum(report.below.values())
    more = [f"{hidden} below the floor (--severity info)"] if hidden else []
    more += [f"{report.suppressed} suppressed"] if report.suppressed else []
    more += [f"{report.known} in the baseline"] if report.known else []
    mendable = sum(1 for each in report.findings if each.fix is not None and each.fix.safe)
    more += [f"{mendable} can be mended by --fix"] if mendable else []
    return f"{text}{'; ' if more else ''}{', '.join(more)}.\n"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 or word == "info" else f"{count} {word}s"


def coloured(stream: TextIO) -> bool:
    """Whether to colour what goes there: on a terminal, or where FORCE_COLOR asks for it; never where NO_COLOR is set."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def _text(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "surrogateescape")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file can have that name"
        raise Error(f"cannot read {path}: {reason}") from error


def _lines(text: str) -> list[str]:
    lines = [f"{part}\n" for part in text.split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A function to call at each step; a bar on standard error where that is a terminal and it takes long."""
    if not sys.stderr.isatty():
        yield lambda code: None
        return
    bar: list[Any] = []
    began, done = time.monotonic(), 0

    def step(code: str) -> None:
        nonlocal done
        done += 1
        if not bar and time.monotonic() - began > _PATIENCE:
            from rich.console import Console
            from rich.progress import Progress

            shown = Progress(console=Console(stderr=True), transient=True)
            shown.start()
            bar.extend((shown, shown.add_task("checking", total=total)))
        if bar:
            bar[0].update(bar[1], completed=done, description=f"checking {code}")

    try:
        yield step
    finally:
        if bar:
            bar[0].stop()
