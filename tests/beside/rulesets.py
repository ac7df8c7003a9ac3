"""Real rulesets: loaded and saved again they must be what the real program made of them.

A folder holds NAME.rules with NAME.expected (the text of iptables-legacy-save -c without comment lines) or NAME.error
(exit status in the first line, then standard error), NAME.sets where sets must exist, and INDEX.md, whose tables say
family and restore options.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A ruleset of the folder, and how it is loaded."""

    rules: Path
    family: int
    options: tuple[str, ...]


def entries(folder: Path) -> Iterator[Entry]:
    """What the index lists: rows of | name | v | ... ; the option column is found by its head."""
    head: list[str] = []
    for line in (folder / "INDEX.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if "name" in cells:
            head = cells
        rules = folder / f"{cells[0]}.rules"
        if head and rules.exists():
            row = dict(zip(head, cells, strict=False))
            flag = row.get("flag", "")
            yield Entry(rules, int(row.get("v", "4") or 4), (flag,) if flag.strip("-") else ())


def saved(entry: Entry) -> tuple[int, str, str]:
    """Exit status, standard error, and the saved rules, after a restore into an empty file."""
    with tempfile.TemporaryDirectory() as folder:
        own = ["--file", f"{folder}/rules", *(["-6"] if entry.family == 6 else [])]
        sets = entry.rules.with_suffix(".sets")
        given = ["--ipset", str(sets)] if sets.exists() else []
        with entry.rules.open("rb") as stdin:
            done = subprocess.run(
                ["pyipt-restore", *own, *given, *entry.options], stdin=stdin, capture_output=True, check=False
            )
        text = subprocess.run(["pyipt-save", *own, "-c"], capture_output=True, check=False).stdout
    return done.returncode, done.stderr.decode(errors="replace"), text.decode("utf-8", "surrogateescape")


def without_comments(text: str) -> list[str]:
    """The lines but the comments, which hold dates."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def problem(entry: Entry) -> str:
    """What is wrong with one ruleset; empty when nothing is."""
    status, error, text = saved(entry)
    refused = entry.rules.with_suffix(".error")
    if refused.exists():
        wanted, _, message = refused.read_bytes().decode(errors="replace").partition("\n")
        if status != int(wanted):
            return f"exit status {status}, not {wanted}: {error[:120]!r}"
        error = error.replace("\r", "\n")  # as the folder's texts have it
        return "" if error.startswith(message) else f"says {error[:150]!r}, not {message[:150]!r}"
    if status:
        return f"refused: {error.splitlines()[0] if error else status}"
    expected = without_comments(entry.rules.with_suffix(".expected").read_text("utf-8", "surrogateescape"))
    got = without_comments(text)
    parted = next((pair for pair in zip(got, expected, strict=False) if pair[0] != pair[1]), None)
    if parted is not None:
        return f"has {parted[0]!r}, not {parted[1]!r}"
    return f"has {len(got)} lines, not {len(expected)}" if len(got) != len(expected) else ""


def main(folder: str) -> int:
    """Check every ruleset of the index; 0 when all are as they should be."""
    found = list(entries(Path(folder)))
    missing: dict[str, int] = {}
    failed = 0
    for entry in found:
        text = problem(entry)
        if not text:
            continue
        absent = re.search(r"Couldn't (?:load|find) (?:match|target) `([^']*)'", text)
        if absent and not entry.rules.with_suffix(".error").exists():
            missing[absent[1]] = missing.get(absent[1], 0) + 1
            continue
        failed += 1
        print(f"{entry.rules.stem}: {text}")
    unsupported = sum(missing.values())
    print(
        f"{len(found) - failed - unsupported} of {len(found)} rulesets are as the real program has them, {failed} are not"
    )
    if missing:
        print(f"{unsupported} use extensions that are not there: {', '.join(sorted(missing))}")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
