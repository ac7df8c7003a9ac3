"""``-j CHECKSUM``: source extensions/libxt_CHECKSUM.c and net/netfilter/xt_CHECKSUM.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import RuleFacts, Services, Target, opt
from pyiptables.hooks import Verdict


class ChecksumTarget(Target):
    """Compute a checksum that was left to the hardware, and go on."""

    name = "CHECKSUM"
    tables = frozenset({"mangle"})

    fill = opt("--checksum-fill", required=True, help="fill in the checksum of a packet that was sent without one")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``CHECKSUM fill``."""
        return " CHECKSUM fill"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Nothing: packets here have their checksums, be they right or wrong, and those stay as they are."""
        return None
