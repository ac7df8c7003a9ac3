"""Packets in one line, parted by semicolons: read, written, and traced."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tables import HOSTS

from pyiptables.errors import PacketError
from pyiptables.packet.conversation import is_notation, parse_conversation, split_conversation, to_conversation

SYN = "eth0: 198.51.100.7:40000 > 203.0.113.10:443 tcp S"
ANSWER = "eth1: 192.168.1.10:8443 > 198.51.100.7:40000 tcp S."
QUOTED = 'eth0: 198.51.100.7:1 > 203.0.113.10:53 udp payload "a ; b"'

SPLITS = [
    (SYN, [SYN]),
    (f"{SYN} ; {ANSWER}", [SYN, ANSWER]),
    (f"{SYN}  ;   {QUOTED} ; {ANSWER}", [SYN, QUOTED, ANSWER]),
    (f"{SYN};{ANSWER}", [f"{SYN};{ANSWER}"]),
]


@pytest.mark.parametrize(("line", "parts"), SPLITS)
def test_split(line: str, parts: list[str]) -> None:
    assert [text for text, _ in split_conversation(line)] == parts


def test_read_and_written() -> None:
    line = f"{SYN} ; {QUOTED} ; {ANSWER}"
    assert to_conversation(parse_conversation(line)) == line
    with pytest.raises(PacketError) as raised:
        parse_conversation(f"{SYN} ; {ANSWER} dprot 3")
    assert (raised.value.column, raised.value.hint) == (len(f"{SYN} ; {ANSWER} ") + 1, "did you mean dport?")


@pytest.mark.parametrize(
    ("text", "meant"), [(SYN, True), ("raw 4500", True), ("eth0: raw 4500", True), ("-p tcp", False), ("a.pcap", False)]
)
def test_told_from_other_words(text: str, meant: bool) -> None:
    assert is_notation(text) is meant


def test_traced() -> None:
    call = [sys.executable, "-m", "pyiptables", "trace", "--snapshot", str(HOSTS / "home-router"), f"{SYN} ; {ANSWER}"]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert "conntrack    ESTABLISHED, reply" in done.stdout
    assert "source 192.168.1.10:8443 -> 203.0.113.10:443 (as its" in done.stdout
