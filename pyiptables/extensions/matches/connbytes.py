"""``-m connbytes``: source extensions/libxt_connbytes.c and net/netfilter/xt_connbytes.c."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pyiptables.extensions.base import Match, Option, RuleFacts, opt
from pyiptables.extensions.kinds.choices import Choice
from pyiptables.extensions.kinds.numbers import IntegerRange
from pyiptables.predicate import Field, Predicate

MOST = 2**64 - 1


class Counts(IntegerRange):
    """``FROM[:[TO]]``: a pair; an inverted one has its ends in the wrong order, as in the kernel's structure."""

    metavar = "from[:[to]]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The ends; a single number is the lower one."""
        low, high = super().parse(texts, option, facts)
        high = high if ":" in texts[0] else self.most
        return (high, low) if facts.inverted else (low, high)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``FROM``, with ``:TO`` unless that is 0 or the most."""
        low, high = sorted(value)
        return f"{low}:{high}" if 0 < high < self.most else str(low)


DIRECTIONS = {"original": (0,), "reply": (1,), "both": (0, 1)}


class ConnbytesMatch(Match):
    """Match by what a connection has carried so far; needs its accounting, which such a rule turns on."""

    name = "connbytes"

    count = opt("--connbytes", kind=Counts(MOST), required=True, invertible=True, help="from this number, to that")
    direction = opt(
        "--connbytes-dir", kind=Choice(*DIRECTIONS, bad="Unknown --connbytes-dir `{}'"), required=True,
        help="which way counts",
    )  # fmt: skip
    mode = opt(
        "--connbytes-mode", kind=Choice("packets", "bytes", "avgpkt", bad="Unknown --connbytes-mode `{}'"),
        required=True, help="packets, bytes, or avgpkt for bytes of a packet",
    )  # fmt: skip

    def __init__(self, values: Mapping[str, Any] | None = None, inverted: frozenset[str] = frozenset()) -> None:
        super().__init__(values)

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    def save(self, facts: RuleFacts) -> str:
        """The count, the mode, the direction."""
        return f"{self._count('--', facts)} --connbytes-mode {self.mode} --connbytes-dir {self.direction}"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``connbytes 0:1000 connbytes mode packets connbytes direction original``."""
        return f"{self._count('', facts)} connbytes mode {self.mode} connbytes direction {self.direction}"

    def _count(self, dashes: str, facts: RuleFacts) -> str:
        mark = " !" if self.count[0] > self.count[1] else ""
        return f"{mark} {dashes}connbytes {type(self).count.kind.save(self.count, facts)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The number, of a connection that has counters."""
        low, high = sorted(self.count)
        field = Field(f"ct.{self.mode}", 64, self._read)
        yield self.wants(
            type(self).count, facts, lambda _: field.within((low, high), negate=self.count[0] > self.count[1])
        )

    def _read(self, skb: Any) -> int | None:
        counters = skb.nfct.counters if skb.nfct is not None else None
        if counters is None:
            return None
        directions = DIRECTIONS[self.direction]
        packets = sum(counters[2 * direction] for direction in directions)
        size = sum(counters[2 * direction + 1] for direction in directions)
        average = size // packets if packets else 0
        return int({"packets": packets, "bytes": size}.get(self.mode, average))
