"""The page of each check, made from its docstring: as text, and in roff for the manual pyipt-lint(7)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

from pyiptables.lint.check import Check, all_checks
from pyiptables.lint.finding import Severity

GROUPS = {
    "E": "What iptables or the kernel would refuse",
    "W": "What is taken without a word, and does something else or nothing",
    "S": "Chains and jumps",
    "R": "Rules against rules",
    "N": "Translation, and the rules on both sides of it",
    "C": "Connection tracking",
    "L": "Scripts, and being locked out",
    "V": "IPv4 against IPv6",
    "P": "What policies ask for (off until asked for)",
    "K": "Other programs' chains",
    "U": "Counters (off until asked for)",
    "X": "Suppressions",
}
"""The kinds of checks by the letters of their codes."""
_HEADING = re.compile(r"(Bad|Good|Suppress when):$")
_CODE = re.compile(r"``([^`]*)``")


def page(check: type[Check]) -> str:
    """The docstring without its indent."""
    return inspect.cleandoc(check.__doc__ or "")


def title(check: type[Check]) -> str:
    """Its first sentence, in plain text."""
    return _CODE.sub(r"\1", " ".join(page(check).partition("\n\n")[0].split()))


def page_text(check: type[Check]) -> str:
    """The page as it is printed on a terminal."""
    fix = ", can be fixed" if check.fixable else ""
    default = "" if check.default else ", off unless asked for"
    head = f"{check.code} {check.name} ({check.severity.label}{default}{fix})"
    return head + "\n\n" + _CODE.sub(r"\1", page(check)) + "\n"


def table() -> Iterator[tuple[str, str, str, str]]:
    """A row for each check: code, name, severity, title."""
    for check in all_checks():
        severity = check.severity.label if check.default else "off"
        yield check.code, check.name, severity, title(check)


def manual() -> str:
    """The manual page pyipt-lint(7) in roff."""
    return "".join(_manual())


def _manual() -> Iterator[str]:
    yield _HEAD
    letter = ""
    for check in sorted(all_checks(), key=lambda each: (list(GROUPS).index(each.code[0]), each.code)):
        if check.code[0] != letter:
            letter = check.code[0]
            yield f".SH {_roff(GROUPS[letter]).upper()}\n"
        yield from _entry(check)
    yield _TAIL


def _entry(check: type[Check]) -> Iterator[str]:
    default = "" if check.default else ", off unless asked for"
    fix = ", can be fixed" if check.fixable else ""
    yield f".SS {check.code} {_roff(check.name)} ({check.severity.label}{default}{fix})\n"
    in_code = False
    for block in page(check).split("\n\n"):
        lines = block.split("\n")
        for line in lines:
            found = _HEADING.match(line)
            if found:
                if in_code:
                    yield ".fi\n.RE\n"
                in_code = found[1] != "Suppress when"
                yield f".PP\n.I {found[1]}:\n" + (".RS 4\n.nf\n" if in_code else "")
            elif in_code:
                yield f"{_roff(line.removeprefix('    '), code=True)}\n"
            else:
                yield f"{_line(line.strip())}\n"
        if not in_code:
            yield ".PP\n"
    if in_code:
        yield ".fi\n.RE\n"


def _line(text: str) -> str:
    parts = _CODE.split(text)
    return "".join(
        f"\\fB{_roff(part, code=True)}\\fR" if index % 2 else _roff(part) for index, part in enumerate(parts)
    )


def _roff(text: str, *, code: bool = False) -> str:
    escaped = text.replace("\\", "\\e")
    if code:
        escaped = escaped.replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


_HEAD = f"""\
.\\" Made by "pyipt rule --manual" from the checks' own pages.
.TH PYIPT-LINT 7 "2026" "pyiptables" "Miscellaneous Information"
.nh
.ad l
.SH NAME
pyipt\\-lint \\- what pyipt lint finds
.SH DESCRIPTION
Every check of
.BR "pyipt lint" ,
by code. The same is printed by
.BI "pyipt rule " CODE\\fR.
Severities are {", ".join(each.label for each in reversed(Severity))}; what is of the severity info is reported when
.B \\-\\-severity info
is given, or the code is asked for by name.
"""
_TAIL = """\
.SH SEE ALSO
.BR pyipt (1),
.BR pyipt\\-extensions (8)
"""
