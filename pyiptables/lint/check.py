"""What a check is, and where checks are found: each module under ``checks/`` holds one.

The class's docstring is its page: ``pyipt rule CODE`` and the manual print it. Its first line is a title; paragraphs
follow, and the headings ``Bad``, ``Good`` and ``Suppress when`` stand alone on a line that ends in a colon.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import ClassVar

from pyiptables.hooks import Family
from pyiptables.lint.finding import Edit, Finding, Fix, Place, Proof, Severity
from pyiptables.lint.subject import PlacedRule, Subject

NOTHING = Proof()


class Check:
    """One check. ``code`` and ``name`` never change once published; ``default`` says whether it runs unasked.

    ``profile`` is the name of the group that switches it on with others, where it has one.
    """

    code: ClassVar[str] = ""
    name: ClassVar[str] = ""
    severity: ClassVar[Severity] = Severity.WARNING
    default: ClassVar[bool] = True
    fixable: ClassVar[bool] = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """All that it finds."""
        raise NotImplementedError

    # what checks call

    def found(
        self,
        place: Place,
        message: str,
        *,
        proof: Proof = NOTHING,
        fix: Fix | None = None,
        family: Family | None = None,
        severity: Severity | None = None,
    ) -> Finding:
        """A finding of this check, of its own severity unless another is given."""
        return Finding(self.code, self.name, severity or self.severity, message, place, proof, fix, family)

    def at(
        self,
        subject: Subject,
        rule: PlacedRule,
        message: str,
        *,
        word: str | None = None,
        option: str | None = None,
        proof: Proof = NOTHING,
        fix: Fix | None = None,
        severity: Severity | None = None,
    ) -> Finding:
        """A finding about a rule, at one of its words or options where one is named."""
        place = subject.place(rule, word, option=option)
        return self.found(place, message, proof=proof, fix=fix, family=rule.family, severity=severity)


def replacement(place: Place, text: str, description: str, *, safe: bool = True) -> Fix:
    """The fix that puts a text where the place is."""
    end = place.end_column or len(place.text) + 1
    return Fix(description, safe, (Edit(place.file, place.line, place.column, end, text),))


def removal(place: Place, description: str, *, safe: bool) -> Fix:
    """The fix that takes a line away."""
    return Fix(description, safe, (Edit(place.file, place.line, 1, 0, None),))


@cache
def all_checks() -> tuple[type[Check], ...]:
    """Every check there is, by code."""
    package = importlib.import_module("pyiptables.lint.checks")
    found: dict[str, type[Check]] = {}
    for module in pkgutil.walk_packages(package.__path__, "pyiptables.lint.checks."):
        if module.ispkg or module.name.rpartition(".")[2].startswith("_"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Check) and value.code and value.__module__ == module.name:
                found[value.code] = value
    return tuple(found[code] for code in sorted(found))


def find_check(text: str) -> type[Check] | None:
    """The check of that code or name, in any case; or None."""
    wanted = text.strip().lower()
    return next((check for check in all_checks() if wanted in (check.code.lower(), check.name)), None)


def like(text: str) -> str:
    """``did you mean R301?``: the code or name that is most like a text that is none; where the list is, when none is."""
    import difflib

    is_code = len(text) < 6 and not text.isalpha()
    known = [check.code if is_code else check.name for check in all_checks()]
    near = difflib.get_close_matches(text.upper() if is_code else text.lower()[:80], known, n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else "pyipt rule lists all of them"
