"""E008."""

from __future__ import annotations

from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.subject import Refused


class BadPolicy(RefusalCheck):
    """A policy that is neither ACCEPT nor DROP, or that of a chain that has none.

    Only built-in chains have a policy, and only those of the table at hand: nat has no FORWARD. A user-defined chain is
    declared with ``-``; what falls off its end goes back to the rule that jumped there.

    Bad:
        :INPUT REJECT [0:0]
        :web ACCEPT [0:0]

    Good:
        :INPUT DROP [0:0]
        :web - [0:0]

    Suppress when:
        never: no iptables takes it.
    """

    code = "E008"
    name = "bad-policy"

    def claims(self, refused: Refused) -> bool:
        """What is said of policies."""
        message = refused.refusal.message
        return (
            "set policy `" in message or "policy name" in message or message.startswith(("Bad built-in chain", "-P "))
        )
