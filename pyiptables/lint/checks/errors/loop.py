"""E009."""

from __future__ import annotations

from pyiptables.lint.refusals import RefusalCheck
from pyiptables.lint.subject import Refused
from pyiptables.ruleset.validity import LOOP


class JumpLoop(RefusalCheck):
    """Jumps that run in a circle, reached from a hook.

    The kernel refuses a table in which a packet could go round: ``Too many levels of symbolic links``. A circle that no
    built-in chain leads to is taken; see S209.

    Bad:
        -A INPUT -j a
        -A a -j b
        -A b -j a

    Good:
        -A INPUT -j a
        -A a -j b
        -A b -j RETURN

    Suppress when:
        never: the kernel does not take it.
    """

    code = "E009"
    name = "jump-loop"

    def claims(self, refused: Refused) -> bool:
        """The kernel's answer to circles."""
        return refused.refusal.cause.text.startswith(LOOP.rstrip("."))
