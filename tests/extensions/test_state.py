"""What matches that keep state, or look beside the packet, find as packets come: tables of rules, packets, outcomes.

``states.txt`` holds ``rules | packets | outcomes``: rules and packets with semicolons, each packet with its time in
milliseconds before the words of packet_words.py (left out: those of the packet before); for each packet the outcome has
a letter for each rule: y, n, d for a packet dropped on the spot, or ? for a miss by something not known.
"""

from dataclasses import replace
from random import Random

import pytest
from packet_words import entry, packet
from rule_words import facts_for, read
from test_cases import listed, saved
from test_packets import HOST, rows

from pyiptables.extensions.matches import connlabel
from pyiptables.extensions.matches._jhash import jhash_words
from pyiptables.extensions.matches.time import MINUTES_WEST
from pyiptables.packet.skb import PacketType

START = 1_700_000_000_000_000_000  # Tuesday, 2023-11-14 22:13:20 UTC
OWN = ("uid", "out", "text", "ttl", "labels", "counters", "helper", "type", "fragments", "master", "state")


class Services:
    """Services that remember what is shared, and answer for sets: the set ``one`` has what comes from 192.0.2.1."""

    def __init__(self):
        self.now, self.random, self.found = START, Random(1), {MINUTES_WEST: -60}
        self.asked = []

    def shared(self, name, make):
        return self.found.setdefault(name, make()) if name not in self.found else self.found[name]

    def set_test(self, skb, reference, conditions):
        self.asked.append((reference, conditions))
        return reference.name == "one" and skb.saddr == 0xC0000201


def make(text, family, known):
    """A packet of packet_words.py, with this file's own words; ``ct=...`` with ``as=N`` is connection N of the row."""
    given = dict(word.split("=", 1) for word in text.split() if "=" in word)
    skb = packet(" ".join(word for word in text.split() if word.partition("=")[0] not in (*OWN, "as")), family)
    skb.host, skb.iif, skb.oif = HOST, given.get("in", "" if "uid" in given else "eth0"), given.get("out", "")
    if "uid" in given:
        skb.owner = tuple(int(number) for number in given["uid"].split(":")) if given["uid"] else None
    if "as" in given:
        skb.nfct = known.setdefault(given["as"], skb.nfct)
        skb.nfct.status = int(given.get("status", "8"), 0)
    if "counters" in given:
        skb.nfct.counters = [int(number) for number in given["counters"].split(":")]
    if "labels" in given:
        skb.nfct.labels = int(given["labels"], 0)
    if "helper" in given:
        skb.nfct.master = entry({}, skb)
        skb.nfct.master.helper = given["helper"]
    if skb.nfct is not None:
        skb.nfct.proto = type("Tcp", (), {"state": int(given.get("state", 3))})
    skb.ttl = int(given.get("ttl", 64))
    skb.data += given.get("text", "").encode()
    skb.pkt_type = PacketType[given.get("type", "HOST")]
    skb.fragments = tuple(int(size) for size in given.get("fragments", "").split(",") if size)
    return skb


def outcome(match, state, skb, services, facts):
    found = match.predicate(facts).holds(skb) and (not match.stateful or match.step(skb, state, services))
    letter = "d" if skb.hotdrop else "y" if found else "?" if skb.unknown else "n"
    skb.hotdrop = False
    skb.unknown.clear()
    return letter


@pytest.mark.parametrize(("command", "rules", "packets", "outcomes"), list(rows("states.txt")))
def test_states(command, rules, packets, outcomes):
    facts, services, known, words = facts_for(command), Services(), {}, ""
    matches = [match for rule in rules.split(";") for match in read(rule, replace(facts))]
    states = [match.open(services) if match.stateful else None for match in matches]
    found = []
    for text in packets.split(";"):
        time, _, given = text.strip().partition(" ")
        words = given or words
        services.now = START + int(time) * 1_000_000
        skb = make(words, facts.family, known)
        skb.tstamp = services.now
        if skb.nfct is not None:
            skb.nfct.timeout = services.now + 10**12
        pairs = zip(matches, states, strict=True)
        found.append("".join(outcome(match, state, skb, services, facts) for match, state in pairs))
    assert " ".join(found) == outcomes


@pytest.mark.parametrize(("command", "words", "said", "numeric", "by_name"), list(rows("lossy_state.txt")))
def test_words_that_are_not_read_again(command, words, said, numeric, by_name):
    facts = facts_for(command)
    found = read(words, facts)
    assert [one.kernel_check(facts) for one in found] == [None] * len(found)
    assert saved(found, facts) == said
    assert (listed(found, facts, True), listed(found, facts, False)) == (
        numeric,
        numeric if by_name == "=" else by_name,
    )


def test_random_is_what_the_services_say():
    (match,) = read("-m statistic --mode random --probability 0.25", facts_for("iptables"))
    services = Services()
    hits = sum(match.step(None, None, services) for _ in range(10_000))
    expected = Random(1)
    assert hits == sum(expected.getrandbits(31) < 1 << 29 for _ in range(10_000))


def test_set_is_asked_with_all_conditions():
    (match,) = read(
        "-m set --match-set one src,dst --return-nomatch ! --update-counters --packets-gt 5 ! --bytes-eq 7",
        facts_for("iptables"),
    )
    services = Services()
    assert match.step(make("tcp 1 2", facts_for("iptables").family, {}), None, services)
    ((reference, conditions),) = services.asked
    assert reference.sides == ("src", "dst")
    assert (conditions.return_nomatch, conditions.skip_counters, conditions.skip_subcounters) == (True, True, False)
    assert (conditions.packets, conditions.bytes) == (("gt", 5), ("ne", 7))


def test_names_of_labels(tmp_path, monkeypatch):
    lines = "# names\n0 zero\n1\tone two\n1 dup\n7 zero\n5 a-b\n6 a_b\n8 x # y\n0x0a ten\n26xx\n2000 far\nx bad\n31\n"
    (tmp_path / "connlabel.conf").write_text(lines)
    monkeypatch.setattr(connlabel, "PATH", str(tmp_path / "connlabel.conf"))
    connlabel.label_names.cache_clear()
    try:
        assert connlabel.label_names() == {0: "zero", 1: "one two", 5: "a-b", 10: "ten", 26: "xx"}
        facts = facts_for("iptables")
        (match,) = read("-m connlabel --label 'one two' --set", facts)
        assert match.save(facts) == ' --label "one two" --set'
        assert (match.list(facts, True), match.list(facts, False)) == (" connlabel 1 set", " connlabel 'one two' set")
    finally:
        connlabel.label_names.cache_clear()


@pytest.mark.parametrize(("address", "node"), [("127.0.0.7", 2), ("127.0.0.11", 1)])
def test_shares_of_a_cluster_are_the_kernel_s(address, node):
    word = int.from_bytes(bytes(map(int, address.split("."))), "little")
    assert jhash_words([word], 0x1234) * 5 >> 32 == node
