"""Reading the tables of cases.

A case begins with ``== name``, with words behind ``;`` that set things: ``v6``, ``nat`` (or another table), ``script``,
``raw`` (the lines are the whole file), ``noflush``, ``kernel=5.10``, ``sets=LINES`` with ``|`` for line breaks,
``warned`` (information is not reported), ``required=...``, ``must=SERVICE``, ``listening=SERVICE``, ``host=TOML`` of a host file, with ``~`` for a blank. Lines that
begin with ``-`` or ``:`` stand in the table filter unless another is named. A line ``> CODE message`` says what is found in
the line above, and ``unsafe``/``safe`` fixes give what stands under ``-- fixed``.
A line without one must not be found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "cases"


@dataclass
class Case:
    """One case: the text, what is expected of it, and how it is read."""

    code: str
    name: str
    words: list[str]
    text: str = ""
    expected: list[str] = field(default_factory=list)
    fixed: str | None = None


def all_cases() -> list[Case]:
    """The cases of all files, by code."""
    return [case for path in sorted(FOLDER.glob("*.txt")) for case in cases_of(path)]


def cases_of(path: Path) -> list[Case]:
    """The cases of a file, whose name is the code."""
    found: list[Case] = []
    for block in path.read_text(encoding="utf-8").split("\n== ")[1:]:
        head, _, body = block.partition("\n")
        name, _, words = head.partition(";")
        case = Case(path.stem, name.strip(), words.split())
        body, _, fixed = body.partition("-- fixed\n")
        lines, expected = _cut(body.rstrip("\n").split("\n"))
        offset = 0
        if not {"raw", "script"} & set(case.words):
            offset = 1
            lines = _framed(lines, case.words)
            if fixed:
                fixed = "\n".join(_framed(fixed.rstrip("\n").split("\n"), case.words))
        case.text = "\n".join(lines) + "\n"
        case.expected = [f"{number + offset}: {text}" for number, text in expected]
        case.fixed = fixed.rstrip("\n") + "\n" if fixed else None
        found.append(case)
    return found


def _cut(lines: list[str]) -> tuple[list[str], list[tuple[int, str]]]:
    kept: list[str] = []
    expected: list[tuple[int, str]] = []
    for line in lines:
        if line.startswith("> "):
            expected.append((len(kept), line[2:]))
        else:
            kept.append(line.replace("\\r", "\r"))
    return kept, expected


def _framed(lines: list[str], words: list[str]) -> list[str]:
    table = next((word for word in words if word in ("nat", "mangle", "raw_table", "security")), "filter")
    return [f"*{table.removesuffix('_table')}", *lines, "COMMIT"]
