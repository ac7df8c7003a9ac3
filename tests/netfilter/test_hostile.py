"""Captures that want to do harm: whatever is in them, each packet has an end and a reason, and memory stays bounded.

How the files themselves may be broken is in tests/packet/test_capture.py; here are packets, through rules that look at
all that packets have.
"""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyiptables import Engine, Family, Host, Replay, load
from pyiptables.hooks import Verdict
from pyiptables.netfilter.replay import Role
from pyiptables.packet.capture import CaptureWriter, open_capture
from pyiptables.packet.link import Direction, Frame, LinkType
from pyiptables.packet.typed_notation import parse_notation
from pyiptables.trace.events import Decided

RECORDINGS = sorted((Path(__file__).parent / "recordings").iterdir())
START = 1_700_000_000_000_000_000
LOOKS = """
*raw
-A PREROUTING -p tcp --dport 21 -j CT --helper ftp
-A PREROUTING -p udp --dport 5060 -j CT --helper sip
COMMIT
*mangle
-A PREROUTING -m recent --name all --set
-A PREROUTING -m hashlimit --hashlimit-above 1/sec --hashlimit-mode srcip,dstport --hashlimit-name a -j MARK --set-mark 1
-A PREROUTING -p tcp -m tcp --tcp-option 5 -j MARK --set-mark 2
-A PREROUTING -p tcp -m tcpmss --mss 1:100 -j MARK --set-mark 3
-A PREROUTING -m u32 --u32 "0>>22&0x3C@12>>26&0x3C@0=1" -j MARK --set-mark 4
-A PREROUTING -m string --algo bm --string GET -j LOG --log-ip-options --log-tcp-options --log-tcp-sequence
-A FORWARD -p tcp --syn -j TCPMSS --set-mss 500
-A FORWARD -p tcp -j TCPOPTSTRIP --strip-options 3,4,5,8
-A FORWARD -p tcp -j ECN --ecn-tcp-remove
COMMIT
*nat
-A PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination 10.1.0.10
-A POSTROUTING -j MASQUERADE
COMMIT
*filter
-A FORWARD -m conntrack --ctstate INVALID -j LOG --log-ip-options --log-tcp-options
-A FORWARD -p sctp -m sctp --chunk-types any DATA,INIT
-A FORWARD -p udp --dport 7 -j REJECT
-A FORWARD -m connlimit --connlimit-above 3 -j DROP
COMMIT
"""


def frame(data: bytes, time: int, *, interface: str = "eth0", length: int = 0) -> Frame:
    """A frame that came in."""
    return Frame(1, time, interface, LinkType.ETHERNET, Direction.INBOUND, data, length or len(data))


def judged(replay: Replay, one: Frame) -> None:
    """Feed a frame: it is counted, and has an end with a reason."""
    before = sum(replay.counts.values())
    replayed = replay.feed(one)
    assert sum(replay.counts.values()) == before + 1
    if replayed.trace is None:
        assert replayed.note or replayed.role in (Role.OTHER_FAMILY, Role.OTHER_HOST, Role.COPY, Role.UNEXPECTED)
        return
    ends = replayed.trace.of(Decided)
    for end in ends:
        assert end.verdict != Verdict.DROP.name or end.reason or end.table


def of_recording(folder: Path, most: int) -> Iterator[Frame]:
    """Some frames of a recording, no two of one length."""
    lengths: set[int] = set()
    with open_capture(folder / "in.pcapng") as capture:
        for one in capture:
            if one.interface != "local" and len(one.data) not in lengths and len(lengths) < most:
                lengths.add(len(one.data))
                yield one


def engine_of(folder: Path) -> Engine:
    """The host of a recording, with its own rules."""
    six = (folder / "rules.v6").exists()
    rules = load(folder / f"rules.v{6 if six else 4}", Family.IPV6 if six else Family.IPV4)
    return Engine(rules, Host.from_snapshot(folder), misses=True)


@pytest.mark.parametrize("folder", RECORDINGS[::2], ids=lambda path: path.name)
def test_cut_at_every_byte(folder: Path) -> None:
    """As snaplen cuts: the frame was longer; and as a short frame is."""
    replay = Replay(engine_of(folder))
    for one in of_recording(folder, 3):
        for size in range(min(len(one.data), 140)):
            judged(replay, one._replace(data=one.data[:size]))
            judged(replay, one._replace(data=one.data[:size], original_length=size))


