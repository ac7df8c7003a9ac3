"""Cases in ``cases/*.txt``: rulesets, questions about them, and the answers.

A case begins with ``== TITLE``; a title with ``ipv6`` is of that family. Then come iptables commands without the program's
name, lines ``set COMMAND`` for ipset, and lines ``host NAME ADDRESS/LENGTH``. A line ``? QUESTION => ANSWER`` asks:

- ``dead TABLE CHAIN NUMBER``: ``yes`` or ``no``, whether surely no packet comes to the rule and matches it.
- ``comes TABLE CHAIN NUMBER VALUES``, ``takes ...``, ``matches ...``: of the packets that have these values, which do:
  ``none``, ``all`` (surely all that may come there at all), or ``some``.
- ``HOOK VERDICT VALUES``: which of the packets that arrive (or are sent) with these values end so at that hook.
- ``consumers TABLE CHAIN NUMBER``: the rules that take what this one would, as ``CHAIN NUMBER, ...``.
- ``witness TABLE CHAIN NUMBER``: the line, or ``none``.

Values are ``NAME=VALUE``, an address may have a length.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import pytest
from random_rules import ruleset

from pyiptables.analysis.diagrams import AnalysisError
from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.values import with_values
from pyiptables.errors import OperationFailed
from pyiptables.hooks import Family, Hook
from pyiptables.host import Host
from pyiptables.ipset.reading import load

FOLDER = Path(__file__).parent / "cases"
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58}
FLAGS = {"syn": 2, "synack": 18, "ack": 16, "rst": 4, "fin": 1, "none": 0}


@dataclass
class Case:
    title: str
    line: int
    family: Family = Family.IPV4
    commands: list[str] = field(default_factory=list)
    sets: list[str] = field(default_factory=list)
    host: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[int, str, str]] = field(default_factory=list)


def read(path: Path) -> list[Case]:
    cases: list[Case] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if text.startswith("== "):
            cases.append(Case(text[3:], number, Family.IPV6 if "ipv6" in text else Family.IPV4))
        elif text.startswith("? "):
            question, _, answer = text[2:].partition(" => ")
            cases[-1].asked.append((number, question.strip(), answer.strip()))
        elif text.startswith("set "):
            cases[-1].sets.append(text[4:])
        elif text.startswith("host "):
            _, name, address = text.split()
            cases[-1].host.setdefault(name, []).append(address)
        elif text and not text.startswith("#"):
            cases[-1].commands.append(text)
    return cases


def values(space, words):
    """The packets with values: those of picked packets, and networks."""
    node, plain = space.true, {}
    for word in words:
        name, _, value = word.partition("=")
        if name in ("source", "destination"):
            net = ip_network(value)
            bits = getattr(space, name)
            node = node & bits.masked(int(net.netmask), int(net.network_address))
        elif name == "protocol":
            plain[name] = PROTOCOLS[value]
        elif name == "flags":
            plain[name] = FLAGS[value]
        else:
            plain[name] = int(value, 0) if value[:1].isdigit() else value
    return node & with_values(space, plain)


def share(bounds, of, node):
    """How much of some packets is in a set."""
    some = PacketSet(bounds.may.space, node) & of
    assert some, "there are no such packets"
    if not bounds.may & some:
        return "none"
    return "all" if some <= bounds.must else "some"


def answer(reach: Reach, question: str) -> str:
    what, *words = question.split()
    space = reach.space
    coming = PacketSet(space, reach.flow.received() | reach.flow.sent())
    if what in Hook.__members__:
        return share(reach.verdict(Hook[what], words[0]), coming, values(space, words[1:]))
    table, chain, number = words[0], words[1], int(words[2])
    if what == "dead":
        return "yes" if reach.dead(table, chain, number) else "no"
    if what == "consumers":
        return ", ".join(f"{one.chain} {one.number}" for one in reach.consumers(table, chain, number))
    if what == "witness":
        return reach.witness_to(table, chain, number) or "none"
    if what == "matches":
        return share(reach.matches(table, chain, number), PacketSet(space, space.valid), values(space, words[3:]))
    hooks = [reach.at_hook(hook).may for hook in reach.hooks_of(table, chain)]
    there = hooks[0]
    for one in hooks[1:]:
        there = there | one
    asked = {"comes": reach.arrives, "takes": reach.takes}[what](table, chain, number)
    return share(asked, there, values(space, words[3:]))


CASES = [
    pytest.param(case, id=f"{path.stem}:{case.line} {case.title}")
    for path in sorted(FOLDER.glob("*.txt"))
    for case in read(path)
]


@pytest.mark.parametrize("case", CASES)
def test_case(case):
    sets = load(case.sets) if case.sets else None
    host = Host.assumed(case.host, case.host) if case.host else None
    reach = Reach.of(ruleset(case.commands, case.family), sets=sets, facts=host)
    found = [(line, question, answer(reach, question)) for line, question, _ in case.asked]
    assert found == case.asked


def test_a_loop_has_no_answer():
    rules = ruleset(["-N A", "-N B", "-A A -j B", "-A INPUT -j A"])
    table = rules.table("filter")
    chains = dict(table.chains)
    chains["B"] = type(chains["A"])("B", chains["INPUT"].rules)
    looped = rules.with_table(type(table)("filter", chains))
    with pytest.raises(AnalysisError, match="leads back to itself"):
        Reach.of(looped)


def test_there_is_no_such_rule():
    reach = Reach.of(ruleset(["-A INPUT -j DROP"]))
    for place in (("filter", "INPUT", 2), ("filter", "NOWHERE", 1), ("nat", "OUTPUT", 1), ("filter", "INPUT", 0)):
        with pytest.raises(OperationFailed, match="there is no rule"):
            reach.takes(*place)
