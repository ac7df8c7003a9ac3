"""Rows of list_rows.jsonl: what ``-L`` and ``-L -n`` print for a rule, each on a ruleset of its own."""

from __future__ import annotations

import io
import json
import shlex
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from pyiptables.cli.iptables import main as run
from pyiptables.hooks import Family

FAMILIES = {4: Family.IPV4, 6: Family.IPV6}
LISTINGS = {"L": [], "Ln": ["-n"]}
ESTIMATOR = "-j RATEEST --rateest-interval 250ms --rateest-ewmalog 500ms --rateest-name"
BEFORE = {"rateest": [f"{ESTIMATOR} RE1", f"{ESTIMATOR} RE2"]}
"""Rules that must be there for those with a match."""


def printed(words: list[str], family: Family, file: str) -> str:
    """What a command prints."""
    with redirect_stdout(io.StringIO()) as output, redirect_stderr(output):
        run(words, family, file)
    return output.getvalue()


def main(rows: str) -> int:
    """Check every row; 0 when all are as they should be."""
    checked = failed = 0
    for line in Path(rows).read_text().splitlines():
        row = json.loads(line)
        family, place = FAMILIES[row["family"]], ["-t", row["table"]]
        with tempfile.TemporaryDirectory() as folder:
            for before in BEFORE.get(row["rule"].split()[1], ()):
                printed([*place, "-A", row["chain"], *before.split()], family, f"{folder}/rules")
            refused = printed([*place, "-A", row["chain"], *shlex.split(row["rule"])], family, f"{folder}/rules")
            for key, options in LISTINGS.items():
                checked += 1
                text = printed([*place, *options, "-L", row["chain"]], family, f"{folder}/rules")
                got = text.split("\n")[-2]
                if got != row[key]:
                    failed += 1
                    print(f"{row['file']}:{row['line']}: {row['rule']}: {refused or got!r}, not {row[key]!r}")
    print(f"{checked - failed} of {checked} rules are listed as the real program lists them")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
