"""``-j CLASSIFY``: source extensions/libxt_CLASSIFY.c and net/netfilter/xt_CLASSIFY.c."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, Services, Target, opt
from pyiptables.hooks import Hook, Verdict

_HEX = r"[ \t\n\v\f\r]*([+-]?)(?:0[xX](?=[0-9a-fA-F])|(?!0[xX]))([0-9a-fA-F]+)"
_CLASS = re.compile(f"{_HEX}:{_HEX}")
_LONG = 2**64 - 1


class TrafficClass(Kind):
    """``MAJOR:MINOR`` in hexadecimal, each cut to 16 bits, as one number; what follows is not looked at."""

    metavar = "major:minor"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The number."""
        found = _CLASS.match(texts[0])
        if found is None:
            raise ParameterProblem(f'Bad class value "{texts[0]}"')
        return _cut(found[1], found[2]) << 16 | _cut(found[3], found[4])

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``000a:0001``."""
        return f"{value >> 16:04x}:{value & 0xFFFF:04x}"


def _cut(sign: str, digits: str) -> int:
    value = min(int(digits, 16), _LONG)
    return (-value if sign == "-" and value < _LONG else value) & 0xFFFF


class ClassifyTarget(Target):
    """Set the packet's priority, by which a queueing discipline can choose its class, and go on."""

    name = "CLASSIFY"
    hooks = frozenset({Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING})

    priority = opt("--set-class", kind=TrafficClass(), required=True, help="major and minor number of the class")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``CLASSIFY set a:1``."""
        return f" CLASSIFY set {self.priority >> 16:x}:{self.priority & 0xFFFF:x}"

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """Set it."""
        skb.priority = self.priority
        return None
