"""Of what is found about a rule that no packet meets, only the closest reason is reported, if it is reported at all."""

from __future__ import annotations

import pytest

from pyiptables.lint.finding import Severity
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source

NEVER = ("R301", "R303", "R308", "S205", "N401", "N403", "N410", "N411", "C504")
INVALID = ["*filter", "-A INPUT -p tcp -j ACCEPT", "-A INPUT -p tcp -m conntrack --ctstate INVALID -j DROP"]
DNAT = [
    "*nat",
    "-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5",
    "-A PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.6",
]
SECOND = [DNAT[1].replace(" -p tcp --dport 80", ""), DNAT[2]]
BLOCKED = ["*nat", f"{DNAT[1]}:8080", "COMMIT", "*filter", "-A INPUT -p tcp --dport 80 -j DROP"]
BEHIND = ["*filter", "-A INPUT -j DROP", "-A INPUT -p udp -j ACCEPT", "-A INPUT -m state --state INVALID -j DROP"]
TWICE = ["*filter", "-A INPUT -p tcp -j DROP", "-A INPUT -p tcp -j ACCEPT", "-A INPUT -p tcp -j ACCEPT"]
RAW = ["*raw", "-A PREROUTING -p udp -j NOTRACK", "COMMIT", "*filter", "-A INPUT -p udp -j ACCEPT",
       "-A INPUT -p udp -m state --state NEW -j DROP"]  # fmt: skip

CASES = [
    ("INVALID", INVALID, NEVER, ["3 C504"]),
    ("INVALID, only R301 asked for", INVALID, ("R301",), ["3 R301"]),
    ("two translations", DNAT, NEVER, ["3 N410"]),
    ("two translations, only R301 asked for", DNAT, ("R301",), ["3 R301"]),
    ("a translation of all", ["*nat", *SECOND], NEVER, ["3 R303"]),
    ("a translation of all, only N410 asked for", ["*nat", *SECOND], ("N410",), ["3 N410"]),
    ("blocked where it never comes", BLOCKED, NEVER, ["5 N403"]),
    ("behind one that takes all", BEHIND, NEVER, ["3 R303"]),
    ("behind one that takes all, only C504 asked for", BEHIND, ("C504",), []),
    ("the opposite", TWICE, NEVER, ["3 R308", "4 S205"]),
    ("never tracked", RAW, NEVER, ["6 N411"]),
]


@pytest.mark.parametrize(("lines", "select", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_one_reason_for_a_rule(lines, select, expected):
    text = "\n".join([*lines, "COMMIT", ""])
    found = run(read_subject([read_source("rules", None, text)], Settings(select=select, floor=Severity.INFO))).findings
    assert [f"{each.place.line} {each.code}" for each in found] == expected


def test_a_reason_that_is_not_reported_hides_no_other():
    text = "\n".join([*TWICE, "COMMIT", ""])
    found = run(
        read_subject([read_source("rules", None, text)], Settings(select=NEVER, floor=Severity.WARNING))
    ).findings
    assert [f"{each.place.line} {each.code}" for each in found] == ["3 R308", "4 R308"]
