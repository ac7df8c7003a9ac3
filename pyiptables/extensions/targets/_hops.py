"""What TTL and HL share: setting, raising and lowering the hops that a packet has left.

Source: extensions/libipt_TTL.c, extensions/libip6t_HL.c and net/netfilter/xt_HL.c.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Option, RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.numbers import UINT8, Integer
from pyiptables.hooks import Verdict
from pyiptables.packet.mangle import set_ttl

MOST = 255
STEP = Integer(1, MOST)
ALL = ("set", "inc", "dec")


def hop_options(word: str) -> tuple[Option, Option, Option]:
    """The three options of a target, to be called set, dec and inc: ``--WORD-set``, ``--WORD-dec``, ``--WORD-inc``."""
    return (
        opt(f"--{word}-set", kind=UINT8, excludes=ALL, list_as="set to ", help="set it"),
        opt(f"--{word}-dec", kind=STEP, excludes=ALL, list_as="decrement by ", help="lower it, at most to 0"),
        opt(f"--{word}-inc", kind=STEP, excludes=ALL, list_as="increment by ", help="raise it, at most to 255"),
    )


class HopTarget(Target):
    """A target with these three options. The packet goes on."""

    tables = frozenset({"mangle"})
    set: Any
    dec: Any
    inc: Any
    terminal: ClassVar[bool] = False

    def check(self, facts: RuleFacts) -> None:
        """One of the three."""
        if not self.values:
            raise ParameterProblem(f"{self.name}: You must specify an action")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``TTL set to 64``."""
        (attribute,) = self.values
        return f" {self.name}{self.list_option(self.options[attribute], facts, numeric)}"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Set it, within what a byte holds."""
        hops = self.set if self.set is not None else skb.ttl + (self.inc or 0) - (self.dec or 0)
        hops = min(max(hops, 0), MOST)
        if hops != skb.ttl:
            set_ttl(skb, hops)
        return None
