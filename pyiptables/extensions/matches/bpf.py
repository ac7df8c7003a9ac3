"""``-m bpf``: source extensions/libxt_bpf.c and net/netfilter/xt_bpf.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.bytecode import BYTECODE
from pyiptables.extensions.kinds.texts import Text
from pyiptables.packet.bpf import check, run
from pyiptables.predicate import Predicate, Test, Unknown


class PinnedPath(Text):
    """A path, saved as it is."""

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The path, never in quotes."""
        return str(value)


class BpfMatch(Match):
    """Match when a program of the classic packet filter returns something else than 0."""

    name = "bpf"
    unknown = "a program pinned at a path (--object-pinned)"

    program = opt("--bytecode", kind=BYTECODE, help="a program: its length, then its instructions")
    pinned = opt(
        "--object-pinned", kind=PinnedPath(511), help="a program that was loaded into the kernel; not known here"
    )

    def check(self, facts: RuleFacts) -> None:
        """One of the two must be there."""
        if len(self.values) != 1:
            raise ParameterProblem("bpf: one of --bytecode or --pinned is required")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """A program that could do what it must not."""
        return None if self.program is None else check(self.program)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``match bpf 6 0 0 0`` and a byte 0 at its end, no blank before it."""
        if self.program is None:
            return f"match bpf pinned {self.pinned}"
        return f"match bpf {BYTECODE.list(self.program, facts, numeric)}\0"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """What the program returns."""
        cls = type(self)
        yield self.wants(cls.program, facts, lambda _: Test("bpf", self._holds))
        yield self.wants(cls.pinned, facts, lambda _: Unknown(f"the program pinned at {self.pinned}"))

    def _holds(self, skb: Any) -> bool:
        found = run(self.program, skb)
        if isinstance(found, str):
            skb.unknown.append(f"bpf: {found}")
            return False
        return found != 0
