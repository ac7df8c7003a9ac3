"""``-j LED``: source extensions/libxt_LED.c and net/netfilter/xt_LED.c."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.extensions.kinds.texts import Text
from pyiptables.hooks import Verdict

FOR_EVER = 0xFFFFFFFF


class TriggerName(Text):
    """The end of a trigger's name."""

    metavar = "name"

    def save(self, value: Any, facts: RuleFacts) -> str:
        """Always in quotes."""
        return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


class Delay(Kind):
    """Milliseconds, or ``inf``."""

    metavar = "ms|inf"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number; for ever is the highest one."""
        if texts[0][:3].lower() == "inf":
            return FOR_EVER
        delay = whole_number(texts[0], 0, FOR_EVER)
        if delay is None:
            raise ParameterProblem(f"Delay value must be within range 0..{FOR_EVER}")
        return delay

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The number with a sign, so that for ever is -1."""
        return str(value - (1 << 32) if value >> 31 else value)


class LedTarget(Target):
    """Switch on the LEDs that listen to a trigger. Does nothing to packets, which go on."""

    name = "LED"

    trigger = opt("--led-trigger-id", kind=TriggerName(16, most=16), required=True, help="name behind netfilter-")
    delay = opt("--led-delay", kind=Delay(), default=0, neutral=0, help="milliseconds until it is switched off again")
    blink = opt("--led-always-blink", help="blink where it is on already")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``led-trigger-id:"ssh" led-delay:500ms led-always-blink``."""
        delay = "inf" if self.delay == FOR_EVER else f"{Delay().save(self.delay, facts)}ms"
        blink = " led-always-blink" if self.blink else ""
        return f" led-trigger-id:{TriggerName(16).save(self.trigger, facts)} led-delay:{delay}{blink}"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Nothing that a packet could show."""
        return None
