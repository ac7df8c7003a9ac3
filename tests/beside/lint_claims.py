"""What lint says of rules that are taken: that they are saved otherwise than written, or match nothing."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from pyiptables.cli.inputs import assumed_host
from pyiptables.errors import Error
from pyiptables.hooks import Family, Hook
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.netfilter import Engine
from pyiptables.netfilter.arriving import handed_over
from pyiptables.packet.addresses import to_text
from pyiptables.packet.conversation import parse_conversation
from pyiptables.render.parts import known_protocol
from pyiptables.render.rules import rule_text
from pyiptables.ruleset.model import STANDARD_VERDICTS
from pyiptables.syntax.recovery import recover

PACKETS = 200
"""Packets that a rule is tried with."""


class Loads(Protocol):
    """Whoever loads rules for real."""

    def restore(self, lines: Sequence[str], family: Family, *options: str) -> tuple[int, str]:
        """Exit status and standard error of loading lines."""

    def saved(self, family: Family) -> str:
        """What iptables-save prints."""


def placed(finding: Finding, subject: Subject) -> PlacedRule | None:
    """The rule that a finding is about."""
    place = finding.place
    wanted = (finding.family, place.table, place.chain, place.number)
    return next((rule for rule in subject.rules if rule[:4] == wanted), None)


def changed(finding: Finding, rule: PlacedRule, real: Loads) -> str | None:
    """What is wrong with saying that iptables-save prints something else; empty when nothing is, None if not tried."""
    text = finding.place.text
    if text[:1] not in "-[" or rule.spec.goto:
        return None
    jump = rule.spec.jump if rule.spec.target is None else None
    names = dict.fromkeys(
        name for name in (rule.chain, jump) if name and name not in (*STANDARD_VERDICTS, *Hook.__members__)
    )
    lines = [f"*{rule.table}\n", *(f":{name} - [0:0]\n" for name in names), f"{text}\n", "COMMIT\n"]
    if real.restore(lines, rule.family)[0]:
        return None
    saved = "\n".join(line for line in real.saved(rule.family).splitlines() if line.startswith("-A "))
    if finding.code == "W103":
        given, meant = finding.message.partition(" ")[0], finding.message.rpartition(" ")[2]
        gone = f" {given} " not in f"{saved} "
        return "" if gone and ("is every address" in finding.message or meant in saved) else f"it is saved as {saved}"
    longest = max(re.findall(r'"((?:[^"\\]|\\.)*)"', text), key=len, default="")
    return f"it is saved whole: {saved}" if longest and f'"{longest}"' in saved else ""


def hit(rule: PlacedRule, chance: random.Random) -> str | None:
    """A packet that a rule matches which should match none; empty when there is none, None when it cannot be tried."""
    spec = replace(rule.spec, jump=None, target=None, goto=False)
    if spec.out_interface is not None or rule.chain in ("OUTPUT", "POSTROUTING"):
        return None
    text = rule_text(spec, "PREROUTING", rule.family, "mangle")
    found = recover(["*mangle\n", f"{text}\n", "COMMIT\n"], rule.family, "rule")
    if found.refusals:
        return None
    for _ in range(PACKETS):
        line = packet(rule, chance)
        try:
            typed = parse_conversation(line)[0]
            host = assumed_host(found.ruleset, typed=typed)
            engine = Engine(found.ruleset, host, record=False)
            engine.send(handed_over(typed, host, number=1))
        except Error:
            continue
        if any(each.counters.packets for _, _, _, each in engine.snapshot().rules()):
            return line
    return ""


def packet(rule: PlacedRule, chance: random.Random) -> str:
    """A packet that fits what the rule says of addresses, ports and interface, mostly."""
    spec, text = rule.spec, rule_text(rule.spec, rule.chain, rule.family, rule.table)
    ends = []
    for given, name in ((spec.source, "sport"), (spec.destination, "dport")):
        some = chance.getrandbits(rule.family.bits)
        base = (given.address & given.mask | some & ~given.mask) if given is not None and not given.invert else some
        ports = [int(each) for each in re.findall(rf"--{name}s? \S*?(\d+)", text)] or [chance.randrange(1, 65536)]
        ends.append((to_text(base & (1 << rule.family.bits) - 1, rule.family), chance.choice(ports)))
    protocol = known_protocol(spec.protocol.number) if spec.protocol is not None else chance.choice(("tcp", "udp"))
    if protocol == "tcp":
        protocol += f" {''.join(chance.sample('SFRP.U', chance.randrange(1, 5)))}"
    shown = [f"[{address}]:{port}" if rule.family.bits == 128 else f"{address}:{port}" for address, port in ends]
    if protocol.partition(" ")[0] not in ("tcp", "udp", "sctp", "dccp"):
        shown = [address for address, _ in ends]
    given = spec.in_interface
    device = given.name.replace("+", "0") if given is not None and not given.invert else "eth0"
    mark = f" mark {chance.choice((0, chance.getrandbits(8), chance.getrandbits(32)))}"
    return f"{device}: {shown[0]} > {shown[1]} {protocol}{mark}"