@pytest.mark.parametrize("folder", RECORDINGS[1::2], ids=lambda path: path.name)
def test_every_byte_lies(folder: Path) -> None:
    replay = Replay(engine_of(folder))
    for one in of_recording(folder, 3):
        for at in range(14, min(len(one.data), 110)):
            for value in (0, 0xFF, one.data[at] ^ 1):
                judged(replay, one._replace(data=one.data[:at] + bytes((value,)) + one.data[at + 1 :]))


def fragment(number: int, offset: int, body: bytes, more: bool) -> bytes:
    words = f"203.0.113.9 > 10.1.0.10 udp frag {offset} id {number} payload hex:{body.hex()}{' mf' * more}"
    return parse_notation(words).data if offset else parse_notation(f"{words} sport 1 dport 2").data


def options(size: int) -> bytes:
    """TCP options: as many as there is room for, of a byte each, then one that lies about its length."""
    return (b"\x01" * (size - 2) + b"\x05\xff")[:size]


FLOODS: dict[str, Callable[[int], bytes]] = {
    "connections": lambda n: (
        parse_notation(f"203.0.{n >> 8 & 255}.{n & 255}:{n % 60000 + 1} > 10.1.0.10:80 tcp S").data
    ),
    "fragments without an end": lambda n: fragment(n % 65536, 0, b"x" * 64, True),
    "fragments that overlap": lambda n: fragment(7, n % 100 * 8 or 8, b"x" * 96, True),
    "fragments beyond the end": lambda n: fragment(n % 9, 65504, b"x" * 96, False),
    "options": lambda n: (
        parse_notation(f"203.0.113.9:{n % 9 + 1} > 10.1.0.10:80 tcp S options {options(40).hex()}").data
    ),
    "registrations": lambda n: (
        parse_notation(f'203.0.113.9:{n % 60000 + 1} > 10.1.0.10:5060 udp payload "REGISTER sip:a SIP/2.0"').data
    ),
    "sources": lambda n: parse_notation(f"203.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255} > 10.1.0.10 icmp").data,
}
MANY, BOUND = 1200, 4000
"""So many packets, and the most bytes of memory for each that the kernel itself would keep something for."""


@pytest.mark.parametrize("kind", FLOODS)
@pytest.mark.parametrize("backwards", [False, True])
def test_floods(kind: str, backwards: bool) -> None:
    host = Host.assumed(["eth0", "eth1"], {"eth0": ["203.0.0.1/8"], "eth1": ["10.1.0.1/24"]})
    replay = Replay(Engine(load(LOOKS.splitlines(keepends=True)), host))
    macs = bytes(12) + b"\x08\x00"
    packets = [macs + FLOODS[kind](n) for n in range(MANY)]
    judged(replay, frame(packets[0], START))
    tracemalloc.start()
    try:
        for n, data in enumerate(packets):
            judged(replay, frame(data, START + (-n if backwards else n) * 1_000_000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MANY * BOUND


def test_every_frame_is_counted() -> None:
    """Frames that are no packets have a place in the counts, too."""
    made = io.BytesIO()
    writer = CaptureWriter(made)
    for number, data in enumerate(
        [b"", b"\x45", bytes(14), bytes(12) + b"\x08\x00", bytes(12) + b"\x08\x00" + b"\x60" * 60]
    ):
        writer.write(frame(data, START - number))
    made.seek(0)
    replay = Replay(Engine(load(LOOKS.splitlines(keepends=True)), Host.assumed(["eth0"], {})))
    with open_capture(made) as capture:
        for one in capture:
            judged(replay, one)
    assert sum(replay.counts.values()) == 5


@pytest.mark.parametrize("chain", ["PREROUTING", "INPUT"])
def test_a_copy_to_the_host_itself_is_not_copied_for_ever(chain: str) -> None:
    rules = f"*mangle\n-A {chain} -j TEE --gateway 127.0.0.1\nCOMMIT\n"
    host = Host.assumed(["eth0"], {"eth0": ["10.1.0.1/24"]})
    packet = parse_notation("eth0: 10.1.0.9 > 10.1.0.1 icmp").packet(START)
    trace = Engine(load(rules.splitlines(keepends=True)), host).send(packet)
    assert any("loop through lo" in end.reason for end in trace.of(Decided))
