"""``-j NFQUEUE``: source extensions/libxt_NFQUEUE.c and net/netfilter/xt_NFQUEUE.c."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Option, RuleFacts, Services, Target, opt
from pyiptables.extensions.kinds.numbers import UINT16, IntegerRange
from pyiptables.extensions.targets._words import without_dashes
from pyiptables.hooks import Verdict


class QueueRange(IntegerRange):
    """``FIRST:LAST``, two different ones, up to 65534."""

    metavar = "first:last"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The two ends."""
        first, last = super().parse(texts, option, facts)
        if ":" not in texts[0]:
            raise ParameterProblem(f'Bad range "{texts[0]}"')
        if first >= last:
            raise ParameterProblem(f"{first} should be less than {last}")
        return (first, last)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``FIRST:LAST``."""
        return f"{value[0]}:{value[1]}"


class NfqueueTarget(Target):
    """Hand the packet to a program that decides about it. Nobody listens here."""

    name = "NFQUEUE"
    terminal = True
    unknown = "the program that decides, of which there is none"

    number = opt("--queue-num", kind=UINT16, excludes=("balance",), help="queue; 0 unless given")
    balance = opt(
        "--queue-balance", kind=QueueRange(0xFFFE), excludes=("number",), help="spread connections over these queues"
    )
    bypass = opt("--queue-bypass", help="let the packet pass where nobody listens")
    fanout = opt("--queue-cpu-fanout", also=("balance",), help="spread by processor, not by connection")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """Queue 0 is said like any other."""
        return values if "number" in values or "balance" in values else values | {"number": 0}

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``NFQUEUE num 3 bypass``."""
        return " NFQUEUE" + without_dashes(self, facts).replace(" queue-", " ")

    def apply(self, skb: Any, state: None, services: Services) -> Verdict | None:
        """ACCEPT for what may pass where nobody listens, else QUEUE."""
        return Verdict.ACCEPT if self.bypass else Verdict.QUEUE
