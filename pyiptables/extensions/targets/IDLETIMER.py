"""``-j IDLETIMER``: source extensions/libxt_IDLETIMER.c and net/netfilter/xt_IDLETIMER.c."""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.base import NamedObjects, RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.numbers import UINT32
from pyiptables.extensions.kinds.plain import PlainText
from pyiptables.hooks import Verdict

LONGEST = (2**31 - 1) // 1000
TAKEN = ("", ".", "..", "power", "subsystem", "uevent")
"""Names that a file of sysfs cannot have."""


class IdletimerTarget(Target):
    """Start a timer anew, whose end is told to user space. Does nothing to packets, which go on."""

    name = "IDLETIMER"

    timeout = opt("--timeout", kind=UINT32, required=True, help="seconds until the notification")
    label = opt("--label", kind=PlainText(27), required=True, help="name of the timer, up to 27 bytes")
    alarm = opt("--alarm", help="a timer that runs while the machine sleeps")

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """A time that fits, and a label that a file can have."""
        if not 0 < self.timeout < LONGEST:
            return f"a timeout lies between 0 and {LONGEST} seconds"
        return "no file can have the label's name" if self.label in TAKEN or "/" in self.label else None

    def claim(self, named: NamedObjects) -> str | None:
        """A timer of the label is of the same sort."""
        alarm = bool(self.alarm)
        same = named.found.setdefault(("timer", self.label), alarm) == alarm
        return (
            None
            if same
            else f"the timer {self.label} is {'none' if alarm else 'one'} that runs while the machine sleeps"
        )

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``timeout:5 label:idle alarm``."""
        return f" timeout:{self.timeout} label:{self.label}{' alarm' * bool(self.alarm)}"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Nothing that a packet could show."""
        return None
