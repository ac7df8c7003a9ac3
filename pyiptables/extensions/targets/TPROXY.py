"""``-j TPROXY``: source extensions/libxt_TPROXY.c and net/netfilter/xt_TPROXY.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.extensions.base import Kind, Option, RuleFacts, Target, opt
from pyiptables.extensions.kinds.host import HOST
from pyiptables.extensions.kinds.marks import MarkMask
from pyiptables.extensions.kinds.ports import resolve_port
from pyiptables.extensions.targets._services import ActionServices
from pyiptables.hooks import Hook, Verdict

PORTS_SIZE = 8
"""Bytes that must be there of a transport header."""


class Port(Kind):
    """A port by number or service name; nothing is 0."""

    metavar = "port"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number."""
        return resolve_port(texts[0])


class FullMark(MarkMask):
    """A mark with its mask, which is always printed."""

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``0x1/0xffffffff``."""
        return f"{value[0]:#x}/{value[1]:#x}"


MARK = FullMark()


class TproxyTarget(Target):
    """Hand the packet to a transparent proxy on this host, unchanged but for its mark; drop it where there is none."""

    name = "TPROXY"
    tables = frozenset({"mangle"})
    hooks = frozenset({Hook.PREROUTING})
    protocols = frozenset({6, 17})
    terminal = True
    unknown = "transparent sockets, of which there is none"

    port = opt("--on-port", kind=Port(), required=True, help="the proxy's port; 0 for the packet's own")
    address = opt("--on-ip", kind=HOST, default=0, neutral=0, help="the proxy's address; the interface's own if 0")
    mark = opt("--tproxy-mark", kind=MARK, default=(0, 0), neutral=(0, 0), help="mark to set, under a mask")

    def save(self, facts: RuleFacts) -> str:
        """All three, always."""
        address, mark = HOST.save(self.address, facts), MARK.save(self.mark, facts)
        return f" --on-port {self.port} --on-ip {address} --tproxy-mark {mark}"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``TPROXY redirect 192.0.2.1:3128 mark 0x1/0x1``."""
        return f" TPROXY redirect {HOST.save(self.address, facts)}:{self.port} mark {MARK.save(self.mark, facts)}"

    def apply(self, skb: Any, state: None, services: ActionServices) -> Verdict | None:
        """Mark and accept what a socket takes, drop what none takes."""
        if skb.thoff + PORTS_SIZE > len(skb.data) or not services.tproxy(skb, self.address, self.port):
            return Verdict.DROP
        value, mask = self.mark
        skb.mark = skb.mark & ~mask ^ value
        return Verdict.ACCEPT
