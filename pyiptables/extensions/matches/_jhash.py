"""Bob Jenkins' hash of 32-bit words, as the kernel has it.

Source: include/linux/jhash.h (jhash2, jhash_1word); Bob Jenkins' lookup3.
"""

from __future__ import annotations

from collections.abc import Sequence

WORD = 0xFFFFFFFF
GOLDEN = 0xDEADBEEF


def _turn(value: int, bits: int) -> int:
    return (value << bits | value >> 32 - bits) & WORD


def jhash_words(words: Sequence[int], seed: int) -> int:
    """The hash of 32-bit words with a seed, 32 bits."""
    a = b = c = GOLDEN + (len(words) << 2) + seed & WORD
    words = list(words)
    while len(words) > 3:
        a, b, c = a + words[0] & WORD, b + words[1] & WORD, c + words[2] & WORD
        a, b, c = _mix(a, b, c)
        words = words[3:]
    first, second, third = (*words, 0, 0, 0)[:3]
    return _final(a + first & WORD, b + second & WORD, c + third & WORD) if words else c


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = (a - c & WORD) ^ _turn(c, bits)
        c = c + b & WORD
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = (c ^ b) - _turn(b, bits) & WORD
        a, b, c = b, c, a
    return b
