"""W116."""

from __future__ import annotations

from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.refusals import RefusalCheck, unknown_account, unknown_object, unknown_service
from pyiptables.lint.subject import Refused


class NameNotKnown(RefusalCheck):
    """A user, group, service or accounting object that this machine does not know.

    iptables looks names up on the machine that loads the rules, and saves numbers: what it saves differs from what was
    written, and where the name is not known the rule is refused. Whether the other system has it cannot be told here, so
    this is information; the rule is left out of what is analysed.

    Bad:
        -A OUTPUT -m owner --uid-owner tor -j ACCEPT

    Good:
        -A OUTPUT -m owner --uid-owner 104 -j ACCEPT

    Suppress when:
        the system that loads the rules has the user.
    """

    code = "W116"
    name = "name-not-known"
    severity = Severity.INFO

    def claims(self, refused: Refused) -> bool:
        """Names that this machine lacks."""
        return (unknown_account(refused) or unknown_service(refused) or unknown_object(refused)) is not None

    def report(self, refused: Refused) -> Finding:
        """The finding, in words of its own."""
        name = unknown_account(refused) or unknown_service(refused) or unknown_object(refused)
        return self._said(
            refused, f"{name} is not known on this machine", f"iptables here says: {refused.refusal.message}"
        )
