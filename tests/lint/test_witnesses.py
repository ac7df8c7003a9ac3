"""Every witness of a finding is confirmed by a trace: the packet comes to a rule that the finding names, which decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_cases import all_cases

from pyiptables.cli.inputs import assumed_host
from pyiptables.lint.finding import Severity
from pyiptables.lint.reading import read_subject
from pyiptables.lint.runner import run
from pyiptables.lint.settings import Settings
from pyiptables.lint.sources import read_source
from pyiptables.netfilter import Engine
from pyiptables.netfilter.arriving import handed_over
from pyiptables.packet.conversation import parse_conversation
from pyiptables.trace import events

ROOT = Path(__file__).parents[2]
TEXTS = [
    (f"{case.code} {case.name}", case.text)
    for case in all_cases()
    if case.code in ("R301", "N401", "N402", "N403", "C504") and "v6" not in case.words
]
TEXTS += [(path.parent.name, path.read_text()) for path in sorted((ROOT / "rulesets").glob("*/rules.v4"))]
TEXTS += [
    ("a condition that a short packet does not answer", "*filter\n-A INPUT -p tcp -m tcp --tcp-option 8 -j DROP\n"
     "-A INPUT -p udp -j DROP\n-A INPUT -p udp --dport 53 -j ACCEPT\nCOMMIT\n"),
    ("generated", "*filter\n:INPUT DROP [0:0]\n:web - [0:0]\n-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n"
     "-A INPUT -p tcp -j web\n-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -s 10.9.0.0/16 -p udp --dport 53 -j ACCEPT\n"
     "-A web -p tcp --dport 80:443 -j ACCEPT\n-A web -s 192.0.2.0/24 -p tcp -m multiport --dports 80,443 -j REJECT\n"
     "-A FORWARD -i eth1 -o eth0 -j ACCEPT\n-A FORWARD -s 10.1.1.0/24 -i eth1 -o eth0 -p tcp --dport 25 -j DROP\n"
     "-A OUTPUT -d 10.0.0.0/8 -j REJECT\n-A OUTPUT -d 10.1.0.1 -p udp --dport 514 -j ACCEPT\nCOMMIT\n"),
]  # fmt: skip


def traced(ruleset, line):
    """What happens to the last packet of a conversation."""
    packets = parse_conversation(line)
    host = assumed_host(ruleset, typed=packets[0])
    engine = Engine(ruleset, host)
    trace = None
    for number, packet in enumerate(packets, 1):
        trace = engine.send(handed_over(packet, host, number=number))
    return trace


def decided(ruleset, line):
    """The rules, as table, chain and number, that the last packet of a conversation meets and that decide about it."""
    return {(event.table, event.chain, event.number) for event in traced(ruleset, line).of(events.RuleMatched)}


@pytest.mark.parametrize(("name", "text"), TEXTS)
def test_witness_is_confirmed(name, text):
    subject = read_subject([read_source("rules", None, text)], Settings(floor=Severity.INFO))
    for finding in run(subject).findings:
        if finding.proof.witness is None:
            continue
        trace = traced(subject.ruleset(finding.family), finding.proof.witness)
        met = {(event.table, event.chain, event.number) for event in trace.of(events.RuleMatched)}
        named = {(place.table, place.chain, place.number) for place in finding.proof.covering}
        assert met & named or (not named and finding.code == "N402"), finding.proof.witness  # else a policy's
        itself = (finding.place.table, finding.place.chain, finding.place.number)
        assert (itself in met) is (finding.code == "N402"), finding.proof.witness
        if finding.code == "N402":
            assert trace.decided.verdict in ("DROP", "REJECT"), finding.proof.witness
        if finding.code == "C504":
            assert trace.decided.verdict == "ACCEPT", finding.proof.witness


def test_opposite_ones_have_a_witness():
    text = dict(TEXTS)["generated"]
    found = run(read_subject([read_source("rules", None, text)], Settings())).findings
    assert [(each.code, each.place.line) for each in found] == [("R301", 7), ("R301", 9), ("R301", 11), ("R301", 13)]
    assert [each.proof.witness is not None for each in found] == [True, True, False, True]  # FORWARD needs a host
