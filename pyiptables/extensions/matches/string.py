"""``-m string``: source extensions/libxt_string.c, net/netfilter/xt_string.c, lib/ts_bm.c, lib/ts_kmp.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, Refusal, RuleFacts, opt
from pyiptables.extensions.kinds.numbers import UINT16
from pyiptables.extensions.kinds.patterns import HexPattern, Pattern
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.predicate import Predicate, Test

END = 0xFFFF
UPPER = bytes(byte - 32 if 97 <= byte <= 122 or (byte >= 223 and byte != 247) else byte for byte in range(256))
"""The kernel's own capitals: those of Latin-1."""


class StringMatch(Match):
    """Match packets with some bytes in them, the headers included."""

    name = "string"

    start = opt("--from", kind=UINT16, default=0, neutral=0, help="offset from the network header to begin at")
    end = opt("--to", kind=UINT16, default=END, neutral=END, help="offset to end at")
    algorithm = opt(
        "--algo", kind=PlainText(15), required=True, help="how to search: bm, within one block of data, or kmp"
    )
    pattern = opt("--string", kind=Pattern(), invertible=True, excludes=("hexadecimal",), help="a text")
    hexadecimal = opt(
        "--hex-string", kind=HexPattern(), invertible=True, excludes=("pattern",), to="pattern",
        help="a text with bytes in hexadecimal between bars: a|0d 0a|b",
    )  # fmt: skip
    ignore_case = opt("--icase", help="capitals or not")

    def check(self, facts: RuleFacts) -> None:
        """There is something to look for."""
        if self.pattern is None:
            raise ParameterProblem("STRING match: You must specify `--string' or `--hex-string'")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """The place, the algorithm, and at least one byte."""
        if self.start > self.end:
            return "--from lies behind --to"
        if self.algorithm not in ("bm", "kmp", "fsm"):
            return Refusal(f"there is no algorithm {self.algorithm}", "No chain/target/match by that name")
        return None if self.pattern and self.algorithm != "fsm" else "there is nothing to look for"

    def save(self, facts: RuleFacts) -> str:
        """``--string "text" --algo bm``."""
        bounds = "".join(self._bound(name, value) for name, value in (("from", "start"), ("to", "end")))
        mark = " !" if self.inverted else ""
        text = type(self).pattern.kind.save(self.pattern, facts)
        word = "hex-string" if Pattern.needs_hexadecimal(self.pattern) else "string"
        icase = " --icase" if self.ignore_case else ""
        return f"{mark} --{word} {text} --algo {self.algorithm}{bounds}{icase}"

    def _bound(self, name: str, attribute: str) -> str:
        return f" --{name} {self.values[attribute]}" if attribute in self.values else ""

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``STRING match  "text" ALGO name bm FROM 10 TO 20 ICASE``."""
        text = type(self).pattern.kind.save(self.pattern, facts)
        bounds = "".join(self._bound(name, value) for name, value in (("FROM", "start"), ("TO", "end")))
        icase = " ICASE" if self.ignore_case else ""
        mark = "!" if self.inverted else ""
        return f" STRING match {mark} {text} ALGO name {self.algorithm}{bounds.replace('--', '')}{icase}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The search."""
        pattern = self.pattern.translate(UPPER) if self.ignore_case else self.pattern
        yield self.wants(
            type(self).pattern, facts, lambda negate: Test("string", lambda skb: self._finds(pattern, skb) != negate)
        )

    def _finds(self, pattern: bytes, skb: Any) -> bool:
        """Whether the first place of the pattern lies before the end, all of it (skb_find_text)."""
        data = bytes(skb.data[self.start :])
        if self.start >= self.end or not data:
            return False
        if self.ignore_case:
            data = data.translate(UPPER)
        in_blocks = self.algorithm == "bm" and len(skb.fragments) > 1
        at = self._in_blocks(pattern, data, skb) if in_blocks else data.find(pattern)
        return bool(0 <= at <= self.end - self.start - len(pattern))

    def _in_blocks(self, pattern: bytes, data: bytes, skb: Any) -> int:
        """The place that Boyer-Moore finds: it does not look across the fragments that a packet was made of."""
        begin, end = 0, len(skb.data) - sum(skb.fragments[1:]) - self.start
        for size in (0, *skb.fragments[1:]):
            end += size
            at = data.find(pattern, max(begin, 0), max(end, 0))
            if at >= 0:
                return at
            begin = end
        return -1
