"""Sets as text, held against what the ipset program and the kernel answered (texts.txt says how to read it)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pyiptables.errors import Error
from pyiptables.ipset.reading import load
from pyiptables.ipset.saving import save

AROUND = [*(f"create {name} hash:ip" for name in "abcdef"), "create l list:set"]


class Case(NamedTuple):
    created: bool
    create: str
    adds: list[str]
    saved: list[str]


def cases() -> Iterator[Case]:
    for block in Path(__file__).with_name("texts.txt").read_text().split("\n\n")[1:]:
        lines = block.strip().splitlines()
        if not lines:
            continue
        word, _, create = lines[0].partition(" ")
        adds = [line for line in lines[1:] if not line.startswith("=")]
        yield Case(word == "create", create, adds, [line[2:] for line in lines[1:] if line.startswith("=")])


def comparable(lines: list[str]) -> list[str]:
    """Without the order of a hash and its random seed, and without the time that the machine took."""
    lines = [re.sub(r"^(add .*) timeout [1-9]\d*", r"\1 timeout N", line) for line in lines]
    return sorted(re.sub(r" initval (?!0x00000005)\S+", " initval RANDOM", line) for line in lines)


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.create)
def test_text(case: Case) -> None:
    lines = [*AROUND, f"create x {case.create}"] if "list" in case.create else [f"create x {case.create}"]
    if not case.created:
        with pytest.raises(Error):
            load(lines)
        return
    answers = []
    for add in case.adds:
        try:
            load([*lines, f"add x {add[2:]}"])
        except Error:
            answers.append(f"- {add[2:]}")
        else:
            answers.append(f"+ {add[2:]}")
            lines.append(f"add x {add[2:]}")
    assert answers == case.adds
    saved = [line for line in save(load(lines)) if line.split()[1] == "x"]
    assert comparable(saved) == comparable(case.saved)


# With a mask a range is stored without it from its second address on: read again, such elements are others.
RESTORED = [case for case in cases() if case.created and not ("hash" in case.create and "mask " in case.create)]


@pytest.mark.parametrize("case", RESTORED, ids=lambda case: case.create)
def test_saved_is_read_again(case: Case) -> None:
    lines = [line.replace("RANDOM", "0x00000001") for line in case.saved]
    around = AROUND if "list" in case.create or "setlist" in case.create else []
    saved = list(save(load([*around, *lines])))
    assert sorted(saved) == sorted([*save(load(around)), *lines])
