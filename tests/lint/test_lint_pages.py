"""The pages of the checks: what each calls bad is found by it, and what it calls good is not."""

from __future__ import annotations

import re
import tomllib

import pytest

from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.lint import config
from pyiptables.lint.check import all_checks
from pyiptables.lint.finding import Severity
from pyiptables.lint.pages import page
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source
from pyiptables.syntax.sets import KnownSets

BUILT_IN = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
ELSEWHERE = ("web", "DOCKER", "DOCKER-USER", "f2b-sshd")
"""Chains of examples whose rules are not shown."""
NAT = ("DNAT", "SNAT", "REDIRECT", "MASQUERADE")
TWO_NETWORKS = """
forwarding = {forwarding}
[interfaces.eth0]
addresses = ["192.0.2.1/24"]
[interfaces.eth1]
addresses = ["10.0.0.1/24"]
"""

AROUND = {
    # what the text of a page leaves to its reader: rules above (or all of them, with %s for the example), and settings
    "C503": {"good": {"host": '[sysctls]\n"net.netfilter.nf_conntrack_tcp_be_liberal" = 1\n'}},
    "C506": {"above": "*raw"},
    "E002": {"bare": True},
    "E012": {"sets": "create blocklist hash:net\n"},
    "L602": {"must_reach": ("tcp/22",)},
    "L603": {"script": True},
    "N405": {"host": TWO_NETWORKS.format(forwarding="true")},
    "N408": {"host": TWO_NETWORKS.format(forwarding="true"), "good": {"host": None}},
    "N409": {"above": "*filter"},
    "N412": {"host": TWO_NETWORKS.format(forwarding="false"), "good": {"host": TWO_NETWORKS.format(forwarding="true")}},
    "P106": {"host": TWO_NETWORKS.format(forwarding="true")},
    "R306": {"host": '[interfaces.eth0]\naddresses = ["192.0.2.1/24"]\n'},
    "V803": {"family": Family.IPV6},
}


def examples():
    """Each check with its examples: the code, bad or good, the lines."""
    for check in all_checks():
        for heading in ("Bad", "Good"):
            block = re.search(rf"^{heading}:\n((?:    .*\n|\n)+)", page(check) + "\n", re.MULTILINE)
            assert block is not None, check.code
            yield check.code, heading == "Bad", [line[4:] for line in block[1].strip("\n").split("\n")]


def tables(lines):
    """The lines by table: that of a line ``*nat`` above, else as the rule has it, nat for one that translates, else filter."""
    found: dict[str, list[str]] = {}
    named = None
    for line in lines:
        if line.startswith("*"):
            named = line[1:]
            found.setdefault(named, [])
            continue
        given = re.search(r" -t (\w+)", line)
        table = given[1] if given is not None else named or _table(line)
        found.setdefault(table, []).append(line if given is None else line.replace(given[0], ""))
    return found


def _table(line):
    if any(f" -j {target}" in line for target in NAT):
        return "nat"
    return "mangle" if re.search(r"-A (PREROUTING|POSTROUTING)", line) else "filter"


def loaded(lines, bare):
    """The example as iptables-save would have it: chains that it names are declared, policies are in their form."""
    text = []
    for table, rules in tables(lines).items():
        named = dict.fromkeys(chain for line in rules for chain in re.findall(r"-[Ajg] ([A-Za-z][\w-]*)", line))
        declared = {line.split()[0][1:] for line in rules if line.startswith(":")}
        made = {chain for line in rules for chain in re.findall(r"-A ([\w-]+)", line)} | set(ELSEWHERE)
        own = [chain for chain in named if chain in made and chain not in (*BUILT_IN, *declared)]
        written = [re.sub(r"^(?:-P |:)(\S+) (\w+)$", r":\1 \2 [0:0]", line) for line in rules]
        written.sort(key=lambda line: not line.startswith(":"))
        text += [f"*{table}", *([] if bare else [f":{chain} - [0:0]" for chain in own]), *written, "COMMIT"]
    return "\n".join(text) + "\n"


def written_out(line):
    """What a page abridges."""
    if line == "(and twenty more)":
        return [f"-A INPUT -s 198.51.100.{number}/32 -j DROP" for number in range(20)]
    return [] if line == "(nothing)" else [line.replace("... 300 bytes ...", "x" * 300)]


def found(code, bad, lines):
    """The codes that are found in an example."""
    around = AROUND.get(code, {})
    around = {**around, **(around.get("good", {}) if not bad else {})}
    lines = [each for line in lines for each in written_out(line)]
    comments = [line[2:] for line in lines if line.startswith("# ") and " = " in line]
    lines = [
        line for line in lines if line[2:] not in comments and not re.match(r"sysctl |net\.|\(no rules|# eth0", line)
    ]
    select = ("ALL",) if code[0] == "X" else (code,)
    settings = Settings(select=select, floor=Severity.INFO, must_reach=around.get("must_reach", ()))
    for text in comments:
        ((key, value),) = tomllib.loads(text).items()
        name, read = config.READERS[key]
        settings = Settings(select=select, floor=Severity.INFO, **{name: read(key, value)})
    host = around.get("host")
    known = KnownSets(iter(around["sets"].splitlines(keepends=True)), "sets") if "sets" in around else None
    sources = []
    for family, mark in ((Family.IPV4, "(IPv4) "), (Family.IPV6, "(IPv6) ")):
        part = [line.removeprefix(mark).partition(",")[0] for line in lines if line.startswith(mark)]
        if part:
            if mark == "(IPv4) ":
                part.append("-A INPUT -p tcp --dport 22 -j ACCEPT")
            sources.append(read_source(f"rules{family.version}", family, loaded(part, bare=False)))
    if not sources:
        script = around.get("script") or any(re.match(r"ip6?tables\b", line) for line in lines)
        text = "#!/bin/sh\n" + "\n".join(lines) + "\n" if script else loaded(lines, around.get("bare", False))
        sources = [read_source("rules", None if script else around.get("family", Family.IPV4), text)]
    if host is not None:
        host = Host.from_values(tomllib.loads(host), "host", "host")
    report = run(read_subject(sources, settings, host=host, given=known))
    return [each.code for each in report.findings]


@pytest.mark.parametrize(
    ("code", "bad", "lines"),
    [pytest.param(*each, id=f"{each[0]}-{'bad' if each[1] else 'good'}") for each in examples()],
)
def test_example(code, bad, lines):
    assert (code in found(code, bad, lines)) is bad
