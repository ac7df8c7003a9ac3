"""``-m u32``: source extensions/libxt_u32.c and net/netfilter/xt_u32.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.u32 import U32, U32Test
from pyiptables.packet.fields_headers import number
from pyiptables.predicate import Predicate, Test

WORD = 0xFFFFFFFF


class U32Match(Match):
    """Match any bits of the packet, counted from its network header."""

    name = "u32"

    tests = opt("--u32", kind=U32, invertible=True, required=True, help="what must be found where")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """A word cannot be shifted out of itself."""
        steps = (step for test in self.tests for step in test.location)
        return "a shift by more than 31 bits" if any(sign in ("<<", ">>") and by > 31 for sign, by in steps) else None

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``u32 ! "0x0=0x1"``."""
        return f" u32 {'! ' if self.inverts(type(self).tests) else ''}{U32.save(self.tests, facts)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """All tests; a packet that is too short for one fails it."""
        yield self.wants(type(self).tests, facts, lambda negate: Test("u32", lambda skb: self._holds(skb) != negate))

    def _holds(self, skb: Any) -> bool:
        return all(_found(test, skb.data) for test in self.tests)


def _found(test: U32Test, data: bytearray) -> bool:
    """Whether one test holds (u32_match_it), in 32-bit arithmetic."""
    base, word = 0, number(data, test.location[0][1], 4)
    for sign, operand in test.location[1:]:
        if word is None:
            return False
        match sign:
            case "&":
                word &= operand
            case "<<":
                word = word << operand & WORD
            case ">>":
                word >>= operand
            case _:
                base += word
                word = number(data, base + operand, 4) if base <= WORD else None
    return word is not None and any(low <= word <= high for low, high in test.values)
