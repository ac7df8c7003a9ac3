"""What matches find in packets, and what targets do to them: tables of words, packet, outcome."""

from pathlib import Path
from random import Random

import pytest
from packet_words import CTINFO, packet
from rule_words import facts_for, read

from pyiptables.hooks import Family, Verdict
from pyiptables.host.host import Host

STATES = {number: name for name, number in CTINFO.items()} | {7: "UNTRACKED"}
HOST = Host.assumed()


def rows(name):
    head = ["iptables"]
    for number, line in enumerate((Path(__file__).parent / name).read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("["):
            head = [line[1:-1]]
        elif line and not line.startswith("#"):
            yield pytest.param(*head, *line.split(" | "), id=f"{Path(name).stem}:{number}")


@pytest.mark.parametrize(("command", "words", "text", "outcome"), list(rows("packets.txt")))
def test_match(command, words, text, outcome):
    facts = facts_for(command)
    matches = read(words, facts)
    skb = packet(text, facts.family)
    skb.host = HOST
    predicates = [match.predicate(facts) for match in matches]
    holds = all(predicate.holds(skb) for predicate in predicates)
    assert ("drop" if skb.hotdrop else "yes" if holds else "no") == outcome
    failing = [predicate.failing(skb) for predicate in predicates]
    assert (failing == [None] * len(failing)) == holds


def test_addrtype_without_host():
    facts = facts_for("iptables")
    (match,) = read("-m addrtype ! --dst-type LOCAL", facts)
    skb = packet("tcp 1 2", Family.IPV4)
    assert not match.predicate(facts).holds(skb)
    assert skb.unknown


class Services:
    """Services that only note what they are asked for."""

    now = 0
    random = Random(0)

    def __init__(self):
        self.asked = []

    def note(self, *words):
        self.asked.extend(str(word) for word in words)

    def nat(self, skb, request, manip):
        self.note("nat", manip)
        return self.changed(request)

    def masquerade(self, skb, request):
        self.note("masquerade")
        return self.changed(request)

    def redirect(self, skb, request):
        self.note("redirect")
        return self.changed(request)

    def changed(self, request):
        self.note(f"flags={request.flags}")
        for name, value in (("addresses", request.addresses), ("ports", request.ports)):
            if value is not None:
                self.note(f"{name}={value[0]},{value[1]}")
        if request.base_port is not None:
            self.note(f"base={request.base_port}")
        return Verdict.ACCEPT

    def reject(self, skb, kind):
        self.note("reject", kind)
        return Verdict.DROP

    def log(self, skb, *, prefix, level, flags, trace=False):
        self.note("log", f"prefix={prefix}", f"level={level}", f"flags={flags}")

    def template(self, skb, request):
        self.note("template", f"zone={request.zone}", f"directions={request.directions}")
        if request.helper:
            self.note(f"helper={request.helper}")
        if request.events:
            self.note(f"events={request.events}")
        return self


def state_of(skb):
    words = [f"mark={skb.mark:#x}"]
    if skb.nfct is not None:
        words.append(f"ctmark={skb.nfct.mark:#x}")
    if skb.nfct is not None or skb.ctinfo:
        words.append(f"ct={STATES[skb.ctinfo]}")
    return words + (["trace"] if skb.nf_trace else [])


@pytest.mark.parametrize(("command", "words", "text", "outcome"), list(rows("effects.txt")))
def test_effect(command, words, text, outcome):
    facts = facts_for(command)
    (target,) = read(words, facts)
    skb, services = packet(text, facts.family), Services()
    verdict = target.apply(skb, target.open(services), services)
    found = services.asked or state_of(skb)
    assert " ".join(found + ([verdict.name] if verdict else [])) == outcome
    assert (verdict is not None) == target.terminal
    if skb.nfct is services:
        assert skb.ctinfo == CTINFO["NEW"]


@pytest.mark.parametrize(("command", "words", "times", "outcome"), list(rows("limits.txt")))
def test_limit(command, words, times, outcome):
    (match,) = read(words, facts_for(command))
    services = Services()
    state = match.open(services)
    found = []
    for time in times.split():
        services.now = 1_700_000_000_000_000_000 + int(time) * 1_000_000
        found.append("yes" if match.step(None, state, services) else "no")
    assert " ".join(found) == outcome
