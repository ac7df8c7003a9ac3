"""``-j TOS``: source extensions/libxt_TOS.c and net/netfilter/xt_DSCP.c."""

from __future__ import annotations

from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.numbers import UINT8
from pyiptables.extensions.kinds.tos import TOS
from pyiptables.hooks import Verdict
from pyiptables.packet.mangle import dsfield, set_dsfield

ALL_BITS = 0xFF
ALL = ("tos", "and_tos", "or_tos", "xor_tos")


class TosTarget(Target):
    """Change the type of service or traffic class, and go on: clear the bits of the mask, flip those of the value."""

    name = "TOS"
    tables = frozenset({"mangle"})

    tos = opt("--set-tos", kind=TOS, excludes=ALL, help="clear the mask's bits, flip the value's; or a name")
    and_tos = opt(
        "--and-tos", kind=UINT8, excludes=ALL, to="tos", convert=lambda bits: (0, bits ^ ALL_BITS),
        help="clear all other bits",
    )  # fmt: skip
    or_tos = opt("--or-tos", kind=UINT8, excludes=ALL, to="tos", convert=lambda bits: (bits, bits), help="set the bits")
    xor_tos = opt("--xor-tos", kind=UINT8, excludes=ALL, to="tos", convert=lambda bits: (bits, 0), help="flip the bits")

    def check(self, facts: RuleFacts) -> None:
        """Something must be done."""
        if not self.values:
            raise ParameterProblem("TOS: An action is required")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``TOS set 0x10/0x3f``; without ``-n`` the simplest words that say it."""
        value, mask = self.tos
        exact = f" TOS set {TOS.save(self.tos, facts)}"
        if numeric:
            return exact
        symbol = TOS.name(self.tos)
        if symbol is not None:
            return f"  TOS set{symbol}"
        if not value:
            return f" TOS and 0x{mask ^ ALL_BITS:02x}"
        if value == mask:
            return f" TOS or 0x{value:02x}"
        return exact if mask else f" TOS xor 0x{value:02x}"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Change it."""
        value, mask = self.tos
        old = dsfield(skb)
        new = old & ~mask ^ value
        if new != old:
            set_dsfield(skb, new)
        return None
