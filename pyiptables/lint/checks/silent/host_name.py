"""W111."""

from __future__ import annotations

from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.refusals import RefusalCheck, unknown_host
from pyiptables.lint.subject import Refused


class HostName(RefusalCheck):
    """A host name in ``-s`` or ``-d``.

    It is resolved once, when the rules are loaded. At boot there may be no resolver yet, and then nothing loads; several
    answers make several rules; when the address changes the rule stays as it was; and whoever answers the question decides
    what the firewall lets through. The names of a file are not resolved here, and the rule is left out of what is analysed.

    Bad:
        -A INPUT -s backup.example.com -j ACCEPT

    Good:
        -A INPUT -s 192.0.2.7 -m comment --comment "backup.example.com" -j ACCEPT

    Suppress when:
        the name stands in /etc/hosts of the system that loads the rules.
    """

    code = "W111"
    name = "host-name"
    severity = Severity.WARNING

    def claims(self, refused: Refused) -> bool:
        """Names that were not resolved."""
        return unknown_host(refused) is not None

    def report(self, refused: Refused) -> Finding:
        """The finding, in words of its own."""
        host = unknown_host(refused)
        text = f"{host} is resolved when the rules are loaded, and never again"
        return self._said(
            refused, text, "without an answer the rules are not loaded; several answers make several rules"
        )
