"""``-j NFLOG``: source extensions/libxt_NFLOG.c and net/netfilter/xt_NFLOG.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import RuleFacts, Target, opt
from pyiptables.extensions.kinds.numbers import UINT16, UINT32
from pyiptables.extensions.targets._services import ActionServices
from pyiptables.extensions.targets._words import without_dashes
from pyiptables.extensions.targets.LOG import Prefix
from pyiptables.hooks import Verdict


class NflogTarget(Target):
    """Hand a copy of the packet to a program that listens at a netlink group, and go on."""

    name = "NFLOG"

    prefix = opt("--nflog-prefix", kind=Prefix(63, least=1), default="", help="text for the log, up to 63 bytes")
    group = opt("--nflog-group", kind=UINT16, default=0, neutral=0, help="netlink group")
    size = opt("--nflog-size", kind=UINT32, help="bytes of the packet to copy")
    range = opt(
        "--nflog-range",
        kind=UINT32,
        default=0,
        excludes=("size",),
        help="has no effect: use --nflog-size",
    )
    threshold = opt("--nflog-threshold", kind=UINT16, default=0, neutral=0, help="packets to gather before handing on")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """--nflog-range never had an effect, which the program says; 0 is none."""
        if "range" in values:
            facts.warnings.append(
                "warn: --nflog-range has never worked and is no longer supported, please use --nflog-size instead\n"
            )
        return values if values.get("range") else {name: value for name, value in values.items() if name != "range"}

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``nflog-prefix "in: " nflog-group 5``."""
        return without_dashes(self, facts)

    def apply(self, skb: Any, state: None, services: ActionServices) -> Verdict | None:
        """Hand it over."""
        services.nflog(skb, group=self.group, prefix=self.prefix, size=self.size, threshold=self.threshold)
        return None
