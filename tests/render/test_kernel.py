"""Lines of the kernel's log, held against lines that a kernel wrote (data/kernel_lines.txt)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyiptables.hooks import Family
from pyiptables.render.kernel import LONGEST, kernel_line
from pyiptables.trace.events import Logged

TABLE = Path(__file__).parent / "data" / "kernel_lines.txt"
START = 1_700_000_000_000_000_000


def logged(data: bytes, **changes: Any) -> Logged:
    event: dict[str, Any] = {
        "time": START,
        "prefix": "",
        "level": 4,
        "flags": 0x2F,
        "family": Family.IPV6 if data[:1] and data[0] >> 4 == 6 else Family.IPV4,
        "in_interface": "eth0",
        "out_interface": "",
        "mac": b"",
        "mark": 0,
        "data": data,
    }
    return Logged(**(event | changes))


def recorded() -> Iterator[object]:
    title = ""
    words: list[str] = []
    for line in TABLE.read_text().splitlines():
        if line.startswith("# "):
            title = line[2:]
        elif line.startswith("|"):
            yield pytest.param(words, line[1:-1], id=f"{title} {words[0]}")
        elif line:
            words = ["" if word == "-" else word for word in line.split(" ")]


@pytest.mark.parametrize(("words", "line"), list(recorded()))
def test_line_is_the_kernels(words: list[str], line: str) -> None:
    flags, coming, going, mac, mark, owner, packet = words
    uid, _, gid = owner.partition("/")
    event = logged(
        bytes.fromhex(packet),
        prefix=line[: line.index("IN=")],
        flags=int(flags, 16),
        in_interface=coming,
        out_interface=going,
        mac=bytes.fromhex(mac),
        mark=int(mark, 16),
        uid=int(uid) if uid else None,
        gid=int(gid) if gid else None,
    )
    assert kernel_line(event, START) == "[    0.000000] " + line


@pytest.mark.parametrize(
    ("nanoseconds", "stamp"),
    [
        (0, "[    0.000000] "),
        (10_000_000, "[    0.010000] "),
        (1_999, "[    0.000001] "),
        (12_345_678_901_234, "[12345.678901] "),
        (123_456_000_000_000, "[123456.000000] "),
        (-1_500_000, "[   -0.001500] "),
    ],
)
def test_time_is_seconds_since_the_start(nanoseconds: int, stamp: str) -> None:
    assert kernel_line(logged(b"", time=START + nanoseconds), START).startswith(stamp + "IN=eth0 ")


@pytest.mark.parametrize(
    ("prefix", "shown"),
    [("web: ", "web: "), ("a\nb\x1b[31m", "a\\x0ab\\x1b[31m"), ("é\\ ", "é\\ "), ("\udcff", "\\xff"), ("", "")],
)
def test_prefix_stays_on_its_line(prefix: str, shown: str) -> None:
    assert kernel_line(logged(b"", prefix=prefix), START) == f"[    0.000000] {shown}IN=eth0 OUT= TRUNCATED"


def test_any_bytes_make_a_line() -> None:
    chance = random.Random(5)
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("0x")]
    for line in lines:
        packet = bytes.fromhex(line.split(" ")[-1])
        for size in (*range(min(len(packet), 70)), len(packet)):
            broken = bytearray(packet[:size])
            for place in chance.sample(range(size), min(size, 3)):
                broken[place] = chance.randrange(256)
            shown = kernel_line(logged(bytes(broken)), START)
            assert "\n" not in shown
            assert len(shown) <= LONGEST + 15
