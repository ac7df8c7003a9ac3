"""Real firewall scripts: run command by command, they must leave the rulesets that the real programs leave.

A folder holds NAME.cmds (a command line of iptables, ip6tables or ipset in each line, in shell quoting) with
NAME.expected and perhaps NAME.expected6, the texts of iptables-legacy-save -c and ip6tables-legacy-save -c without
comment lines, and NAME.status, JSON lines about the commands that failed or had something to say.

ipset's commands are kept as a file of ``ipset restore``, which rules are checked against. What stands in NOT_THERE is
passed over where the real program had it, or the host's own control groups, to ask: those rules are not compared.
"""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from pyiptables.cli.iptables import main as run
from pyiptables.cli.save import main as save
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.syntax.sets import read_sets
from rulesets import without_comments

FAMILIES = {"iptables": Family.IPV4, "ip6tables": Family.IPV6}
NOT_THERE = re.compile(r"-m cgroup .*--path")
VARIABLE = re.compile(r"""('[^']*'|"[^"]*")|(?<!\S)\$\w+(?!\S)""")
"""What is in quotes, or a word that is a variable of the shell, of which none is set."""
SUFFIXES = {Family.IPV4: ".expected", Family.IPV6: ".expected6"}


def done(words: list[str], family: Family, file: str, sets: Path) -> tuple[int, str]:
    """Exit status and standard error of one command of iptables."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as errors:
        status = run(words, family, file, str(sets))
    return status, errors.getvalue()


def keep(line: str, sets: Path) -> None:
    """Do a command of ipset: add it to the file, if the file can be read with it."""
    before = sets.read_text()
    sets.write_text(f"{before}{line}\n")
    try:
        read_sets(str(sets))
    except Error:
        sets.write_text(before)


def saved(family: Family, file: str) -> list[str]:
    """The lines of a ruleset file as iptables-save prints them."""
    with redirect_stdout(io.StringIO()) as output:
        save(["-c", "--file", file], family, f"{family.command}-save")
    return without_comments(output.getvalue())


def problems(script: Path) -> Iterator[str]:
    """What is wrong with one script."""
    noted = script.with_suffix(".status")
    notes = [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
    expected = {note["line"]: (note["exit"], note["stderr"]) for note in notes}
    with tempfile.TemporaryDirectory() as folder:
        files = {family: f"{folder}/{family.command}" for family in Family}
        sets = Path(folder, "sets")
        sets.touch()
        for number, line in enumerate(script.read_text("utf-8", "surrogateescape").split("\n"), 1):
            program, *words = shlex.split(VARIABLE.sub(r"\1", line)) or [""]
            wanted = expected.get(number, (0, ""))
            if program == "ipset":
                keep(line.removeprefix("ipset"), sets)
            if program not in FAMILIES or (wanted[0] and NOT_THERE.search(line)):
                continue
            family = FAMILIES[program]
            got = done(words, family, files[family], sets)
            if got != wanted:
                yield f"line {number}, {line}: {got}, not {wanted}"
        for family, suffix in SUFFIXES.items():
            if script.with_suffix(suffix).exists():
                wanted_lines = without_comments(script.with_suffix(suffix).read_text("utf-8", "surrogateescape"))
                lines = saved(family, files[family])
                if lines != wanted_lines:
                    extra = [one for one in lines if one not in wanted_lines] or lines[:1]
                    lacking = [one for one in wanted_lines if one not in lines] or wanted_lines[:1]
                    yield f"{family.command} has {extra[:2]}, not {lacking[:2]}"


def main(folder: str) -> int:
    """Run every script of the folder; 0 when all leave what they should."""
    scripts = sorted(Path(folder).glob("*.cmds"))
    failed = 0
    for script in scripts:
        found = list(problems(script))
        failed += bool(found)
        for text in found[:5]:
            print(f"{script.stem}: {text}")
    print(f"{len(scripts) - failed} of {len(scripts)} scripts leave the rulesets that the real programs leave")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
