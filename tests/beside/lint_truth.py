"""What lint says of lines, held against iptables itself: lint_truth.py PROGRAM FILE...

PROGRAM runs iptables 1.8.13 under the names that follow it. Files are what iptables-save writes, or shell scripts. Of each:

- without the lines that lint calls errors, the real program must take the file: what it still refuses, lint has missed;
- each such line put back alone must be refused again: one that is taken was a false accusation;
- what lint says is changed (W101, W102, W103) must come out of iptables-save so;
- rules that lint says match nothing (W104 to W109) must not be hit by any of many packets made to fit them.

Of a script the commands are tried whose words lint knows, in their order; chains that it takes to be somebody else's are
made first. What hangs on the host (modules that this kernel lacks, sets, names to be resolved, objects of the kernel) is
counted apart. Needs root: each file has a network namespace of its own.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import Pool
from pathlib import Path

from lint_claims import changed, hit, placed

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.lint.check import all_checks
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import Source, read_source
from pyiptables.lint.subject import ScriptStep, Subject
from pyiptables.syntax.sets import KnownSets

NEW_NETWORK = 0x40000000
"""CLONE_NEWNET of sched.h."""
CHANGED, EMPTY = ("W101", "W102", "W103"), ("W104", "W105", "W106", "W107", "W108", "W109")
ABOUT_WHOLE_FILES = ("comes again:", "lines end in CR LF", "COMMIT expected")
MOST_LINES = 60
"""Lines of one code in one file that are put back alone."""
HOST = re.compile(
    r"missing kernel module|host/network `[^']*' not found|Set \S* ?doesn't exist|connlabel\.conf|failed to get bpf object"
    r"|does not resolve to anything|--[ug]id-owner|xt_cgroup|Kernel module .* is not loaded|Can't open socket to ipset"
    r"|Extension \S+ revision \d+ not supported|devgroup|realm"
)
"""What is said of things that the host has or has not."""
OBJECTS = re.compile(
    r"-m (?:nfacct|rateest|cgroup)\b|-j (?:SECMARK|CONNSECMARK|IDLETIMER|LED|TEE|RATEEST|CT)\b|-m ipvs\b|-m bpf\b"
)
"""Extensions whose rules the kernel takes only where something else is there."""
STATEFUL = frozenset("AIRNP")
"""Commands of scripts that do not hang on what there was before."""


@dataclass
class Tally:
    """What was found out about all files."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def wrong(self, kind: str, source: Source, line: int, text: str) -> None:
        """Note a place where lint and the program part."""
        self.counts[kind] += 1
        self.problems.append(f"{kind}: {source.path}:{line}: {text}\n    {source.line(line)[:200]}")


class Real:
    """The real program, in a network namespace of its own from now on."""

    def __init__(self, program: str) -> None:
        self.program = program
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "cannot make a network namespace")

    def command(self, name: str, words: Sequence[str]) -> tuple[int, str]:
        """Exit status and standard error of one command."""
        raw = [word.encode("utf-8", "surrogateescape") for word in words]
        done = subprocess.run([self.program, name, *raw], capture_output=True, check=False, stdin=subprocess.DEVNULL)
        return done.returncode, done.stderr.decode(errors="replace")

    def restore(self, lines: Sequence[str], family: Family, *options: str) -> tuple[int, str]:
        """Exit status and standard error of loading lines."""
        text = "".join(lines).encode("utf-8", "surrogateescape")
        name = f"{family.command}-restore"
        done = subprocess.run([self.program, name, *options], input=text, capture_output=True, check=False)
        return done.returncode, done.stderr.decode(errors="replace")

    def saved(self, family: Family) -> str:
        """What iptables-save prints."""
        done = subprocess.run([self.program, f"{family.command}-save"], capture_output=True, check=False)
        return done.stdout.decode("utf-8", "surrogateescape")


