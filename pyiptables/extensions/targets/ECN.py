"""``-j ECN``: source extensions/libipt_ECN.c and net/ipv4/netfilter/ipt_ECN.c."""

from __future__ import annotations

from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.hooks import Family, Verdict
from pyiptables.packet.mangle import dsfield, set_ecn, set_tcp_flags

TCP = 6
ECE, CWR = 0x40, 0x80
BIT = Integer(0, 1)


class EcnTarget(Target):
    """Set the bits of explicit congestion notification in the TCP and IPv4 headers, and go on."""

    name = "ECN"
    families = (Family.IPV4,)
    tables = frozenset({"mangle"})

    remove = opt("--ecn-tcp-remove", excludes=("cwr", "ece"), hidden=True, help="clear both bits of the TCP header")
    ece = opt("--ecn-tcp-ece", kind=BIT, list_as="ECE=", help="the ECE bit of the TCP header")
    cwr = opt("--ecn-tcp-cwr", kind=BIT, list_as="CWR=", help="the CWR bit of the TCP header")
    ect = opt("--ecn-ip-ect", kind=Integer(0, 3), list_as="ECT codepoint=", help="the codepoint of the IPv4 header")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """To remove is to set both bits to 0, and nothing of what stands before it."""
        names = list(values)
        if "remove" not in names:
            return values
        return {"ece": 0, "cwr": 0} | {name: values[name] for name in names[names.index("remove") + 1 :]}

    def check(self, facts: RuleFacts) -> None:
        """Something must be done."""
        if not self.values:
            raise ParameterProblem("ECN target: An operation is required")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """The bits of the TCP header need TCP."""
        tcp = facts.protocol == TCP and not facts.protocol_inverted
        return None if tcp or self._tcp_mask == 0 else "the bits of the TCP header need -p tcp"

    @property
    def _removes(self) -> bool:
        return self.values == {"ece": 0, "cwr": 0}

    @property
    def _tcp_mask(self) -> int:
        return ECE * ("ece" in self.values) | CWR * ("cwr" in self.values)

    def save(self, facts: RuleFacts) -> str:
        """Clearing both bits, and nothing else, is to remove."""
        return " --ecn-tcp-remove" if self._removes else super().save(facts)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``ECN ECE=0 CWR=1 ECT codepoint=2``."""
        if self._removes:
            return " ECN TCP remove"
        return " ECN" + "".join(self.list_option(option, facts, numeric) for option in self.options.values())

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Set them; a packet that is too short for a TCP header is dropped. Later fragments are taken for whole ones."""
        if self.ect is not None and dsfield(skb) & 3 != self.ect:
            set_ecn(skb, self.ect)
        mask = self._tcp_mask
        if mask and skb.protocol == TCP:
            flags = ECE * bool(self.ece) | CWR * bool(self.cwr)
            if not set_tcp_flags(skb, mask, flags):
                return Verdict.DROP
        return None
