"""What packets find in sets and do to them, held against the kernel (packets.txt says how to read it)."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyiptables.hooks import Hook
from pyiptables.ipset.model import SECOND, MatchOptions
from pyiptables.ipset.reading import load
from pyiptables.ipset.saving import save
from pyiptables.ipset.sets import Sets
from pyiptables.packet.addresses import from_text
from pyiptables.packet.skb import Skb
from pyiptables.packet.typed_notation import parse_notation

MAC_DESTINATION, MAC_SOURCE = bytes.fromhex("020000000001"), bytes.fromhex("02aa00000001")
INTERFACES = {"PREROUTING": ("eth0", ""), "FORWARD": ("eth0", "eth1"), "POSTROUTING": ("eth0", "eth1")}


def cases() -> Iterator[list[str]]:
    for block in Path(__file__).with_name("packets.txt").read_text().split("\n\n")[1:]:
        if block.strip():
            yield block.strip().splitlines()


def directions(text: str) -> tuple[bool, ...]:
    return tuple(side == "src" for side in text.split(","))


class Rule:
    """A rule of the few matches and targets that the cases use, carried out on the sets."""

    def __init__(self, line: str) -> None:
        self.chain, *self.words = shlex.split(line)[1:]

    def evaluate(self, sets: Sets, skb: Skb, now: int) -> bool:
        skb.iif, skb.oif = INTERFACES[self.chain]
        skb.hook = Hook[self.chain]
        words = self.words
        if "-d" in words and skb.daddr != from_text(words[words.index("-d") + 1])[0]:
            return False
        if "--match-set" in words and not self.matches(sets, skb, now):
            return False
        if "--mark" in words and skb.mark != int(words[words.index("--mark") + 1], 16):
            return False
        self.act(sets, skb, now)
        return True

    def matches(self, sets: Sets, skb: Skb, now: int) -> bool:
        at = self.words.index("--match-set")
        conditions = {"packets": None, "bytes": None}
        for place, word in enumerate(self.words):
            if found := re.fullmatch(r"--(packets|bytes)-(eq|lt|gt)", word):
                comparison = "ne" if self.words[place - 1] == "!" else found[2]
                conditions[found[1]] = (comparison, int(self.words[place + 1]))
        options = MatchOptions(
            return_nomatch="--return-nomatch" in self.words,
            update_counters="--update-counters" not in self.words,
            update_subcounters="--update-subcounters" not in self.words,
            **conditions,
        )
        name, sides = self.words[at + 1 : at + 3]
        found = sets.test(name, skb, directions(sides), now=now, options=options)
        return found != (self.words[at - 1] == "!")

    def act(self, sets: Sets, skb: Skb, now: int) -> None:
        for place, word in enumerate(self.words):
            if word == "--set-mark":
                skb.mark = int(self.words[place + 1], 16)
            if word not in ("--add-set", "--del-set", "--map-set"):
                continue
            name, sides = self.words[place + 1 : place + 3]
            if word == "--add-set":
                rest = self.words[place:]
                timeout = int(rest[rest.index("--timeout") + 1]) if "--timeout" in rest else None
                exist = "--exist" in self.words
                sets.add(name, skb, directions(sides), now=now, timeout=timeout, exist=exist)
            elif word == "--del-set":
                sets.delete(name, skb, directions(sides), now=now)
            elif lent := sets.lookup(name, skb, directions(sides), now=now):
                skb.mark = skb.mark & ~lent.markmask ^ lent.mark


def arrive(line: str) -> Skb:
    typed = parse_notation(line)
    mac = MAC_DESTINATION + (typed.mac_source or MAC_SOURCE) + b"\x08\x00"
    return Skb(typed.data, typed.family, iif="eth0", mac=mac)


@pytest.mark.parametrize("lines", list(cases()), ids=lambda lines: lines[0][2:])
def test_packets(lines: list[str]) -> None:
    sets = load([line for line in lines if line.startswith(("create ", "add "))])
    rules = [Rule(line) for line in lines if line.startswith("rule ")]
    now, expected, got = 0, [], []
    for line in lines:
        if line.startswith("sleep "):
            now += int(line[6:]) * SECOND
        elif line.startswith("eth0:"):
            now += SECOND // 50
            packet, _, answers = line.partition("  -> ")
            skb = arrive(packet)
            expected.append((packet, answers))
            got.append((packet, " ".join("yes" if rule.evaluate(sets, skb, now) else "no" for rule in rules)))
    assert got == expected
    saved = sorted(line for line in save(sets, now=now) if line.startswith("add "))
    assert _timeless(saved) == _timeless(sorted(line[2:] for line in lines if line.startswith("= ")))


def _timeless(lines: list[str]) -> list[str]:
    """With timeouts that run in tens of seconds only: the machine was not as quick as this clock."""
    return [
        re.sub(r"timeout ([1-9]\d*)", lambda found: f"timeout {(int(found[1]) + 5) // 10}0", line) for line in lines
    ]
