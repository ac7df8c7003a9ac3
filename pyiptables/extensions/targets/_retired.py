"""Targets that iptables still reads and no kernel of today has: it warns of them, and the kernel refuses their rules."""

from __future__ import annotations

from typing import ClassVar

from pyiptables.extensions.base import Refusal, RuleFacts, Target


class RetiredTarget(Target):
    """A target that Linux has no more. A declaration says ``until`` which version it had it, and what is used instead."""

    retired = True
    until: ClassVar[tuple[int, int]]
    instead: ClassVar[str]

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """There is no module of that name (xt_request_find_target)."""
        major, minor = self.until
        reason = f"{self.name} is in no kernel after Linux {major}.{minor}: {self.instead} takes its place"
        return Refusal(reason, "No chain/target/match by that name")
