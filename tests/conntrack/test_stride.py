"""The one stride of common segments does what the tracker does: conversations of random segments, tracked both ways."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator

import pytest

from pyiptables.conntrack import ConntrackTable, Tuple
from pyiptables.conntrack.entry import Entry
from pyiptables.conntrack.stride import Pace, advance, answer, may_stride, status_after, stride
from pyiptables.conntrack.tcp_window import read_segment
from pyiptables.hooks import Family, Hook
from pyiptables.packet.build import TCP, IpFields, ip_packet, tcp_segment
from pyiptables.packet.skb import Skb

SYN, FIN, RST, PSH, ACK = 2, 1, 4, 8, 16
NUMBERS = (0, 1, 3, 100, 1400, 65000, 66001, 70000, 2**31, 2**32 - 1)


def state(entry: Entry) -> tuple[object, ...]:
    ends = [[getattr(end, name) for name in end.__slots__] for end in entry.proto.ends]
    rest = [getattr(entry.proto, name) for name in entry.proto.__slots__ if name != "ends"]
    return ends, rest, entry.timeout, entry.status


def segment(way: int, flags: int, seq: int, ack: int, window: int, size: int) -> Skb:
    ends = [(0x0A000001, 40000), (0x0A000002, 80)]
    (source, sport), (destination, dport) = ends[way], ends[1 - way]
    fields = IpFields(Family.IPV4, source, destination)
    options = b"\x02\x04\x05\xb4\x01\x03\x03\x02" if flags & SYN else b""
    payload = tcp_segment(
        fields, sport, dport, flags, seq=seq & 0xFFFFFFFF, ack=ack & 0xFFFFFFFF, window=window, options=options,
        payload=bytes(size),
    )  # fmt: skip
    return Skb(ip_packet(fields, TCP, payload), Family.IPV4)


def opened(chance: random.Random) -> tuple[ConntrackTable, Entry, list[int]]:
    table = ConntrackTable()
    next_numbers = [chance.randrange(2**32), chance.randrange(2**32)]
    entry = None
    for way, flags in ((0, SYN), (1, SYN | ACK), (0, ACK)):
        skb = segment(way, flags, next_numbers[way], next_numbers[1 - way], 1000, 0)
        table.now += 1000
        table.track(skb, Hook.PREROUTING)
        table.confirm(skb)
        next_numbers[way] += bool(flags & SYN)
        entry = skb.nfct
    assert entry is not None
    return table, entry, next_numbers


@pytest.mark.parametrize("seed", range(60))
def test_stride_is_the_tracker(seed: int) -> None:
    chance = random.Random(seed)
    table, entry, numbers = opened(chance)
    pace = Pace.of(table.settings)
    assert pace is not None
    for _ in range(80):
        table.now += chance.randrange(10**9)
        way = chance.randrange(2)
        seq = numbers[way] + chance.choice((0, 0, 0, 0, 1, -1)) * chance.choice(NUMBERS)
        ack = numbers[1 - way] + chance.choice((0, 0, 0, 0, 1, -1)) * chance.choice(NUMBERS)
        window, size = chance.choice((0, 1, 1000, 1000, 65535)), chance.choice((0, 1, 500, 1400))
        flags = chance.choice((ACK, ACK | PSH))
        skb = segment(way, flags, seq, ack, window, size)
        before = copy.deepcopy(entry.proto), entry.timeout
        untouched = state(entry)
        seq, ack = seq & 0xFFFFFFFF, ack & 0xFFFFFFFF
        taken = may_stride(entry) and stride(entry, way, seq, seq + size & 0xFFFFFFFF, ack, window, table.now, pace)
        by_stride = state(entry)
        if not taken:
            assert by_stride == untouched
        entry.proto, entry.timeout = before
        table.track(skb, Hook.PREROUTING)
        if taken:
            assert skb.nfct is entry
            assert state(entry) == by_stride
        if seq == numbers[way] & 0xFFFFFFFF:
            numbers[way] += size


def test_an_ordinary_conversation_strides() -> None:
    table, entry, numbers = opened(random.Random(1))
    pace = Pace.of(table.settings)
    assert pace is not None
    table.track(segment(0, ACK | PSH, numbers[0], numbers[1], 1000, 10), Hook.PREROUTING)
    numbers[0] += 10
    for turn in range(50):
        way = turn % 3 % 2
        end = numbers[way] + 100 & 0xFFFFFFFF
        assert stride(entry, way, numbers[way], end, numbers[1 - way], 1000, table.now + turn, pace)
        numbers[way] = end


def taken_at_once(table: ConntrackTable, entry: Entry, way: int, skb: Skb, pace: Pace) -> int | None:
    """What the steps make of a segment: the status then, None where they leave it to the tracker."""
    found = read_segment(skb)
    assert found is not None
    status = status_after(entry, way, found.flags)
    if status is None:
        return None
    if found.flags == SYN | ACK:
        return status if answer(entry, found, table.now, pace, False) else None
    return status if advance(entry, way, found, table.now, pace) else None


SCRIPT = ((0, SYN), (1, SYN | ACK), (0, ACK), (0, ACK | PSH), (1, ACK), (0, FIN | ACK), (1, FIN | ACK), (0, ACK))
STRANGE = (ACK, FIN | ACK, RST | ACK, SYN, SYN | ACK, FIN | ACK | PSH)


def script(chance: random.Random) -> Iterator[tuple[int, int]]:
    """A connection from its opening to its end, some segments twice, with a strange one now and then."""
    for step in SCRIPT:
        yield from [step] * chance.choice((1, 1, 1, 2))
        if chance.random() < 0.1:
            yield chance.randrange(2), chance.choice(STRANGE)


@pytest.mark.parametrize("seed", range(80))
def test_opening_and_closing_is_the_tracker(seed: int) -> None:
    chance = random.Random(seed)
    table = ConntrackTable({"net.netfilter.nf_conntrack_tcp_timeout_syn_recv": chance.choice(("60", "900"))})
    pace = Pace.of(table.settings)
    assert pace is not None
    numbers = [chance.randrange(2**32), chance.randrange(2**32)]
    for way, flags in script(chance):
        table.now += chance.randrange(10**9)
        skew, size = (
            chance.choice((0, 0, 0, 0, 0, 0, 1, -1, 70000)),
            chance.choice((0, 0, 100)) if not flags & SYN else 0,
        )
        window = chance.choice((1000, 1000, 1000, 0))
        skb = segment(way, flags, numbers[way] + skew, numbers[1 - way] if flags & ACK else 0, window, size)
        found = table.find(tuple_of(skb))
        taken = None
        if found is not None:
            entry, way_of_entry = found
            before = copy.deepcopy(entry.proto), entry.timeout, entry.status
            untouched = state(entry)
            taken = taken_at_once(table, entry, way_of_entry, skb, pace)
            by_step = state(entry)
            if taken is None:
                assert by_step == untouched
            entry.proto, entry.timeout, entry.status = before
        table.track(skb, Hook.PREROUTING)
        table.confirm(skb)
        if taken is not None:
            assert found is not None
            assert skb.nfct is found[0]
            assert (state(found[0])[:3], found[0].status) == (by_step[:3], taken)
        if not skew:
            numbers[way] = numbers[way] + size + bool(flags & (SYN | FIN)) & 0xFFFFFFFF


def test_an_ordinary_connection_opens_and_closes_by_steps() -> None:
    table, numbers = ConntrackTable(), [1000, 5000]
    pace = Pace.of(table.settings)
    assert pace is not None
    for place, (way, flags) in enumerate(SCRIPT):
        size = 10 if flags & PSH else 0
        skb = segment(way, flags, numbers[way], numbers[1 - way] if flags & ACK else 0, 1000, size)
        found = table.find(tuple_of(skb))
        if found is None:
            assert place == 0
            table.track(skb, Hook.PREROUTING)
            table.confirm(skb)
        else:
            status = taken_at_once(table, found[0], way, skb, pace)
            assert status is not None, place
            found[0].status = status
        numbers[way] += size + bool(flags & (SYN | FIN))


def tuple_of(skb: Skb) -> Tuple:
    return Tuple(
        Family.IPV4, skb.saddr, skb.daddr, TCP, *(int.from_bytes(skb.transport[at : at + 2], "big") for at in (0, 2))
    )
