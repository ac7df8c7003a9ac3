"""Suppressions that stand in the files: in a comment line above a rule, at the end of a script's line, in ``-m comment``.

``pyipt: ignore[R301,S2] because ...`` keeps these codes silent for the rule that follows, or that holds the comment;
``pyipt: ignore-file[S201] because ...`` for the whole file. Without brackets all codes are meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pyiptables.lint.check import all_checks, find_check
from pyiptables.lint.finding import Finding
from pyiptables.lint.settings import chosen
from pyiptables.lint.sources import Source

_FORM = re.compile(
    r"pyipt:[ \t]*(ignore(?:-file)?)(?![\w-])(?:[ \t]*\[([^\]\n]*)\])?[ \t]*:?[ \t]*([^\n\"']*)", re.IGNORECASE
)


@dataclass(slots=True)
class Suppression:
    """One suppression: where it stands, the codes, the line that it is about (0: all of the file), its reason."""

    source: Source
    line: int
    column: int
    end_column: int
    codes: tuple[str, ...]
    target: int
    reason: str
    used: bool = False
    unknown: str = ""
    """The first of its words that is neither a code, nor the beginning of one, nor a check's name."""

    def covers(self, finding: Finding) -> bool:
        """Whether a finding is to be silent."""
        place = finding.place
        return (
            place.file == self.source.path
            and self.target in (0, place.line)
            and chosen(finding.code, self.codes or ("ALL",))
        )


def suppressions(sources: Iterable[Source]) -> list[Suppression]:
    """All suppressions of some files."""
    return [found for source in sources for found in _of(source)]


def _of(source: Source) -> Iterable[Suppression]:
    for number, text in enumerate(source.lines, 1):
        if "pyipt:" not in text:
            continue
        for found in _FORM.finditer(text):
            whole = found[1].lower() == "ignore-file"
            words = [word.strip() for word in (found[2] or "").split(",") if word.strip()]
            codes = tuple(_code(word) or word.upper() for word in words)
            unknown = next((word for word in words if _code(word) is None), "")
            target = 0 if whole else _target(source.lines, number)
            reason = found[3].strip(" \t\"'#")
            end = found.end() - len(found[0]) + len(found[0].rstrip()) + 1
            yield Suppression(source, number, found.start() + 1, end, codes, target, reason, unknown=unknown)


def _code(word: str) -> str | None:
    """The code that a word names, or the beginning of codes that it is; None when it is none."""
    check = find_check(word)
    if check is not None:
        return check.code
    code = word.upper()
    known = code == "ALL" or (code != "" and any(each.code.startswith(code) for each in all_checks()))
    return code if known else None


def _target(lines: Sequence[str], number: int) -> int:
    """The line that a suppression is about: its own, or, of a comment line, the next that is neither comment nor empty."""
    if not lines[number - 1].lstrip().startswith("#"):
        return number
    for after in range(number, len(lines)):
        text = lines[after].strip()
        if text and not text.startswith("#"):
            return after + 1
    return number


def apply(findings: Iterable[Finding], found: Sequence[Suppression]) -> list[Finding]:
    """The findings that no suppression covers; those that cover one are noted as used."""
    by_place: dict[tuple[str, int], list[Suppression]] = {}
    for each in found:
        by_place.setdefault((each.source.path, each.target), []).append(each)
    left = []
    for finding in findings:
        place = finding.place
        near = by_place.get((place.file, place.line), []) + by_place.get((place.file, 0), [])
        covering = [each for each in near if each.covers(finding)]
        for each in covering:
            each.used = True
        if not covering:
            left.append(finding)
    return left
