"""Large rulesets with a fault or two: read by plans and spellings, they come to what the walk makes of every line."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from test_shapes import restored, walked

from pyiptables.syntax import spellings
from pyiptables.syntax.restore import Settings

sys.path.insert(0, str(Path(__file__).parents[1]))
from bench import flat, kube

CHARACTERS = ' "\\-!.,:/[]0aZ\t\0é\x1c\u2003'
WORDS = [
    "0", "eth0", "1.2.3.4", "tcp", "-j", '""', "ACCEPT", "KUBE-MARK-MASQ", "65536", "x" * 40, "300.1.1.1",
    "1.1.1.1,2.2.2.2",
]  # fmt: skip
Fault = Callable[[random.Random, str, int], str]
FAULTS: dict[str, Fault] = {
    "a character more": lambda chance, line, at: line[:at] + chance.choice(CHARACTERS) + line[at:],
    "a character less": lambda chance, line, at: line[:at] + line[at + 1 :],
    "another character": lambda chance, line, at: line[:at] + chance.choice(CHARACTERS) + line[at + 1 :],
    "the line again": lambda chance, line, at: line + "\n" + line,
    "another word": lambda chance, line, at: line.replace(
        chance.choice(line.split() or [" "]), chance.choice(WORDS), 1
    ),
}


def rules(chance: random.Random) -> list[str]:
    """A small ruleset of one of the two kinds, with counters or without."""
    if chance.random() < 0.7:
        lines = list(kube.ruleset(kube.services(chance.randrange(3, 8), seed=chance.randrange(99))))
        lines = lines[lines.index("*nat\n") :]
    else:
        lines = list(flat.ruleset(20, seed=chance.randrange(99)))
    if chance.random() < 0.3:
        lines = [f"[{chance.randrange(3)}:0] {line}" if line[0] == "-" else line for line in lines]
    return lines


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("seed", range(12))
def test_faults(fault: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spellings, "USUAL_FROM", 1)
    chance = random.Random(seed)
    lines = rules(chance)
    for _ in range(chance.choice((1, 1, 2))):
        place = chance.randrange(1, len(lines))
        line = lines[place].rstrip("\n")
        broken = FAULTS[fault](chance, line, chance.randrange(len(line) + 1))
        lines[place : place + 1] = [f"{each}\n" for each in broken.split("\n")]
    if "COMMIT\n" not in lines:
        lines.append("COMMIT\n")
    options = Settings(counters=seed % 2 == 0, noflush=seed % 3 == 0)
    lines = ["*raw\n", "COMMIT\n", *lines]
    assert restored(lines, options) == walked(lines, options)
