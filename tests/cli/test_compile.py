"""``pyipt compile``: what is run for a chain, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyiptables.cli.compile import main
from pyiptables.hooks import Family

LONG = "".join(f"-A long -d 10.0.0.{number}/32 -p tcp -j ACCEPT\n" for number in range(1, 31))
RULES = f"""*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:long - [0:0]
:bare - [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
-A FORWARD -s 192.0.2.0/24 -p tcp -m tcp --dport 80 -j long
-A FORWARD -m limit --limit 5/sec -j ACCEPT
-A FORWARD -m connmark --mark 0x1 -j MARK --set-mark 2
-A FORWARD -j REJECT
{LONG}-A long -j LOG --log-prefix "import os"
COMMIT
"""
CASES = [
    # what is asked for; a line that is there
    ("--show FORWARD", "filter FORWARD: 5 rules, then policy DROP"),
    ("--show FORWARD", "  walked: each rule is tested, in order, until one decides"),
    ("--show FORWARD", "       1  -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT"),
    ("--show FORWARD", "          kept for all packets of its state and interfaces"),
    ("--show FORWARD", "          kept for packets that agree in source, destination port"),
    ("--show FORWARD", "          asked anew for each packet: its answer may change"),
    ("--show FORWARD", "          kept for packets that agree in the connection's mark, within their connection"),
    ("--show FORWARD", "          done anew for each packet"),
    ("--show bare", "filter bare: 0 rules, then returns"),
    ("--show long", "  looked up by destination: 30 values lead to their rules, the others are passed over"),
    ("--show long", "    10.0.0.2         tests rule 2"),
    ("--show long", "    any value        tests rule 31"),
    ("--show long", "    and 10 more values (--all shows them)"),
    ("--show long", "          and 11 more rules (--all shows them)"),
    ("--show long --all", "    10.0.0.30        tests rule 30"),
    ("-t filter", "filter OUTPUT: 0 rules, then policy ACCEPT"),
    ("-t nat", "pyipt: the ruleset has no table nat"),
    ("--show none", "pyipt: there is no chain none"),
]


@pytest.mark.parametrize(("words", "line"), CASES)
def test_line(words: str, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rules").write_text(RULES)
    status = main(["--rules", str(tmp_path / "rules"), *words.split()], Family.IPV4)
    said = capsys.readouterr()
    assert line in (said.out + said.err).splitlines()
    assert status == line.startswith("pyipt:")
