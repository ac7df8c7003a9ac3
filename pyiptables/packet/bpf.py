"""The classic packet filter: checking a program, and running it over a packet from its network header on.

Source: net/core/filter.c (bpf_check_classic, check_load_and_stores, bpf_convert_filter), include/uapi/linux/bpf_common.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pyiptables.hooks import Family

MEMORY_WORDS = 16
WORD = 0xFFFFFFFF

ANCILLARY = 0xFFFFF000
"""Offsets of loads from here on name what the kernel knows beside the bytes (SKF_AD_OFF)."""
NETWORK, LINK = -0x100000, -0x200000
"""Offsets that count from the network and from the link-layer header (SKF_NET_OFF, SKF_LL_OFF)."""

# Classes, and the parts that an instruction's code is made of.
LD, LDX, ST, STX, ALU, JMP, RET, MISC = range(8)
SIZES = {0x00: 4, 0x08: 2, 0x10: 1}
IMMEDIATE, ABSOLUTE, INDIRECT, MEMORY, LENGTH, HEADER_LENGTH = 0x00, 0x20, 0x40, 0x60, 0x80, 0xA0
FROM_X = 0x08
ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, MOD, XOR = range(0x00, 0xB0, 0x10)
JA, JEQ, JGT, JGE, JSET = range(0x00, 0x50, 0x10)
RET_K, RET_A, TAX, TXA = 0x06, 0x16, 0x07, 0x87

_LOADS = {LD | mode | size for mode in (ABSOLUTE, INDIRECT) for size in SIZES} | {LD | MEMORY, LD | IMMEDIATE}
_INDEX_LOADS = {LDX | IMMEDIATE, LDX | MEMORY, LDX | LENGTH, LDX | HEADER_LENGTH | 0x10}
_ARITHMETIC = {ALU | kind | source for kind in range(0, 0xB0, 0x10) for source in (0, FROM_X)} - {ALU | NEG | FROM_X}
_JUMPS = {JMP | kind | source for kind in (JEQ, JGT, JGE, JSET) for source in (0, FROM_X)}
VALID_CODES = (
    _LOADS | {LD | LENGTH} | _INDEX_LOADS | {ST, STX} | _ARITHMETIC | _JUMPS | {JMP | JA, RET_K, RET_A, TAX, TXA}
)

XOR_X, LAST_ANCILLARY = 40, 60
UNKNOWN_ANCILLARY = {
    12: "netlink attributes", 16: "netlink attributes", 24: "the receive queue", 28: "the interface's hardware type",
    32: "the receive hash", 36: "the processor", 52: "the payload's offset", 56: "a random number",
}  # fmt: skip
"""What ancillary loads ask for that a packet does not tell (SKF_AD_*)."""


class Instruction(NamedTuple):
    """One instruction: code, where to jump if true and if false, and a number (struct sock_filter)."""

    code: int
    jt: int
    jf: int
    k: int


def check(program: Sequence[Instruction]) -> str | None:
    """Why the kernel would not take a program, or None when it does."""
    for place, (code, jt, jf, k) in enumerate(program):
        left = len(program) - place - 1
        wrong = (
            code not in VALID_CODES
            or (code in (ALU | DIV, ALU | MOD) and k == 0)
            or (code in (ALU | LSH, ALU | RSH) and k > 31)
            or (code in (LD | MEMORY, LDX | MEMORY, ST, STX) and k >= MEMORY_WORDS)
            or (code == JMP | JA and k >= left)
            or (code in _JUMPS and max(jt, jf) >= left)
            or (code & 0xE7 == LD | ABSOLUTE and k >= ANCILLARY and (k % 4 != 0 or k - ANCILLARY > LAST_ANCILLARY))
        )
        if wrong:
            return f"instruction {place} is not valid"
    if program[-1].code not in (RET_K, RET_A):
        return "the last instruction does not return"
    return _unset_memory(program)


def _unset_memory(program: Sequence[Instruction]) -> str | None:
    """Find a load of memory that some way through the program has not stored."""
    everything = (1 << MEMORY_WORDS) - 1
    known, stored = [everything] * (len(program) + 1), 0
    for place, (code, jt, jf, k) in enumerate(program):
        stored &= known[place]
        if code in (ST, STX):
            stored |= 1 << k
        elif code in (LD | MEMORY, LDX | MEMORY):
            if not stored >> k & 1:
                return f"instruction {place} loads memory that was not stored"
        elif code & 7 == JMP:
            for distance in (k,) if code == JMP | JA else (jt, jf):
                known[place + 1 + distance] &= stored
            stored = everything
    return None


def run(program: Sequence[Instruction], skb: Any) -> int | str:
    """What a checked program returns for a packet (0 where it reads beyond it); a text where that cannot be known."""
    return _Machine(skb).run(program)


class _Machine:
    """Accumulator, index register and memory. Jumps only go forward, so that a program ends."""

    __slots__ = ("a", "memory", "skb", "x")

    def __init__(self, skb: Any) -> None:
        self.skb = skb
        self.a = self.x = 0
        self.memory = [0] * MEMORY_WORDS

    def run(self, program: Sequence[Instruction]) -> int | str:
        place = 0
        while True:
            code, jt, jf, k = program[place]
            place += 1
            match code & 7:
                case 0 | 1:
                    value = self._load(code, k)
                    if not isinstance(value, int):
                        return value or 0
                    if code & 7 == LD:
                        self.a = value
                    else:
                        self.x = value
                case 2 | 3:
                    self.memory[k] = self.a if code == ST else self.x
                case 4:
                    result = self._compute(code & 0xF0, self.x if code & FROM_X else k)
                    if result is None:
                        return 0
                    self.a = result & WORD
                case 5:
                    place += k if code == JMP | JA else jt if self._compare(code, k) else jf
                case 6:
                    return k if code == RET_K else self.a
                case _:
                    self.a, self.x = (self.a, self.a) if code == TAX else (self.x, self.x)

    def _load(self, code: int, k: int) -> int | str | None:
        """The value that an instruction loads; None beyond the packet, a text for what is not known."""
        match code & 0xE0:
            case 0x00:
                return k
            case 0x60:
                return self.memory[k]
            case 0x80:
                return len(self.skb.data)
            case 0xA0:
                byte = self._read(k, 1)
                return None if byte is None else (byte & 15) * 4
            case 0x20 if k >= ANCILLARY:
                return self._ancillary(k - ANCILLARY)
        return self._read(k + self.x if code & 0xE0 == INDIRECT else k, SIZES[code & 0x18])

    def _read(self, offset: int, size: int) -> int | None:
        """The number of ``size`` bytes at an offset, which counts as a signed 32-bit number."""
        at, data = (offset + 2**31 & WORD) - 2**31, self.skb.data
        if at < 0:
            if at < LINK:
                return None
            if at >= NETWORK:
                at -= NETWORK
            else:
                at, data = at - LINK, (self.skb.mac + data if self.skb.mac else b"")
        return int.from_bytes(data[at : at + size], "big") if at + size <= len(data) else None

    def _ancillary(self, what: int) -> int | str | None:
        skb = self.skb
        match what:
            case 0:
                return 0x0800 if skb.family is Family.IPV4 else 0x86DD
            case 4:
                return int(skb.pkt_type)
            case 8:
                interface = skb.host.interface(skb.oif or skb.iif) if skb.host is not None else None
                return "the interface's index" if interface is None else int(interface.index)
            case 20:
                return int(skb.mark)
            case 40:
                return self.a ^ self.x
        return UNKNOWN_ANCILLARY.get(what, 0)  # no VLAN tag is left where iptables looks

    def _compute(self, kind: int, operand: int) -> int | None:
        a = self.a
        match kind:
            case 0x00:
                return a + operand
            case 0x10:
                return a - operand
            case 0x20:
                return a * operand
            case 0x30:
                return a // operand if operand else None
            case 0x40:
                return a | operand
            case 0x50:
                return a & operand
            case 0x60:
                return a << (operand & 31)
            case 0x70:
                return a >> (operand & 31)
            case 0x80:
                return -a
            case 0x90:
                return a % operand if operand else None
        return a ^ operand

    def _compare(self, code: int, k: int) -> bool:
        operand = self.x if code & FROM_X else k
        match code & 0xF0:
            case 0x10:
                return self.a == operand
            case 0x20:
                return self.a > operand
            case 0x30:
                return self.a >= operand
        return bool(self.a & operand)
