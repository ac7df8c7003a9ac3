"""The quick road ends where the story's road ends: fates, counters, connections, for recordings and a made capture."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from recorded import family_of

from pyiptables import Engine, Family, Host, load, save
from pyiptables.conntrack import dump
from pyiptables.ipset.saving import save as save_sets
from pyiptables.netfilter import QuickReplay, Replay
from pyiptables.packet.build import TCP, UDP, IpFields, ip_packet, tcp_segment, udp_datagram
from pyiptables.packet.capture import open_capture
from pyiptables.packet.link import Direction, Frame
from pyiptables.render.summary import row_of, row_of_fate
from pyiptables.render.told_json import JsonLines
from pyiptables.render.trace_json import trace_json
from pyiptables.trace.events import Logged

RECORDINGS = sorted(path for path in (Path(__file__).parent / "recordings").iterdir() if path.is_dir())
HOST = next(folder for folder in RECORDINGS if folder.name == "v4-l1-0002")
ROUTER = Path(__file__).parent / "recordings" / "v4-l1-0002"
HOSTS = sorted(path for path in (Path(__file__).parents[2] / "rulesets").iterdir() if path.is_dir())


def without_comments(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


def hold_equal(rules: Path, host: Host, frames: list[Frame], family: Family, *, two_sided: bool) -> int:
    """Replay on both roads; how many packets were passed over quickly."""
    slow = Replay(Engine(load(rules, family), host))
    quick = QuickReplay(Engine(load(rules, family), host), two_sided=two_sided)
    for frame in frames:
        told, fate = slow.feed(frame), quick.fare(frame)
        assert (told.trace is None) == (fate is None), frame.number
        if told.trace is not None and fate is not None:
            row = row_of(told.trace, family)
            assert row_of_fate(fate, frame.number, frame.time_ns, family) == row, frame.number
    quick.settle()
    assert without_comments(save(quick.engine.snapshot())) == without_comments(save(slow.engine.snapshot()))
    assert dump(quick.engine.conntrack) == dump(slow.engine.conntrack)
    now = slow.engine.services.now
    assert list(save_sets(quick.engine.sets, now=now)) == list(save_sets(slow.engine.sets, now=now))
    return sum(count for _, count in quick.courses.passed.values())


def hold_stories_equal(rules: Path, host: Host, frames: list[Frame], family: Family, *, two_sided: bool) -> int:
    """Tell of all packets on both roads, in JSON and as the kernel's log does; how many stories were retold."""
    retold = 0
    for sends in (True, False):
        engines = [Engine(load(rules, family), host) for _ in range(2)]
        for engine in engines:
            engine.network.sends = sends or two_sided
        slow, quick = Replay(engines[0]), QuickReplay(engines[1], two_sided=two_sided, told=True)
        lines = JsonLines(family)
        for frame in frames:
            told, fate = slow.feed(frame), quick.fare(frame)
            assert (told.trace is None) == (fate is None), frame.number
            if told.trace is not None and fate is not None:
                assert lines.line(fate, frame) == trace_json(told.trace, family), frame.number
                assert fate.logged(frame) == told.trace.of(Logged), frame.number
                retold += fate.trace is None
        quick.settle()
        assert without_comments(save(quick.engine.snapshot())) == without_comments(save(slow.engine.snapshot()))
    return retold


@pytest.mark.parametrize("folder", RECORDINGS, ids=lambda path: path.name)
def test_recordings(folder: Path) -> None:
    version = family_of(folder)
    with open_capture(folder / "in.pcapng") as capture:
        frames = list(capture)
    family = Family.IPV6 if version == 6 else Family.IPV4
    hold_equal(folder / f"rules.v{version}", Host.from_snapshot(folder), frames, family, two_sided=False)
    hold_stories_equal(folder / f"rules.v{version}", Host.from_snapshot(folder), frames, family, two_sided=False)


@pytest.mark.parametrize("folder", HOSTS, ids=lambda path: path.name)
def test_bundled_hosts(folder: Path) -> None:
    with open_capture(folder / "capture.pcapng") as capture:
        frames = list(capture)
    hold_equal(folder / "rules.v4", Host.from_snapshot(folder), frames, Family.IPV4, two_sided=True)
    incoming = [frame for frame in frames if frame.direction is not Direction.OUTBOUND]
    hold_equal(folder / "rules.v4", Host.from_snapshot(folder), incoming, Family.IPV4, two_sided=False)
    hold_stories_equal(folder / "rules.v4", Host.from_snapshot(folder), incoming, Family.IPV4, two_sided=False)


CLIENTS, SERVERS = (0xC000020A, 0xC000020B), (0x0A01000A, 0x0A01000B)
MACS = {0: ("02:00:00:00:00:01", "02:aa:00:00:00:00"), 1: ("02:00:00:00:01:01", "02:aa:00:00:01:00")}


