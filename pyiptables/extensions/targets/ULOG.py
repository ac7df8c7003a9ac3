"""``-j ULOG``: source extensions/libipt_ULOG.c. Linux had it until 3.16 (net/ipv4/netfilter/ipt_ULOG.c)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Option, RuleFacts, Services, opt
from pyiptables.extensions.kinds.numbers import Integer
from pyiptables.extensions.kinds.texts import Text
from pyiptables.extensions.targets._retired import RetiredTarget
from pyiptables.hooks import Family, Verdict


class Prefix(Text):
    """A text of one line, cut to 31 bytes."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The text."""
        text = super().parse(texts, option, facts)
        if "\n" in texts[0]:
            raise ParameterProblem("Newlines not allowed in --ulog-prefix")
        return text


class UlogTarget(RetiredTarget):
    """Hand a copy of the packet to a program that listens at a netlink group: what NFLOG does since Linux 2.6.20."""

    name = "ULOG"
    families = (Family.IPV4,)
    until = (3, 16)
    instead = "NFLOG"

    prefix = opt("--ulog-prefix", kind=Prefix(31, least=1), help="text before the packet, up to 31 bytes")
    group = opt("--ulog-nlgroup", kind=Integer(1, 32), default=1, help="netlink group")
    size = opt("--ulog-cprange", kind=Integer(0, 2**64 - 1), default=0, neutral=0, help="bytes of the packet to copy")
    threshold = opt("--ulog-qthreshold", kind=Integer(1, 50), default=1, help="packets to gather before handing on")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``ULOG copy_range 0 nlgroup 1 prefix "text" queue_threshold 1``."""
        option = self.options["prefix"]
        prefix = f" prefix {option.kind.save(self.prefix, facts)}" if self.prefix else ""
        return f" ULOG copy_range {self.size} nlgroup {self.group}{prefix} queue_threshold {self.threshold}"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Nothing: no kernel of today takes the rule."""
        return None
