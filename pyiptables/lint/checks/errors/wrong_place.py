"""E007."""

from __future__ import annotations

from pyiptables.lint import misspelt
from pyiptables.lint.finding import Severity
from pyiptables.lint.refusals import RefusalCheck, unknown_object
from pyiptables.lint.subject import Refused
from pyiptables.ruleset.validity import LOOP
from pyiptables.ruleset.validity import Refused as KernelRefused


class WrongPlace(RefusalCheck):
    """A match or target where the kernel does not allow it.

    DROP is refused in the nat table, REJECT outside filter, MASQUERADE and SNAT outside POSTROUTING and INPUT, DNAT and
    REDIRECT outside PREROUTING and OUTPUT, TCPMSS without ``-p tcp`` and SYN, or clamping outside FORWARD, OUTPUT and
    POSTROUTING. The place counts from which a packet can come: a user-defined chain is at all hooks that lead to it.
    iptables-restore says no more than ``line N failed``, the line being that of COMMIT.

    Bad:
        *nat
        -A PREROUTING -p tcp --dport 80 -j MASQUERADE

    Good:
        *nat
        -A POSTROUTING -o eth0 -j MASQUERADE

    Suppress when:
        never: the kernel does not take it.
    """

    code = "E007"
    name = "wrong-place"

    def claims(self, refused: Refused) -> bool:
        """What the kernel says about places and company, and the nat table's DROP."""
        refusal = refused.refusal
        if refusal.message.startswith('The "nat" table is not intended'):
            return True
        if not isinstance(refusal.cause, KernelRefused) or refusal.cause.text == LOOP or unknown_object(refused):
            return False
        return not (misspelt.needs_protocol(refused) or "chain" in refusal.hint or "hitcount" in refusal.hint)

    def weight(self, refused: Refused) -> Severity:
        """Less for a helper that is not the kernel's own: a program, or a module's ports, may make it."""
        return Severity.WARNING if refused.refusal.hint.endswith(" is the kernel's own") else self.severity
