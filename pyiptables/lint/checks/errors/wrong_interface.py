"""E006."""

from __future__ import annotations

from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.subject import Refused


class WrongInterface(RefusalCheck):
    """``-o`` where packets arrive, or ``-i`` where they leave.

    A packet at INPUT and PREROUTING has no outgoing interface yet, one at OUTPUT and POSTROUTING no incoming one any more.
    iptables refuses the rule in these chains. In a chain that they jump to it takes it, and it matches nothing there.

    Bad:
        -A INPUT -o eth0 -p tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -i eth0 -p tcp --dport 22 -j ACCEPT

    Suppress when:
        never: no iptables takes it.
    """

    code = "E006"
    name = "wrong-interface"

    def claims(self, refused: Refused) -> bool:
        """What iptables says."""
        return refused.refusal.message.startswith("Can't use --")