class SaveFile:
    """A restore file, with the lines that lint accuses taken out or put back."""

    def __init__(self, source: Source, subject: Subject, real: Real, tally: Tally) -> None:
        self.source, self.subject, self.real, self.tally = source, subject, real, tally
        self.family = subject.families[0] if subject.families else source.family or Family.IPV4
        self.accused: set[int] = set()
        self.options: tuple[str, ...] = ()

    def lines(self, out: set[int], only: int = 0) -> list[str]:
        """The file without lines, but for one; a line that is out leaves a comment, so that numbers stay, and COMMIT."""
        found: list[str] = []
        for number, text in enumerate(self.source.lines, 1):
            if number in out and number != only:
                found.append("COMMIT\n" if text.strip() == "COMMIT" and self.opened(number) else "#\n")
            else:
                found.append(text)
        return found

    def opened(self, number: int) -> bool:
        """Whether a table is open at a line."""
        before = [text.strip() for text in self.source.lines[: number - 1] if text.startswith(("*", "COMMIT"))]
        return bool(before) and before[-1] != "COMMIT"

    def outside(self, number: int) -> set[int]:
        """The lines that stand with one outside of a table."""
        found = {number}
        while number < len(self.source.lines) and not self.source.line(number).startswith("COMMIT"):
            number += 1
            if self.source.line(number).startswith("*"):
                break
            found.add(number)
        return found

    def check(self, findings: Sequence[Finding]) -> None:
        """Both sides."""
        whole = [each for each in findings if any(text in each.message for text in ABOUT_WHOLE_FILES)]
        errors = [each for each in findings if is_error(each) and each not in whole]
        if any("comes again:" in each.message for each in whole):
            self.options = ("--noflush",)  # as lint has read it
        self.accused = {each.place.line for each in errors}
        for each in errors:
            if "stands outside of a table" in each.message:
                self.accused |= self.outside(each.place.line)
        if any("COMMIT expected" in each.message for each in whole):
            self.tally.counts["files without COMMIT"] += 1
            if self.real.restore(self.source.lines, self.family, "--test")[0] == 0:
                self.tally.wrong("false", self.source, 1, "COMMIT expected, and it is taken")
            self.accused |= {each.place.line for each in whole if "next table" in each.proof.note}
            return
        clean = self.missed()
        self.falsely(errors, clean)

    def load(self, lines: Sequence[str]) -> tuple[int, str]:
        """Exit status and standard error of loading lines, into empty tables."""
        if self.options:
            self.real.restore([f"*{name}\nCOMMIT\n" for name in self.subject.ruleset(self.family).tables], self.family)
        return self.real.restore(lines, self.family, *self.options)

    def missed(self) -> set[int]:
        """Take out what is accused, and whatever else the real program refuses; the lines that are out."""
        out = set(self.accused)
        for _ in range(200):
            status, text = self.load(self.lines(out))
            if not status:
                break
            line = self.refused_line(out, text)
            if line in out or not line:
                self.tally.wrong("unclear", self.source, line, text)
                break
            out.add(line)
            alone = self.alone(line, out)
            if HOST.search(text + alone) or OBJECTS.search(self.source.line(line)):
                self.tally.counts["refused by this host"] += 1
                self.tally.problems.append(f"host: {self.source.path}:{line}: {' '.join((text + alone).split())[:120]}")
            else:
                self.tally.wrong("missed", self.source, line, " ".join((text + alone).split())[:200])
        return out

    def refused_line(self, out: set[int], text: str) -> int:
        """The line that is to blame: the one named, or of a table that the kernel refuses the rule that makes it."""
        found = re.search(r"line:? (\d+)", text)
        line = int(found[1]) if found is not None else 0
        if self.source.line(line).strip() != "COMMIT":
            return line
        start = max((n for n in range(1, line) if self.source.line(n).startswith("*")), default=line)
        rules = [n for n in range(start, line) if n not in out and re.match(r"(?:\[[\d:]+\] *)?-", self.source.line(n))]
        low, high = 0, len(rules)
        while high - low > 1:  # the first of them without which those before it are taken
            middle = (low + high) // 2
            tried = out | set(rules[middle:]) | set(range(line + 1, len(self.source.lines) + 1))
            low, high = (middle, high) if self.load(self.lines(tried))[0] == 0 else (low, middle)
        return rules[low] if rules else line

    def alone(self, line: int, out: set[int]) -> str:
        """What iptables says of a rule by itself, chains left as they are."""
        text = self.source.line(line)
        start = max((n for n in range(1, line) if self.source.line(n).startswith("*")), default=0)
        kept = {n for n in range(start, line) if self.source.line(n).startswith((":", "*"))} | {line}
        lines = [
            self.source.line(n) + "\n" if n in kept and (n not in out or n == line) else "#\n"
            for n in range(1, line + 1)
        ]
        return self.real.restore([*lines, "COMMIT\n"], self.family)[1] if text else ""

    def falsely(self, errors: Sequence[Finding], clean: set[int]) -> None:
        """Put back each line that is accused, alone."""
        tried: Counter[str] = Counter()
        for line in sorted({each.place.line for each in errors}):
            code = next(each.code for each in errors if each.place.line == line)
            tried[code] += 1
            if tried[code] > MOST_LINES:
                self.tally.counts["errors not tried, too many alike"] += 1
                continue
            status, _ = self.load(self.lines(clean, line))
            said = next(f"{each.code} {each.message}" for each in errors if each.place.line == line)
            self.tally.counts["errors tried"] += 1
            if not status:
                self.tally.wrong("false", self.source, line, said)


