"""Programs of the classic packet filter as text: ``LENGTH,CODE JT JF K,CODE JT JF K...``.

Source of the behaviour: extensions/libxt_bpf.c (bpf_parse_string), which reads numbers as sscanf(3) does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.packet.bpf import Instruction

MOST_INSTRUCTIONS = 64

_NUMBER = r"[ \t\n\v\f\r]*([+-]?[0-9]++)"  # possessive: a number is never split to make another
_LENGTH = re.compile(_NUMBER + ",")
_INSTRUCTION = re.compile(_NUMBER * 4)


class Bytecode(Kind):
    """A program of at most 64 instructions."""

    metavar = "program"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The instructions."""
        return _read(texts[0])

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The same, in quotes."""
        return f'"{len(value)},{self.list(value, facts, numeric=True)}"'

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The instructions, without their number."""
        return ",".join("{} {} {} {}".format(*instruction) for instruction in value)


@lru_cache(maxsize=256)
def _read(text: str) -> tuple[Instruction, ...]:
    found = _LENGTH.match(text)
    if found is None:
        raise ParameterProblem("bpf: error parsing program length")
    length = _cut(found[1], 16)
    if not length:
        raise ParameterProblem("bpf: illegal zero length program")
    if length > MOST_INSTRUCTIONS:
        raise ParameterProblem("bpf: number of instructions exceeds maximum")
    texts = text.split(",", length + 2)[1:]
    if not texts[-1]:
        texts.pop()
    program: list[Instruction] = []
    for place, one in enumerate(texts):
        if place >= length:
            raise ParameterProblem("bpf: real program length exceeds the encoded length parameter")
        numbers = _INSTRUCTION.match(one)
        if numbers is None:
            raise ParameterProblem(f"bpf: error at instr {place}")
        code, jt, jf, k = (_cut(digits, bits) for digits, bits in zip(numbers.groups(), (16, 8, 8, 32), strict=True))
        program.append(Instruction(code, jt, jf, k))
    if len(program) != length:
        raise ParameterProblem("bpf: parsed program length is less than the encoded length parameter")
    return tuple(program)


def _cut(digits: str, bits: int) -> int:
    """The lowest bits of a number as strtoul(3) reads it, which is all ones when it is too large."""
    value = int(digits) if len(digits) < 40 else 2**64
    return (value if abs(value) < 2**64 else -1) & (1 << bits) - 1


BYTECODE = Bytecode()