def conversations(chance: random.Random, flows: int) -> Iterator[tuple[int, bytes]]:
    """Packets of TCP and UDP conversations through a router, mixed; some lost, repeated, damaged, out of the window."""
    live = [conversation(random.Random(chance.random()), number) for number in range(flows)]
    while live:
        at = chance.randrange(len(live))
        try:
            side, packet = next(live[at])
        except StopIteration:
            live.pop(at)
            continue
        pick = chance.random()
        if pick < 0.03:
            continue
        if pick < 0.05:
            packet = packet[:-1] + bytes((packet[-1] ^ 1,))
        yield side, packet
        if 0.05 <= pick < 0.08:
            yield side, packet


def conversation(chance: random.Random, number: int) -> Iterator[tuple[int, bytes]]:
    ends = ((chance.choice(CLIENTS), 1024 + number), (chance.choice(SERVERS), chance.choice((53, 80, 443))))
    fields = [IpFields(Family.IPV4, ends[way][0], ends[1 - way][0], chance.choice((64, 64, 2, 1))) for way in (0, 1)]
    if ends[1][1] == 53:
        for turn in range(chance.randrange(1, 8)):
            way = turn % 2
            yield (
                way,
                ip_packet(fields[way], UDP, udp_datagram(fields[way], ends[way][1], ends[1 - way][1], bytes(turn))),
            )
        return
    seq = [chance.randrange(2**32), chance.randrange(2**32)]

    def segment(way: int, flags: int, size: int = 0) -> tuple[int, bytes]:
        stamps = b"\x01\x01\x08\x0a" + bytes(8) if number % 2 else b""
        skew = chance.choice((0, 0, 0, 0, 0, 100_000)) if flags == 0x18 else 0
        made = tcp_segment(
            fields[way], ends[way][1], ends[1 - way][1], flags, seq=seq[way] + skew & 0xFFFFFFFF, ack=seq[1 - way],
            window=chance.choice((3000, 60000)), options=stamps, payload=bytes(size),
        )  # fmt: skip
        seq[way] = seq[way] + size + bool(flags & 3) & 0xFFFFFFFF
        return way, ip_packet(fields[way], TCP, made)

    yield segment(0, 0x02)
    yield segment(1, 0x12)
    yield segment(0, 0x10)
    for _ in range(chance.randrange(30)):
        yield segment(chance.randrange(2), chance.choice((0x10, 0x18, 0x18)), chance.choice((0, 1, 100, 1400)))
    yield segment(0, 0x11)
    yield segment(1, 0x11)
    yield segment(0, 0x10)


@pytest.mark.parametrize("seed", range(6))
def test_made_captures(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    rules = tmp_path / "rules.v4"
    rules.write_text(RULES[seed % len(RULES)])
    frames, now = [], 1_700_000_000_000_000_000
    for number, (side, packet) in enumerate(conversations(chance, 40), 1):
        now += chance.choice((10**6, 10**6, 10**9, 40 * 10**9))
        destination, source = (bytes.fromhex(mac.replace(":", "")) for mac in MACS[side])
        data = destination + source + b"\x08\x00" + packet
        frames.append(Frame(number, now, f"eth{side}", 1, Direction.UNKNOWN, data, len(data)))
    retold = hold_stories_equal(rules, Host.from_snapshot(HOST), frames, Family.IPV4, two_sided=False)
    passed = hold_equal(rules, Host.from_snapshot(HOST), frames, Family.IPV4, two_sided=False)
    assert min(passed, retold) > 5 or "-m length" in rules.read_text()


RULES = (
    """*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -m conntrack --ctstate INVALID -j DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -p tcp -m multiport --dports 80,443 -j ACCEPT
-A FORWARD -p udp --dport 53 -j ACCEPT
COMMIT
""",
    """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 10.1.0.10/32 -p tcp --dport 80 -j DNAT --to-destination 10.1.0.12:8080
-A POSTROUTING -o eth1 -j MASQUERADE
COMMIT
*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -m connmark --mark 0x0 -j CONNMARK --set-mark 0x7
-A PREROUTING -j CONNMARK --restore-mark
-A FORWARD -m length --length 0:100 -j ACCEPT
-A FORWARD -m mark --mark 0x7 -j LOG
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -p tcp --tcp-flags ALL ACK -m limit --limit 2/sec -j ACCEPT
-A FORWARD -m conntrack --ctstatus ASSURED -j ACCEPT
-A FORWARD -p udp -m statistic --mode nth --every 3 --packet 0 -j DROP
COMMIT
""",
    """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -j TRACE
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 10.1.0.10/32 -j DNAT --to-destination 10.1.0.12
-A POSTROUTING -o eth1 -p tcp -j SNAT --to-source 10.1.0.1:5000-5999
-A POSTROUTING -o eth1 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A FORWARD -j LOG --log-prefix "passes 100%s " --log-tcp-sequence
COMMIT
""",
)
