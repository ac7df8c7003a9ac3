"""E003."""

from __future__ import annotations

from pyiptables.lint import misspelt
from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.subject import Refused


class NeedsProtocol(RefusalCheck):
    """Ports, flags or types without the protocol that has them.

    ``--dport``, ``--syn``, ``--icmp-type`` and the like are options of the protocol's own match, which ``-p`` brings in.
    Without it iptables says ``unknown option``; with ``-m tcp`` but no ``-p tcp`` the kernel answers ``Invalid argument``.

    Bad:
        -A INPUT --dport 22 -j ACCEPT
        -A INPUT -m tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Suppress when:
        never: no iptables takes it.
    """

    code = "E003"
    name = "needs-protocol"

    def claims(self, refused: Refused) -> bool:
        """Options of protocols."""
        return misspelt.needs_protocol(refused)
