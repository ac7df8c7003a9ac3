"""What ``pyipt lint`` does: reads settings and files, runs the checks, mends, and writes what was found."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pyiptables.cli.inputs import read_host
from pyiptables.cli.inputs import read_sets as read_given_sets
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
from pyiptables.lint.sources import Source, hosts, read_source
from pyiptables.syntax.sets import KnownSets, read_sets

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
        self.snapshot: str | None = None
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
            self.snapshot = path
            for name, version in zip(found, (name[-1] for name in found), strict=True):
                self.families[name] = Family.IPV4 if version == "4" else Family.IPV6
            yield from found

    def _take(self, path: str) -> None:
        name = "<stdin>" if path == "-" else path
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
        host, sets, given = self._facts()
        report = Report()
        groups = hosts(self._sources(), apart=self.options["separate"])
        checks = wanted(self.settings)
        with _progress(len(groups) * (len(checks) + 1)) as step:
            for sources in groups:
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

    def _facts(self) -> tuple[Host | None, Sets | None, KnownSets | None]:
        host = read_host(self.snapshot, self.options["host"])
        sets = read_given_sets(self.snapshot, self.options["ipset"], 0)
        path = self.options["ipset"] or (str(Path(self.snapshot, "ipset.save")) if self.snapshot and sets else None)
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
            if text != before[name] and name != "<stdin>":
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
        if self.options["statistics"]:
            text = statistics(report.findings)
        else:
            colour = self.options["output"] is None and _coloured()
            text = reporter(form)(report.findings, Context(tuple(self.texts), colour))
        if self.options["output"]:
            self._write(self.options["output"], text)
        else:
            sys.stdout.write(text)
        if form == "full" and not self.options["statistics"] and self.texts:
            sys.stdout.write(summary(report))
        for note in report.notes:
            click.echo(f"pyipt: {note}", err=True)
        self._tell_problems()
        if self.problems:
            return 2
        return int(bool(report.findings) and not self.options["exit_zero"])

    def _tell_problems(self) -> None:
        for error in self.problems:
            click.echo(f"pyipt: {error}", err=True)
            if error.hint:
                click.echo(f"  {error.hint}", err=True)

    @staticmethod
    def _write(name: str, text: str) -> None:
        try:
            with open(name, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise Error(f"cannot write {name}: {error.strerror}") from error


def statistics(findings: Sequence[Finding]) -> str:
    """How often each check found something, the most frequent first."""
    counted = Counter((each.code, each.name, each.severity) for each in findings)
    rows = sorted(counted.items(), key=lambda row: (-row[1], row[0][0]))
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


def _coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


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
