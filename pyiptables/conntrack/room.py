"""The limit of the connection table, and what makes way for a new connection when it is reached.

Source: early_drop and nf_conntrack_alloc in net/netfilter/nf_conntrack_core.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyiptables.conntrack.entries import Entries
from pyiptables.conntrack.entry import ASSURED, DYING, SECOND, Entry
from pyiptables.conntrack.settings import Settings

if TYPE_CHECKING:
    from random import Random

EVICTION_RANGE = 8
"""How many buckets of its hash table the kernel looks through for an entry to drop early, when the table is full."""

MOST_LOOKS = 64
"""So many entries are looked at at most."""


class BoundedEntries(Entries):
    """Entries of which there are no more than ``settings`` say."""

    def __init__(self, settings: Settings, random: Random) -> None:
        super().__init__()
        self.settings, self.random = settings, random
        self._swept = 0
        self._shuffled: list[Entry] = []

    def make_room(self) -> bool:
        """Whether there is room for one more; when full, an entry that is not assured may make way (early_drop).

        The kernel looks for one in a few buckets of its hash table, which is chance: the fewer entries a bucket has, the
        likelier it finds none, so that a limit far below the number of buckets is a hard one.
        """
        maximum, now = self.settings.maximum, self.now
        if not maximum or len(self._entries) < maximum:
            return True
        if now - self._swept >= SECOND:
            self._swept = now
            self.sweep()
            if len(self._entries) < maximum:
                return True
        near = 2 * EVICTION_RANGE * len(self._entries) / max(1, self.settings.buckets)  # an entry has two places
        passed = self.random.expovariate(1)
        for _ in range(min(MOST_LOOKS, len(self._entries))):
            if passed > near:
                break
            passed += self.random.expovariate(1)
            entry = self._by_chance()
            if entry.timeout <= now:
                self.kill(entry)
            elif not entry.status & ASSURED:
                return self.kill(entry)
        return False

    def _by_chance(self) -> Entry:
        """Any entry of the table: all come once before one comes again."""
        while True:
            if not self._shuffled:
                self._shuffled = list(self._entries)
                self.random.shuffle(self._shuffled)
            entry = self._shuffled.pop()
            if not entry.status & DYING:
                return entry
