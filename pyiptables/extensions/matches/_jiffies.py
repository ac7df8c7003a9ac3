"""The kernel's coarse clock, in which matches that keep state count their time."""

from __future__ import annotations

from pyiptables.extensions.matches.limit import HZ


def jiffies(now: int) -> int:
    """A time in nanoseconds as jiffies."""
    return now * HZ // 1_000_000_000


def of_milliseconds(time: int) -> int:
    """A span of time, rounded up (msecs_to_jiffies)."""
    return -(-time * HZ // 1000)
