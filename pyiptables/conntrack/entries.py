"""The entries that a table holds: by both tuples, by their first packet's source, and in the order in which they came.

Source: net/netfilter/nf_conntrack_core.c (nf_conntrack_find_get, nf_conntrack_tuple_taken), nf_nat_core.c (bysource).
"""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.conntrack.entry import CONFIRMED, DEFAULT_ZONE, DYING, SRC_NAT_DONE, Entry, Zone
from pyiptables.conntrack.tuples import ORIGINAL, REPLY, Tuple


class Entries:
    """Confirmed entries. ``now`` is nanoseconds on the capture's clock; an entry ends when its timeout is not after it."""

    def __init__(self) -> None:
        self.now = 0
        self._tuples: dict[int, dict[Tuple, tuple[Entry, int]]] = {}
        self._entries: dict[Entry, None] = {}
        self._by_source: dict[tuple[int, int, int, int], list[Entry]] = {}
        self._sweep_at = 1024

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        """The entries whose time is not over, oldest first."""
        return (entry for entry in list(self._entries) if entry.timeout > self.now)

    def find(self, tup: Tuple, zone: Zone = DEFAULT_ZONE) -> tuple[Entry, int] | None:
        """The entry that has the tuple in that zone, and the direction of the tuple in it (nf_conntrack_find_get)."""
        found = self.find_at(tup, zone, ORIGINAL)
        return found if found is not None or zone.directions == 3 else self.find_at(tup, zone, REPLY)

    def find_at(self, tup: Tuple, zone: Zone, side: int) -> tuple[Entry, int] | None:
        """The same among the entries that have the zone's number of one direction only."""
        found = self._tuples.get(zone.at(side), {}).get(tup)
        if found is not None:
            entry, direction = found
            if entry.timeout <= self.now:
                self.kill(entry)
            elif entry.zone.at(direction) == zone.at(direction):
                return found
        return None

    def taken(self, tup: Tuple, ignored: Entry) -> bool:
        """Whether an entry other than the given one has the tuple, so that NAT must not give it out again.

        An entry with the same original tuple is the same flow and does not count. Source: nf_conntrack_tuple_taken.
        """
        found = self._tuples.get(ignored.zone.at(REPLY), {}).get(tup)
        if found is None:
            return False
        entry, direction = found
        if entry is ignored:
            return False
        if entry.timeout <= self.now:
            self.kill(entry)
            return False
        if entry.zone.at(direction) != ignored.zone.at(direction):
            return False
        same_flow = entry.original == ignored.original and entry.zone.at(ORIGINAL) == ignored.zone.at(ORIGINAL)
        return not same_flow

    def mapped_from(self, tup: Tuple, zone: Zone) -> Iterator[Entry]:
        """The entries whose first packet had the tuple's source, protocol and source half; newest first."""
        for entry in reversed(self._by_source.get((tup.src, tup.protocol, tup.sport, zone.at(ORIGINAL)), [])):
            if entry.timeout > self.now:
                yield entry

    def insert(self, entry: Entry, *, hidden: bool = False) -> None:
        """Put an entry in, confirmed, its timeout being a time; ``hidden``: found by its reply tuple only."""
        if len(self._entries) >= self._sweep_at:
            self.sweep()
        entry.status |= CONFIRMED
        self._entries[entry] = None
        directions = (REPLY,) if hidden else (ORIGINAL, REPLY)
        for direction in directions:  # the reply last: a flow that is its own inverse is found as a reply
            self._tuples.setdefault(entry.zone.at(direction), {})[entry.tuple(direction)] = (entry, direction)
        if entry.status & SRC_NAT_DONE:
            self._by_source.setdefault(_source(entry), []).append(entry)

    def kill(self, entry: Entry) -> bool:
        """Take an entry out; False when it was out already (nf_ct_kill)."""
        if entry.status & DYING:
            return False
        entry.status |= DYING
        self._entries.pop(entry, None)
        for direction in (ORIGINAL, REPLY):
            held = self._tuples.get(entry.zone.at(direction))
            tup = entry.tuple(direction)
            if held is not None and tup in held and held[tup][0] is entry:
                del held[tup]
        source = _source(entry)
        if entry in (listed := self._by_source.get(source, [])):
            listed.remove(entry)
            if not listed:
                del self._by_source[source]
        self.ended(entry)
        return True

    def ended(self, entry: Entry) -> None:
        """Called for each entry that was taken out."""

    def sweep(self) -> None:
        """Take out all entries whose time is over."""
        for entry in [entry for entry in self._entries if entry.timeout <= self.now]:
            self.kill(entry)
        self._sweep_at = max(1024, 2 * len(self._entries))


def _source(entry: Entry) -> tuple[int, int, int, int]:
    """What entries are looked up by for a further connection from the same source."""
    original = entry.original
    return original.src, original.protocol, original.sport, entry.zone.at(ORIGINAL)
