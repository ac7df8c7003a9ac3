"""``-j SECMARK``: source extensions/libxt_SECMARK.c and net/netfilter/xt_SECMARK.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.hooks import Verdict

SHARED = "security contexts"


class SecmarkTarget(Target):
    """Give the packet the security mark of a context, and go on. Each context has a number of its own, from 1."""

    name = "SECMARK"
    tables = frozenset({"mangle", "security"})

    context = opt("--selctx", kind=PlainText(255), required=True, help="SELinux security context")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``SECMARK selctx system_u:object_r:httpd_packet_t:s0``."""
        return f" SECMARK selctx {self.context}"

    def open(self, services: Services) -> int:
        """The context's number."""
        numbers: dict[str, int] = services.shared(SHARED, dict)
        return numbers.setdefault(self.context, len(numbers) + 1)

    def apply(self, skb: Any, state: int, services: Services) -> Verdict | None:
        """Set it."""
        skb.secmark = state
        return None
