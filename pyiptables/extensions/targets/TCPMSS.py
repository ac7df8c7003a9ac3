"""``-j TCPMSS``: source extensions/libxt_TCPMSS.c and net/netfilter/xt_TCPMSS.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, Option, RuleFacts, Target, opt
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.extensions.targets._services import ActionServices
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.packet.mangle import TCP_HEADER, lower_mss

HEADER = {Family.IPV4: 20, Family.IPV6: 40}
TCP, SYN = 6, 2
CLAMPING_HOOKS = frozenset({Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING})
_RANGES = {family: Integer(0, 0xFFFF - header) for family, header in HEADER.items()}


class SegmentSize(Integer):
    """A segment size that fits into the family's longest packet."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The size."""
        return _RANGES[facts.family].parse(texts, option, facts)


class TcpmssTarget(Target):
    """Lower the maximum segment size that a SYN says, or add it, and go on. Malformed segments are dropped."""

    name = "TCPMSS"
    protocols = frozenset({TCP})
    needs = "the MTUs of the host's routes (--clamp-mss-to-pmtu)"

    mss = opt("--set-mss", kind=SegmentSize(0, 0xFFFF, "size"), list_as="set ", help="set it to this size, if larger")
    clamp = opt("--clamp-mss-to-pmtu", help="set it to what the path's MTU allows, if larger")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """The last one counts."""
        return dict([*values.items()][-1:])

    def check(self, facts: RuleFacts) -> None:
        """One of the two."""
        if not self.values:
            raise ParameterProblem("TCPMSS target: At least one parameter is required")

    def allowed_hooks(self) -> frozenset[Hook] | None:
        """The path is known where the packet has a route."""
        return CLAMPING_HOOKS if self.clamp else None

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """Among the rule's matches must be one of TCP that asks for a SYN."""
        if any(asks_for_syn(match) for match in facts.matches):
            return None
        return "TCPMSS needs -m tcp --syn or other flags with SYN"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``TCPMSS set 1400``, ``TCPMSS clamp to PMTU``."""
        return f" TCPMSS{' clamp to PMTU' if self.clamp else self.list_option(type(self).mss, facts, numeric)}"

    def apply(self, skb: Any, state: None, services: ActionServices) -> Verdict | None:
        """Lower it, and read the packet's new length."""
        mss = self.mss
        if self.clamp and not skb.fragoff:
            mss = services.path_mtu(skb) - HEADER[skb.family] - TCP_HEADER
            if mss <= 0:
                return Verdict.DROP
        if not lower_mss(skb, mss or 0):
            return Verdict.DROP
        skb.parse()
        return None


def asks_for_syn(match: Match) -> bool:
    """Whether a match is ``-m tcp`` with flags of which SYN must be set (find_syn_match)."""
    if match.name != "tcp" or "flags" in match.inverted:
        return False
    return bool(match.values.get("flags", (0, 0))[1] & SYN)
