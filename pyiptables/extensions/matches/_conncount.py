"""The connections of each host that a rule has seen: what ``-m connlimit`` counts.

Source: net/netfilter/nf_conncount.c of Linux 6.18.
"""

from __future__ import annotations

from typing import Any

from pyiptables.extensions.matches._jiffies import jiffies

CONFIRMED, DYING, ASSURED = 8, 512, 4
TCP, TIME_WAIT, CLOSE = 6, 7, 8
MOST_NEW = 64
"""After so many new connections in one jiffy the list is looked through all the same."""


class _List:
    """The connections of one host; ``checked`` is the jiffy when they were last looked through, ``left`` how many were."""

    __slots__ = ("checked", "entries", "left")

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self.checked, self.left = -1, 0


class ConnectionLists:
    """A list for each host, and zone."""

    __slots__ = ("_lists",)

    def __init__(self) -> None:
        self._lists: dict[tuple[int, int], _List] = {}

    def count(self, host: int, skb: Any, now: int) -> int:
        """How many connections the host has, with the packet's own; 0 for a packet that can belong to none."""
        entry = skb.nfct
        if entry is None and not _has_tuple(skb):
            return 0
        zone = entry.zone.id if entry is not None else 0
        found = self._lists.get((host, zone))
        if found is None or not found.entries:
            found = self._lists[host, zone] = _List()
            found.entries.append(entry)
            found.checked, found.left = jiffies(now), 1
            return 1
        known = entry is not None and entry.status & CONFIRMED
        if known and entry.status & ASSURED:
            self._clean(found, entry, now, closed=True)
            return len(found.entries)
        if not known and found.checked == jiffies(now) and len(found.entries) - found.left < MOST_NEW:
            found.entries.append(entry)
            return len(found.entries)
        if not self._clean(found, entry, now, closed=True):
            found.entries.append(entry)
        return len(found.entries)

    @staticmethod
    def _clean(found: _List, entry: Any, now: int, *, closed: bool) -> bool:
        """Throw out what has ended; whether the packet's own connection was there already."""
        kept = [one for one in found.entries if one is entry or not _over(one, now, closed)]
        there = entry is not None and any(one is entry for one in kept)
        if entry is None:
            kept = [one for one in kept if one is not None]
        found.entries = kept
        found.checked, found.left = jiffies(now), len(kept)
        return there


def _over(entry: Any, now: int, closed: bool) -> bool:
    """Whether a connection is no longer in the table, or is TCP's and closed; one without entry never was there."""
    if entry is None or not entry.status & CONFIRMED or entry.status & DYING or entry.timeout <= now:
        return True
    return closed and entry.original.protocol == TCP and entry.proto.state in (TIME_WAIT, CLOSE)


def _has_tuple(skb: Any) -> bool:
    """Whether a packet that is not tracked has what makes a connection (nf_ct_get_tuplepr)."""
    needed = {1: 8, 58: 8, 6: 8, 17: 8, 132: 8, 136: 8, 33: 8}.get(skb.protocol, 0)
    return not skb.fragoff and skb.thoff + needed <= len(skb.data)
