"""The connections of each host that a rule has seen: what ``-m connlimit`` counts.

Source: net/netfilter/nf_conncount.c of Linux 6.18.
"""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.matches._jiffies import jiffies

CONFIRMED, DYING, ASSURED = 8, 512, 4
SETTLED = CONFIRMED | ASSURED
TCP, TIME_WAIT, CLOSE = 6, 7, 8
MOST_NEW = 64
"""After so many new connections in one jiffy the list is looked through all the same (CONNCOUNT_GC_MAX_COLLECT)."""


class _List:
    """The connections of one host; ``checked`` is the jiffy when all were looked through, ``left`` how many were left."""

    __slots__ = ("checked", "entries", "left")

    def __init__(self, entry: Any, jiffy: int) -> None:
        self.entries = [entry]
        self.checked, self.left = jiffy, 0

    def add(self, entry: Any, jiffy: int, now: int) -> None:
        """Add a connection unless it is there; what has ended goes, as far as one has to look for that."""
        confirmed = entry is not None and entry.status & CONFIRMED
        if confirmed or self.checked != jiffy or len(self.entries) - self.left >= MOST_NEW:
            kept: list[Any] = []
            for place, one in enumerate(self.entries):
                if one is entry and confirmed and not entry.status & DYING:  # one that the packet closed is not found
                    self.entries = kept + self.entries[place:]
                    return
                if not _over(one, now):
                    kept.append(one)
            self.entries, self.checked, self.left = kept, jiffy, len(kept)
        self.entries.append(entry)

    def clean(self, jiffy: int, now: int) -> None:
        """Throw out what has ended, once a jiffy."""
        if self.checked != jiffy:
            self.entries = [one for one in self.entries if not _over(one, now)]
            self.checked, self.left = jiffy, len(self.entries)


class ConnectionLists:
    """A list for each host, and zone."""

    __slots__ = ("_lists",)

    def __init__(self) -> None:
        self._lists: dict[tuple[int, int], _List] = {}

    def count(self, host: int, skb: Any, now: int) -> int:
        """How many connections the host has, with the packet's own.

        0, which drops the packet, for one that can belong to none; and, as the kernel has it, for one of a connection
        that has just been closed, when it was the host's last.
        """
        entry, jiffy = skb.nfct, jiffies(now)
        if entry is None and not _has_tuple(skb):
            return 0
        key = (host, entry.zone.id if entry is not None else 0)
        found = self._lists.get(key)
        if found is None:
            self._lists[key] = _List(entry, jiffy)
            return 1
        if entry is None or entry.status & SETTLED != SETTLED:
            found.add(entry, jiffy, now)
        elif found.entries:
            found.clean(jiffy, now)
        return len(found.entries)


def _over(entry: Any, now: int) -> bool:
    """Whether a connection is no longer in the table, or is TCP's and closed; one without entry never was there."""
    if entry is None or entry.status & (CONFIRMED | DYING) != CONFIRMED or entry.timeout <= now:
        return True
    return entry.original.protocol == TCP and entry.proto.state in (TIME_WAIT, CLOSE)


def _has_tuple(skb: Any) -> bool:
    """Whether a packet that is not tracked has what makes a connection (nf_ct_get_tuplepr)."""
    needed = {1: 8, 58: 8, 6: 8, 17: 8, 132: 8, 136: 8, 33: 8}.get(skb.protocol, 0)
    return not skb.fragoff and skb.thoff + needed <= len(skb.data)