class Script:
    """A script's commands, as lint reads them, run for real in their order."""

    def __init__(self, source: Source, subject: Subject, real: Real, tally: Tally) -> None:
        self.source, self.subject, self.real, self.tally = source, subject, real, tally

    def check(self, findings: Sequence[Finding]) -> None:
        """Each command whose words are known: refused there if and only if it is an error here."""
        findings = [each for each in findings if not any(text in each.message for text in ABOUT_WHOLE_FILES)]
        accused = {each.place.line for each in findings if is_error(each)}
        self.prepare()
        refused: dict[int, str] = {}
        for step in self.subject.steps:
            known = step.command is not None or step.line in accused
            if step.program in ("iptables", "ip6tables") and known:
                text = self.try_out(step, step.line in accused)
                if text:
                    refused.setdefault(step.line, text)
            else:
                self.tally.counts["commands with unknown words"] += step.program in ("iptables", "ip6tables")
        for line in sorted(refused.keys() - accused):
            self.tally.wrong("missed", self.source, line, refused[line][:200])
        for line in sorted(accused):
            self.tally.counts["errors tried"] += 1
            if line not in refused:
                said = next(f"{each.code} {each.message}" for each in findings if each.place.line == line)
                self.tally.wrong("false", self.source, line, said)

    def try_out(self, step: ScriptStep, accused: bool) -> str:
        """Run a command: what it says to its refusal, where lint ought to have known."""
        status, text = self.real.command(step.program, step.words)
        self.tally.counts["commands run"] += 1
        text = " ".join(text.split())
        if not status or accused:
            return text if status else ""
        if HOST.search(text) or OBJECTS.search(self.source.line(step.line)):
            self.tally.counts["refused by this host"] += 1
        elif self.hangs(step, status, text):
            self.tally.counts["commands that hang on what was there"] += 1
        else:
            return text
        return ""

    @staticmethod
    def hangs(step: ScriptStep, status: int, text: str) -> bool:
        """Whether a refusal may come from what there was before, or from a way that the script did not take."""
        if step.command is None or step.command.letter not in STATEFUL or "Chain already exists" in text:
            return True
        return not step.certain and (status == 1 or "Couldn't load target" in text or "is not a chain" in text)

    def prepare(self) -> None:
        """Make the chains that the script takes to be there."""
        for family, reading in self.subject.readings.items():
            for table, chain in reading.outside:
                self.real.command(family.command, ["-t", table, "-N", chain])


def is_error(finding: Finding) -> bool:
    """Whether lint says that the line is refused; of extensions that are elsewhere, and names, it only warns."""
    return (finding.code[0] == "E" and finding.severity is Severity.ERROR) or finding.code in ("E001", "W111")


def warnings(findings: Sequence[Finding], source: Source, subject: Subject, real: Real, tally: Tally) -> None:
    """Hold what is said to be changed, or to match nothing, against iptables-save and packets."""
    chance = random.Random(source.path)
    for finding in findings:
        rule = placed(finding, subject) if finding.code in (*CHANGED, *EMPTY) else None
        if rule is None or "every packet matches" in finding.message or source.kind != "save":
            continue
        found = changed(finding, rule, real) if finding.code in CHANGED else hit(rule, chance)
        tally.counts["warnings not tried" if found is None else "warnings tried"] += 1
        if found:
            tally.wrong("false", source, finding.place.line, f"{finding.code} {finding.message}: {found}")


def look(path: str, program: str) -> Tally:
    """Hold lint against the real program over one file."""
    tally = Tally()
    tally.counts["files"] += 1
    try:
        source = read_source(path)
        sets = Path(path).with_suffix(".sets")
        given = KnownSets(sets.read_text().splitlines(keepends=True), str(sets)) if sets.exists() else None
        subject = read_subject([source], Settings(), given=given)
    except Error as error:
        tally.counts["files that cannot be read"] += 1
        tally.problems.append(f"host: {path}: {error.text}")
        return tally
    findings = run(subject, [check() for check in all_checks() if check.code[0] in "EW"]).findings
    tally.counts["findings"] += len(findings)
    real = Real(program)
    if sets.exists():
        subprocess.run(["ipset", "restore"], input=sets.read_bytes(), capture_output=True, check=False)
    kind = Script if source.kind == "script" else SaveFile
    kind(source, subject, real, tally).check(findings)
    warnings(findings, source, subject, real, tally)
    return tally


def main() -> int:
    """Check all files, each in a process of its own; 0 when lint and the program are of one mind."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program")
    options.add_argument("files", nargs="+")
    options.add_argument("--host", action="store_true", help="show what hangs on this host, too")
    asked = options.parse_args()
    counts: Counter[str] = Counter()
    with Pool(1, maxtasksperchild=1) as pool:  # a new process for each: it moves to a network namespace for good
        for tally in pool.imap(partial(look, program=os.path.abspath(asked.program)), asked.files):
            counts += tally.counts
            for problem in tally.problems:
                if asked.host or not problem.startswith("host"):
                    print(problem, flush=True)
    for what, count in sorted(counts.items()):
        print(f"{count:7} {what}")
    wrong = counts["false"] + counts["missed"] + counts["unclear"]
    print(f"lint and iptables part {wrong} times over {counts['files']} files")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
