"""What a set keeps, and how a packet finds an element in it.

An element is a tuple: an address for each ip and net, protocol and port for a port (a bitmap's port alone), MAC and
mark as numbers, whether it is a bridge's port and the name for an iface; then the prefix length of each net. The kernel
keeps hash elements in an order that hangs on a random seed; here it is the order in which they were added.

Source: net/netfilter/ipset/ip_set_hash_gen.h and the files of the types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.ipset.model import Entry, Header, Query, Refusal
from pyiptables.ipset.packets import READERS, Values
from pyiptables.packet.skb import Skb

Key = Values
Directions = tuple[bool, ...]

NO, YES, NOMATCH = 0, 1, -1
"""What a packet finds: nothing, an element, or an element that is an exception (``nomatch``)."""

_NEVER_NULL = ("hash:ip", "hash:ip,port")
"""Types whose first address must not be 0."""


def places(parts: tuple[str, ...]) -> tuple[int, ...]:
    """Where each part begins in an element's tuple."""
    found, at = [], 0
    for part in parts:
        found.append(at)
        at += 2 if part in ("port", "iface") else 1
    return tuple(found)


class Store:
    """A set whose elements are found as they are: all hash types without networks."""

    __slots__ = ("_addresses", "_mark", "_mask", "_never_null", "_readers", "entries", "header")

    def __init__(self, header: Header) -> None:
        self.header = header
        self.entries: dict[Key, Entry] = {}
        parts = header.type.parts
        self._readers = tuple(READERS[part] for part in parts)
        self._addresses = tuple(at for part, at in zip(parts, places(parts), strict=True) if part in ("ip", "net"))
        self._mark = places(parts)[parts.index("mark")] if "mark" in parts else None
        self._mask = header.mask
        self._never_null = header.type.name in _NEVER_NULL

    def of_packet(self, skb: Skb, directions: Directions) -> Values | None:
        """The element that a packet stands for, networks as addresses; None when it has not all that it needs."""
        found: list[Any] = []
        for reader, source in zip(self._readers, directions, strict=False):
            part = reader(skb, source)
            if part is None:
                return None
            found += part
        if self._mask is not None:
            for at in self._addresses:
                found[at] &= self._mask
        if self._mark is not None:
            found[self._mark] &= self.header.markmask
        if self._never_null and not found[0]:
            return None
        return tuple(found)

    def match(self, skb: Skb, directions: Directions, query: Query) -> int:
        """Whether the packet's element is in the set: NO, YES or NOMATCH."""
        key = self.of_packet(skb, directions)
        return NO if key is None else self.find(key, query)

    def find(self, values: Values, query: Query) -> int:
        """Whether an element, its networks given as addresses, is in the set: NO, YES or NOMATCH."""
        entry = self.entries.get(values)
        return YES if entry is not None and query.take(self.header, entry) else NO

    def to_add(self, values: Values) -> Key:
        """The element that a packet adds or deletes."""
        return values

    def add(self, skb: Skb, directions: Directions, query: Query) -> Refusal | None:
        """Add the packet's element; None when that was done."""
        values = self.of_packet(skb, directions)
        if values is None:
            return Refusal.UNUSABLE
        return self.insert(self.to_add(values), query.entry(self.header), query.now, exist=query.exist)

    def delete(self, skb: Skb, directions: Directions, query: Query) -> Refusal | None:
        """Delete the packet's element; None when that was done."""
        values = self.of_packet(skb, directions)
        return Refusal.UNUSABLE if values is None else self.remove(self.to_add(values), query.now)

    def lookup(self, key: Key) -> Entry | None:
        """The entry that counts as the same element, expired or not."""
        return self.entries.get(key)

    def insert(self, key: Key, entry: Entry, now: int, *, exist: bool) -> Refusal | None:
        """Add an element. One that is there is overwritten with ``exist`` or when its time is over."""
        present = self.lookup(key)
        if present is not None:
            if not exist and not present.expired(now):
                return Refusal.EXIST
            present.overwrite(entry)
            return None
        if not self._room(now):
            return Refusal.FULL
        self.entries[key] = entry
        self.counted(key, 1)
        return None

    def _room(self, now: int) -> bool:
        """Whether another element fits, once those whose time is over are gone or, with forceadd, the oldest is."""
        limit = self.header.maxelem
        if len(self.entries) < limit:
            return True
        for key in [key for key, entry in self.entries.items() if entry.expired(now)]:
            self.drop(key)
        if len(self.entries) >= limit and self.header.forceadd and self.entries:
            self.drop(next(iter(self.entries)))
        return len(self.entries) < limit

    def remove(self, key: Key, now: int) -> Refusal | None:
        """Delete an element; None when it was there and alive."""
        entry = self.entries.get(key)
        if entry is None or entry.expired(now):
            return Refusal.MISSING
        self.drop(key)
        return None

    def drop(self, key: Key) -> None:
        """Take an element out."""
        del self.entries[key]
        self.counted(key, -1)

    def counted(self, key: Key, change: int) -> None:
        """Note that an element came (1) or went (-1)."""

    def flush(self) -> None:
        """Take all elements out."""
        self.entries.clear()

    def alive(self, now: int) -> Iterator[tuple[Key, Entry]]:
        """The elements whose time is not over, in the order in which they are saved."""
        return ((key, entry) for key, entry in self.entries.items() if not entry.expired(now))

    def copy(self) -> Store:
        """A set with the same elements that changes on its own."""
        other = type(self)(self.header)
        for key, entry in self.entries.items():
            other.entries[key] = entry.copy()
            other.counted(key, 1)
        return other
