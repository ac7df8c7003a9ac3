"""Whatever iptables refuses is found wherever it stands: alone or many at once, in both families, in Windows' line ends."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from planted import MARK, clean
from planted_covers import covered

from pyiptables.hooks import Family
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source
from pyiptables.syntax.sets import KnownSets

WRONG = [line for line in Path(__file__).with_name("wrong_lines.txt").read_text().splitlines() if line[0] != "#"]
"""Rules of the table filter that iptables refuses, each by itself."""

FRAMES = {
    "E010 no COMMIT": ("*filter", "-A INPUT -j DROP # <<"),
    "E010 a blank behind COMMIT": ("*filter", "-A INPUT -j DROP", "COMMIT  # <<"),
    "E010 a rule before its table": ("-A INPUT -j DROP # <<", "*filter", "COMMIT"),
    "E010 a chain before its table": (":a - [0:0] # <<", "*filter", "COMMIT"),
    "E010 a table in a table": ("*filter", "-A INPUT -j DROP", "*nat # <<", "COMMIT"),
    "E010 a chain twice": ("*filter", ":a - [0:0]", ":a - [0:0] # <<", "COMMIT"),
    "E010 counters that are none": ("*filter", ":INPUT ACCEPT 0:0 # <<", "COMMIT"),
    "E010 a chain named as a verdict": ("*filter", ":ACCEPT - [0:0] # <<", "COMMIT"),
    "E001 an unknown table": ("*filtre # <<", "-A INPUT -j DROP", "COMMIT"),
    "E002 a chain that comes later": ("*filter", "-A INPUT -j a # <<", ":a - [0:0]", "COMMIT"),
    "E005 a long name": ("*filter", ":abcdefghijklmnopqrstuvwxyz0123 - [0:0] # <<", "COMMIT"),
    "E006 in in POSTROUTING": ("*nat", "-A POSTROUTING -i eth0 -j MASQUERADE # <<", "COMMIT"),
    "E007 dropped in nat": ("*nat", ":a - [0:0]", "-A a -j DROP # <<", "COMMIT"),
    "E007 by two jumps": ("*nat", ":a - [0:0]", ":b - [0:0]", "-A PREROUTING -j a", "-A a -j b", "-A b -j MASQUERADE # <<", "COMMIT"),
    "E007 by a goto": ("*filter", ":a - [0:0]", "-A INPUT -g a", "-A a -m owner --uid-owner 0 -j DROP # <<", "COMMIT"),
    "E007 rejected in mangle": ("*mangle", "-A FORWARD -j REJECT # <<", "COMMIT"),
    "E007 masqueraded in raw": ("*raw", "-A PREROUTING -j MASQUERADE # <<", "COMMIT"),
    "E008 a policy of a user's chain": ("*filter", ":web DROP [0:0] # <<", "COMMIT"),
    "E008 a policy that is none": ("*filter", ":INPUT RETURN [0:0] # <<", "COMMIT"),
    "E008 a chain of other tables": ("*nat", ":FORWARD ACCEPT [0:0] # <<", "COMMIT"),
    "E009 a chain to itself": ("*filter", ":a - [0:0]", "-A INPUT -j a", "-A a -j a # <<", "COMMIT"),
    "E009 gotos": ("*mangle", ":a - [0:0]", ":b - [0:0]", "-A INPUT -g a", "-A a -g b", "-A b -g a # <<", "COMMIT"),
    "E010 ports without a protocol": ("*nat", "-A PREROUTING -j DNAT --to-destination 192.0.2.1:80 # <<", "COMMIT"),
    "E012 a set that is not there": ("*filter", "-A INPUT -m set --match-set nobody src -j DROP # <<", "COMMIT"),
    "E012 a set of the other family": ("*filter", "-A INPUT -m set --match-set six src -j DROP # <<", "COMMIT"),
    "E013 a hit count": ("*filter", "-A INPUT -m recent --update --hitcount 300 --name r -j DROP # <<", "COMMIT"),
}  # fmt: skip
"""Whole files, by what is found in them."""
ONLY_V4 = ("icmp", "10.0.0", "--ttl", "-j TTL", "ECN", "--realm", "10.0.0.1")
GROUP = 9
"""Wrong lines that are planted together."""


def errors(*texts: tuple[Family, str]) -> list[Finding]:
    """The findings of the error class about one host's files."""
    sources = [read_source(f"rules.v{family.version}", family, text) for family, text in texts]
    sets = KnownSets(["create some hash:net\n", "create six hash:ip family inet6\n"], "sets")
    found = run(read_subject(sources, Settings(kernel=(5, 10)), given=sets)).findings
    return [each for each in found if each.severity is Severity.ERROR]


def planted(random: Random, wrong: list[str], lines: list[str]) -> tuple[str, list[int]]:
    """The lines with wrong ones put in at places of chance among the table filter's rules, and the places."""
    first = lines.index("*filter")
    rules = [at for at in range(first, lines.index("COMMIT", first)) if lines[at].startswith(("-", "["))]
    for line in wrong:
        counted = "[7:420] " if random.random() < 0.3 else ""
        lines.insert(random.choice(range(rules[0], rules[-1])), counted + line + MARK)
    marked = [number for number, line in enumerate(lines, 1) if line.endswith(MARK)]
    return "".join(f"{line.removesuffix(MARK)}\n" for line in lines), marked


def lines_of(random: Random, six: bool) -> list[str]:
    """A ruleset without mistakes to put them in."""
    if not six and random.random() < 0.5:
        return clean(random).text()[0].splitlines()
    made = covered(random, leak=True)
    while made.six is not six:
        made = covered(random, leak=True)
    return [line for line in made.text()[0].splitlines() if "--match-set" not in line]


def refused(found: list[Finding]) -> list[tuple[int, str]]:
    """The lines that would be refused, with the file."""
    return [(each.place.line, each.place.file) for each in found if each.code[0] == "E"]


@pytest.mark.parametrize("seed", range(-(-len(WRONG) // GROUP)))
def test_all_wrong_lines_of_a_file_are_found(seed):
    random = Random(seed)
    text, marked = planted(random, WRONG[seed * GROUP : (seed + 1) * GROUP], lines_of(random, False))
    assert refused(errors((Family.IPV4, text))) == [(line, "rules.v4") for line in marked], text


@pytest.mark.parametrize("seed", range(10))
def test_in_both_families_together(seed):
    random = Random(seed)
    shared = [line for line in WRONG if not any(word in line for word in ONLY_V4)]
    four, in_four = planted(random, random.sample(WRONG, 5), lines_of(random, False))
    six, in_six = planted(random, random.sample(shared, 5), lines_of(random, True))
    expected = [(line, "rules.v4") for line in in_four] + [(line, "rules.v6") for line in in_six]
    assert refused(errors((Family.IPV4, four), (Family.IPV6, six))) == expected, four + six


@pytest.mark.parametrize("seed", range(4))
def test_in_windows_line_ends(seed):
    random = Random(seed)
    text, marked = planted(random, random.sample(WRONG, 4), lines_of(random, False))
    found = refused(errors((Family.IPV4, text.replace("\n", "\r\n"))))
    assert {line for line, _ in found} == {1, *marked}, text


@pytest.mark.parametrize("name", FRAMES)
def test_frame(name):
    lines = FRAMES[name]
    text = "".join(line.removesuffix(MARK) + "\n" for line in lines)
    marked = [number for number, line in enumerate(lines, 1) if line.endswith(MARK)]
    assert [(each.code, each.place.line) for each in errors((Family.IPV4, text))] == [(name[:4], *marked)]
