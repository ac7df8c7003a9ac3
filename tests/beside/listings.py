"""Real rulesets listed: ``-L -n -v -x --line-numbers`` of each table must be what the real program prints for it.

Called with a folder as rulesets.py has it, and the program that runs iptables under the names that follow it. Needs
root: each ruleset is loaded in a network namespace of its own.
"""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from pyiptables.cli.iptables import main as run
from pyiptables.cli.restore import main as restore
from pyiptables.hooks import TABLES, Family
from rulesets import Entry, entries

LISTING = ["-n", "-v", "-x", "--line-numbers", "-L"]


def theirs(entry: Entry, program: str, family: Family, lock: str) -> dict[str, str]:
    """What the real program lists, by table."""
    given = entry.rules.with_suffix(".sets")
    sets = f"ipset restore < {shlex.quote(str(given))}" if given.exists() else "true"
    own = f"{shlex.quote(program)} {family.command}"
    lists = "; ".join(f"echo '=== {table}'; {own} -t {table} {' '.join(LISTING)}" for table in TABLES)
    script = f"{sets}; {own}-restore {' '.join(entry.options)} < {shlex.quote(str(entry.rules))} && {{ {lists}; }}"
    done = subprocess.run(
        ["unshare", "-n", "bash", "-c", script],
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C", "XTABLES_LOCKFILE": lock},
    )
    parts = done.stdout.decode("utf-8", "surrogateescape").split("=== ")[1:]
    return {table: text for table, _, text in (part.partition("\n") for part in parts)}


def ours(entry: Entry, family: Family, file: str) -> dict[str, str]:
    """What is listed here, by table."""
    given = entry.rules.with_suffix(".sets")
    options = ["--ipset", str(given)] if given.exists() else []
    found: dict[str, str] = {}
    with redirect_stderr(io.StringIO()):
        restore(["--file", file, *options, *entry.options, str(entry.rules)], family)
        for table in TABLES:
            with redirect_stdout(io.StringIO()) as output:
                run(["-t", table, *LISTING], family, file)
            found[table] = output.getvalue()
    return found


def problem(entry: Entry, program: str) -> str | None:
    """What is wrong with the listings of a ruleset: empty when nothing is, None when the real one could not load it."""
    family = Family.IPV6 if entry.family == 6 else Family.IPV4
    with tempfile.TemporaryDirectory() as folder:
        expected = theirs(entry, program, family, f"{folder}/lock")
        if not expected:
            return None
        got = ours(entry, family, f"{folder}/rules")
    for table, text in expected.items():
        pairs = zip(got[table].split("\n"), text.split("\n"), strict=False)
        parted = next((pair for pair in pairs if pair[0] != pair[1]), None)
        if parted is not None:
            return f"{table} has {parted[0]!r}, not {parted[1]!r}"
        if got[table] != text:
            return f"{table} has {got[table].count(chr(10))} lines, not {text.count(chr(10))}"
    return ""


def main(folder: str, program: str) -> int:
    """List every ruleset of the index that loads; 0 when all are as they should be."""
    found = [entry for entry in entries(Path(folder)) if not entry.rules.with_suffix(".error").exists()]
    answers = {entry.rules.stem: problem(entry, program) for entry in found}
    for name, text in answers.items():
        if text:
            print(f"{name}: {text}")
    unloaded = [name for name, text in answers.items() if text is None]
    right = sum(text == "" for text in answers.values())
    print(f"{right} of {len(answers) - len(unloaded)} rulesets are listed as the real program lists them")
    if unloaded:
        print(f"{len(unloaded)} it could not load here: {', '.join(unloaded)}")
    return int(right < len(answers) - len(unloaded))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
