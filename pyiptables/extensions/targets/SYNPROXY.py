"""``-j SYNPROXY``: source extensions/libxt_SYNPROXY.c and net/netfilter/nf_synproxy_core.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.extensions.targets._services import ActionServices, SynproxyRequest
from pyiptables.extensions.targets._words import without_dashes
from pyiptables.hooks import Hook, Verdict


class SynproxyTarget(Target):
    """Answer SYNs in a server's place, and connect to it only when the client's ACK has come."""

    name = "SYNPROXY"
    hooks = frozenset({Hook.INPUT, Hook.FORWARD})
    protocols = frozenset({6})

    sack_perm = opt("--sack-perm", help="offer selective acknowledgements")
    timestamp = opt("--timestamp", help="offer timestamps")
    wscale = opt("--wscale", kind=UINT32, convert=lambda shift: shift & 0xFF, help="window scale to offer")
    mss = opt("--mss", kind=UINT32, convert=lambda size: size & 0xFFFF, help="maximum segment size to offer")
    ecn = opt("--ecn", help="offer explicit congestion notification")

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``SYNPROXY sack-perm timestamp wscale 7 mss 1460``, and a blank."""
        return f" SYNPROXY{without_dashes(self, facts)} "

    def open(self, services: Services) -> SynproxyRequest:
        """The request, made once."""
        return SynproxyRequest(self.mss, self.wscale, bool(self.timestamp), bool(self.sack_perm), bool(self.ecn))

    def apply(self, skb: Any, state: SynproxyRequest, services: ActionServices) -> Verdict | None:
        """Answer; segments that are neither SYN nor ACK go on."""
        return services.synproxy(skb, state)
