"""The bitmap types: addresses or ports of a range.

Source: net/netfilter/ipset/ip_set_bitmap_gen.h, ip_set_bitmap_ip.c, ip_set_bitmap_ipmac.c, ip_set_bitmap_port.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.ipset.model import Entry, Header, Query, Refusal
from pyiptables.ipset.packets import READERS, Values, read_plain_port
from pyiptables.ipset.store import NO, YES, Directions, Key, Store
from pyiptables.packet.skb import Skb


class BitmapStore(Store):
    """A bitmap:ip or bitmap:port: elements in a range, saved in their order."""

    __slots__ = ()

    def __init__(self, header: Header) -> None:
        super().__init__(header)
        if header.type.parts == ("port",):
            self._readers = (read_plain_port,)

    def of_packet(self, skb: Skb, directions: Directions) -> Values | None:
        """The packet's address or port, where it is in the range."""
        found = self._readers[0](skb, directions[0])
        if found is None or not self.header.first <= found[0] <= self.header.last:
            return None
        return found if self._mask is None else (found[0] & self._mask,)

    def insert(self, key: Key, entry: Entry, now: int, *, exist: bool) -> Refusal | None:
        """As for a hash, but inside the range, and never full."""
        if not self.header.first <= key[0] <= self.header.last:
            return Refusal.RANGE
        return super().insert(key, entry, now, exist=exist)

    def remove(self, key: Key, now: int) -> Refusal | None:
        """As for a hash, but inside the range."""
        if not self.header.first <= key[0] <= self.header.last:
            return Refusal.RANGE
        return super().remove(key, now)

    def _room(self, now: int) -> bool:
        return True

    def alive(self, now: int) -> Iterator[tuple[Key, Entry]]:
        """The elements whose time is not over, lowest first."""
        return iter(sorted(super().alive(now), key=lambda item: item[0]))


class MacBitmapStore(BitmapStore):
    """A bitmap:ip,mac: an address may stand without its MAC, which the first packet that asks then fills in."""

    __slots__ = ()

    def match(self, skb: Skb, directions: Directions, query: Query) -> int:
        """Whether the address is in the set with this MAC, or with none yet, which is then this one."""
        key, mac = self.of_packet(skb, directions), READERS["mac"](skb, directions[1])
        if key is None or mac is None:
            return NO
        entry = self.entries.get(key)
        if entry is None:
            return NO
        if entry.mac is None:
            self.add(skb, directions, query)
            return YES
        return YES if entry.mac == mac[0] and query.take(self.header, entry) else NO

    def add(self, skb: Skb, directions: Directions, query: Query) -> Refusal | None:
        """Add the packet's address and MAC."""
        key, mac = self.of_packet(skb, directions), READERS["mac"](skb, directions[1])
        if key is None or mac is None:
            return Refusal.UNUSABLE
        entry = query.entry(self.header)
        entry.mac = mac[0]
        return self.insert(key, entry, query.now, exist=query.exist)

    def insert(self, key: Key, entry: Entry, now: int, *, exist: bool) -> Refusal | None:
        """Add an address, or the MAC of one that has none: the timeout that it was added with begins then."""
        present = self.entries.get(key)
        if present is not None and present.expired(now):
            self.drop(key)
            present = None
        if entry.mac is None:
            entry.expires = None
        if present is None or present.mac is not None:
            if present is not None and exist and entry.mac is not None:
                present.mac = entry.mac
            return super().insert(key, entry, now, exist=exist)
        if entry.mac is None and not exist and not present.stored:
            return Refusal.EXIST
        if entry.mac is not None and entry.stored == self.header.timeout:
            entry.start(present.stored, now)
        present.overwrite(entry)
        present.mac = entry.mac
        return None

    def remove(self, key: Key, now: int) -> Refusal | None:
        """Delete an address; one without MAC whose timeout waits is deleted too, but that is told as a failure."""
        waiting = self.entries.get(key)
        refusal = super().remove(key, now)
        return Refusal.MISSING if waiting is not None and waiting.mac is None and waiting.stored else refusal
