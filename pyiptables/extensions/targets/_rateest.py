"""Rate estimators: what RATEEST fills and ``-m rateest`` asks.

Both find them by name in ``services.shared(SHARED, dict)``. Source: net/core/gen_estimator.c.
"""

from __future__ import annotations

SHARED = "rateest"
QUARTER = 250_000_000
"""Nanoseconds: the shortest interval."""
MOST_STEPS = 4096
"""So many idle intervals are gone through one by one; what remains of a longer pause is taken together."""


class RateEstimator:
    """A moving average of bytes and packets a second.

    ``interval`` is -2 to 3, for 250 ms to 8 s; ``ewma_log`` says how slowly the average moves: each interval it goes
    1/2**ewma_log of the way.
    """

    __slots__ = ("_averages", "_counted", "_next", "_seen", "ewma_log", "interval")

    def __init__(self, interval: int, ewma_log: int) -> None:
        self.interval, self.ewma_log = interval, ewma_log
        self._counted = [0, 0]
        self._seen = [0, 0]
        self._averages = [0, 0]
        self._next: int | None = None

    def count(self, size: int, now: int) -> None:
        """Count a packet of so many bytes at a time in nanoseconds; the first one starts the clock."""
        self._advance(now)
        self._counted[0] += size
        self._counted[1] += 1

    def rates(self, now: int) -> tuple[int, int]:
        """Bytes and packets a second."""
        self._advance(now)
        return self._averages[0] >> 8, self._averages[1] >> 8

    def _advance(self, now: int) -> None:
        period = QUARTER << self.interval + 2
        if self._next is None:
            self._next = now + period
        steps = (now - self._next) // period + 1
        if steps <= 0:
            return
        self._next += steps * period
        for _ in range(min(steps, MOST_STEPS)):
            self._step()
        if steps > MOST_STEPS:
            kept = (1 - 0.5**self.ewma_log) ** (steps - MOST_STEPS)
            self._averages = [int(average * kept) for average in self._averages]

    def _step(self) -> None:
        """One interval ends (est_timer)."""
        for which in (0, 1):
            rate = self._counted[which] - self._seen[which] << 8 - self.interval
            self._seen[which] = self._counted[which]
            self._averages[which] += (rate >> self.ewma_log) - (self._averages[which] >> self.ewma_log)
