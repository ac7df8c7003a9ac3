"""Callbacks registered at hooks, run in the order of their priorities.

Source: net/netfilter/core.c (nf_register_net_hook, nf_hook_slow).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyiptables.hooks import Hook, Verdict


@dataclass(frozen=True, slots=True)
class Callback:
    """A function at a hook. ``owner`` says in a word or two what it is (``conntrack``, ``filter``)."""

    priority: int
    owner: str
    run: Callable[[Any], Verdict]


class Registry:
    """The callbacks of each hook."""

    def __init__(self) -> None:
        self.hooks: dict[Hook, list[Callback]] = {hook: [] for hook in Hook}

    def register(self, hook: Hook, priority: int, owner: str, run: Callable[[Any], Verdict]) -> None:
        """Add a callback behind those of the same priority."""
        entries = self.hooks[hook]
        at = next((n for n, entry in enumerate(entries) if entry.priority > priority), len(entries))
        entries.insert(at, Callback(priority, owner, run))

    def iterate(self, hook: Hook, skb: Any) -> tuple[Verdict, str]:
        """Run a hook: ACCEPT when every callback lets the packet pass, else the verdict that ended it and whose it was.

        REPEAT runs the callback again; QUEUE ends it, as nobody listens to a queue here.
        """
        for entry in self.hooks[hook]:
            verdict = entry.run(skb)
            while verdict is Verdict.REPEAT:
                verdict = entry.run(skb)
            if verdict is not Verdict.ACCEPT:
                return verdict, entry.owner
        return Verdict.ACCEPT, ""
