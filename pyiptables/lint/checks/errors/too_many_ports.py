"""E004."""

from __future__ import annotations

from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.subject import Refused


class TooManyPorts(RefusalCheck):
    """More than 15 ports in one multiport match.

    The kernel's structure has 15 places; a range takes two of them. Write several rules.

    Bad:
        -A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 -j ACCEPT

    Good:
        -A INPUT -p tcp -m multiport --dports 1:16 -j ACCEPT

    Suppress when:
        never: no iptables takes it.
    """

    code = "E004"
    name = "too-many-ports"

    def claims(self, refused: Refused) -> bool:
        """What multiport says."""
        return refused.refusal.message.startswith("too many ports")
