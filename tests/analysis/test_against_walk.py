"""Packet sets and the walk of single packets say the same: of random packets, and of the witnesses that sets give."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from random_rules import Rules, ruleset
from walked import Packets, Story, address_text, host_for, values_of, walk

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.values import with_values
from pyiptables.errors import ParameterProblem
from pyiptables.hooks import Family, Hook
from pyiptables.netfilter.engine import Engine
from pyiptables.packet.conversation import parse_conversation
from pyiptables.packet.skb import Skb

FAMILIES = st.sampled_from(Family)
SEEDS = st.integers(0, 2**32)
ENDS = ("ACCEPT", "DROP", "REJECT", "QUEUE", "STOLEN")
ROUNDS = 25


def made(seed, family):
    """A random ruleset, without the rules that cannot be."""
    good = []
    for command in Rules(seed, family).commands():
        try:
            ruleset([*good, command], family)
        except ParameterProblem:
            continue
        good.append(command)
    return ruleset(good, family)


def walks(rules, reach, seed):
    """Random packets that come first, the host they come to, and their stories."""
    packets = Packets(rules, reach.space.interfaces, seed)
    own = [
        one
        for one in packets.addresses
        if rules.family is Family.IPV6 or 1 << 24 < one < 127 << 24 or one >> 28 in range(8, 14)
    ]
    packets.names = packets.names or ["eth0"]
    host = host_for(rules, reach.space.interfaces, {packets.names[0]: [address_text(own[0], rules.family)]})
    for _ in range(ROUNDS):
        engine = Engine(rules, host)
        packet = packets.one()
        yield packet, host, engine, walk(engine, packet)


def replies(rules, reach, seed):
    """The same with a second packet, the answer, and a third, behind each first one."""
    for packet, _, engine, _ in walks(rules, reach, seed):
        data = bytearray(packet.data)
        four = rules.family is Family.IPV4
        start, size, head = (12, 4, 20) if four else (8, 16, 40)
        data[start : start + size], data[start + size : start + 2 * size] = (
            packet.data[start + size : start + 2 * size],
            packet.data[start : start + size],
        )
        data[head : head + 2], data[head + 2 : head + 4] = (
            packet.data[head + 2 : head + 4],
            packet.data[head : head + 2],
        )
        names = [name for name in ("eth0", "eth1") if name in reach.space.interfaces.examples] or ["eth0"]
        for interface in (*names, None):
            back = type(packet)(packet.family, bytes(data), interface)
            yield walk(engine, back, time=1000)
        yield walk(engine, packet, time=2000)


def comes_as_walked(reach: Reach, story: Story, known: dict) -> None:
    for visited in story.visited:
        key = (visited.table, visited.chain, visited.number)
        for ask, holds in ((reach.arrives, True), (reach.takes, visited.matched)):
            if not holds:
                continue
            if (ask.__name__, *key) not in known:
                known[ask.__name__, *key] = ask(*key).may
            assert known[ask.__name__, *key].holds(visited.values), (ask.__name__, key, visited)


@settings(deadline=None, max_examples=15)
@given(SEEDS, FAMILIES)
def test_where_a_packet_comes_sets_say_it_may(seed, family):
    rules = made(seed, family)
    reach, known = Reach.of(rules), {}
    for _, _, _, story in walks(rules, reach, seed):
        comes_as_walked(reach, story, known)


@settings(deadline=None, max_examples=8)
@given(SEEDS)
def test_where_later_packets_come_sets_say_they_may(seed):
    rules = made(seed, Family.IPV4)
    reach, known = Reach.of(rules), {}
    for story in replies(rules, reach, seed):
        comes_as_walked(reach, story, known)


@settings(deadline=None, max_examples=15)
@given(SEEDS, FAMILIES)
def test_verdicts(seed, family):
    """A packet's verdict at each hook may be what it is, and is surely no other."""
    rules = made(seed, family)
    reach = Reach.of(rules)
    verdicts = {(hook, end): reach.verdict(hook, end) for hook in Hook for end in ENDS}
    coming = reach.flow.received() | reach.flow.sent()
    for packet, host, engine, story in walks(rules, reach, seed):
        if not story.passed:
            continue
        skb = Skb(packet.data, family, iif=packet.interface or "")
        values = values_of(skb, host, False) | {"snat": 0, "dnat": 0, "reply": 0}
        values["oif"] = host.route(family, skb.daddr, src=skb.saddr, output=True).oif if packet.local else ""
        if engine.state != "UNTRACKED" or not engine.tracking:
            values["state"] = engine.state or "INVALID"
        node = with_values(reach.space, values) & coming
        for hook, dropped in [
            (Hook[name], story.ended == ("DROP", name) and name == story.passed[-1]) for name in story.passed
        ]:
            some = [end for end in ENDS if (end == "ACCEPT") != dropped]
            assert any(verdicts[hook, end].may.node & node != reach.space.false for end in some), (
                hook,
                dropped,
                values,
            )
            for end in ENDS:
                if end not in some and node != reach.space.false:
                    assert node & ~verdicts[hook, end].must.node != reach.space.false, (hook, end, values)


@settings(deadline=None, max_examples=15)
@given(SEEDS, FAMILIES)
@example(7127209, Family.IPV4)  # an answer that the raw table drops makes nothing ESTABLISHED
def test_witnesses_come_true(seed, family):
    rules = made(seed, family)
    reach = Reach.of(rules)
    for table, chain, number, _ in rules.rules():
        line = reach.witness_to(table.name, chain.name, number)
        if line is None:
            continue
        engine = Engine(rules, line.host())
        for at, packet in enumerate(parse_conversation(line)):
            story = walk(engine, packet, time=at * 1000)
        hit = [(one.table, one.chain, one.number) for one in story.visited if one.matched]
        assert (table.name, chain.name, number) in hit, line


@settings(deadline=None, max_examples=10)
@given(SEEDS, FAMILIES)
def test_the_dead_stay_dead(seed, family):
    """What is said never to match is not matched; and to say so quickly is to say the same."""
    rules = made(seed, family)
    reach = Reach.of(rules)
    dead = set()
    for table, chain, number, _ in rules.rules():
        place = (table.name, chain.name, number)
        assert reach.dead(*place) == (not reach.takes(*place).may)
        dead |= {place} if reach.dead(*place) else set()
    for _, _, _, story in walks(rules, reach, seed):
        assert not dead & {(one.table, one.chain, one.number) for one in story.visited if one.matched}


def test_most_rules_that_match_have_a_witness():
    """Not all: marks of a local process, connections that are translated, text that must be found in the payload."""
    surely = without = 0
    for seed in range(12):
        rules = made(seed, Family.IPV4)
        reach = Reach.of(rules)
        places = [(t.name, c.name, n) for t, c, n, _ in rules.rules() if reach.takes(t.name, c.name, n).must]
        surely += len(places)
        without += sum(reach.witness_to(*place) is None for place in places)
    assert surely > 50
    assert without < surely * 0.4
