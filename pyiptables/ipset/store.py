"""What a set of the hash and bitmap methods keeps, and how a packet finds an element in it.

An element is a tuple: an address for each ip and net, protocol and port for a port (a bitmap's port alone), MAC and
mark as numbers, whether it is a bridge's port and the name for an iface; then the prefix length of each net. The kernel
keeps hash elements in an order that hangs on a random seed; here it is the order in which they were added.

Source: net/netfilter/ipset/ip_set_hash_gen.h, ip_set_bitmap_gen.h, and the files of the types.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.hooks import Family
from pyiptables.ipset.model import Entry, Header, Query, Refusal
from pyiptables.ipset.packets import READERS, Values, read_plain_port
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


class NetStore(Store):
    """A set with one or two networks: prefix lengths that are in use are tried from the longest on."""

    __slots__ = ("_bits", "_counts", "_lengths", "_masks", "_nets")

    def __init__(self, header: Header) -> None:
        super().__init__(header)
        parts = header.type.parts
        self._nets = tuple(at for part, at in zip(parts, places(parts), strict=True) if part == "net")
        self._bits = (header.family or Family.IPV4).bits
        self._masks = tuple(((1 << length) - 1) << (self._bits - length) for length in range(self._bits + 1))
        self._counts: tuple[dict[int, int], ...] = tuple({} for _ in self._nets)
        self._lengths: list[tuple[int, ...]] = [() for _ in self._nets]

    def counted(self, key: Key, change: int) -> None:
        """Keep how often each prefix length is in use."""
        for which, length in enumerate(key[-len(self._nets) :]):
            counts = self._counts[which]
            counts[length] = counts.get(length, 0) + change
            if counts[length] <= 0:
                del counts[length]
            if change < 0 or counts[length] == 1:
                self._lengths[which] = tuple(sorted(counts, reverse=True))

    def flush(self) -> None:
        """Take all elements out, and forget the prefix lengths."""
        self.entries.clear()
        for which, counts in enumerate(self._counts):
            counts.clear()
            self._lengths[which] = ()

    def candidates(self, values: Values) -> Iterator[Key]:
        """The elements that an address may be in, longest prefixes of the first network first."""
        masks, first = self._masks, self._nets[0]
        before, address, after = values[:first], values[first], values[first + 1 :]
        if len(self._nets) == 1:
            for length in self._lengths[0]:
                yield (*before, address & masks[length], *after, length)
            return
        for length in self._lengths[0]:
            head = (*before, address & masks[length], *after[:-1])
            for inner in self._lengths[1]:
                yield (*head, after[-1] & masks[inner], length, inner)

    def find(self, values: Values, query: Query) -> int:
        """Whether the packet is in one of the networks; an exception ends the search as a match does."""
        entries = self.entries
        for key in self.candidates(values):
            entry = entries.get(key)
            if entry is not None and query.take(self.header, entry):
                return NOMATCH if entry.nomatch else YES
        return NO

    def to_add(self, values: Values) -> Key:
        """The network of the longest prefix length in use (of all bits in an empty set) around the address."""
        lengths = [used[0] if used else self._bits for used in self._lengths]
        found = list(values)
        for at, length in zip(self._nets, lengths, strict=True):
            found[at] &= self._masks[length]
        return (*found, *lengths)


class InterfaceStore(NetStore):
    """A hash:net,iface. All interfaces of a network stand together, and a wildcard is the same as what it begins."""

    __slots__ = ("_names",)

    def __init__(self, header: Header) -> None:
        super().__init__(header)
        self._names: dict[Key, dict[Key, Entry]] = {}

    def counted(self, key: Key, change: int) -> None:
        """Keep the interfaces of each network."""
        super().counted(key, change)
        network = _network(key)
        if change > 0:
            self._names.setdefault(network, {})[key] = self.entries[key]
            return
        del self._names[network][key]
        if not self._names[network]:
            del self._names[network]

    def flush(self) -> None:
        """Take all elements out."""
        super().flush()
        self._names.clear()

    def lookup(self, key: Key) -> Entry | None:
        """The first entry of the network with this interface, or with a wildcard for it."""
        present = self._names.get(_network(key), {})
        return next((entry for other, entry in present.items() if _same_interface(other, entry, key)), None)

    def find(self, values: Values, query: Query) -> int:
        """Whether the packet is in a network with its interface; a network with others only ends the search."""
        for key in self.candidates(values):
            others = 0
            for other, entry in self._names.get(_network(key), {}).items():
                if not _same_interface(other, entry, key):
                    others += 1
                elif query.take(self.header, entry):
                    return NOMATCH if entry.nomatch else YES
                else:
                    others = 0
            if others:
                return NO
        return NO

    def remove(self, key: Key, now: int) -> Refusal | None:
        """Delete the element that counts as this one, if alive."""
        found = self.lookup(key)
        if found is None or found.expired(now):
            return Refusal.MISSING
        self.drop(next(other for other, entry in self._names[_network(key)].items() if entry is found))
        return None


def _network(key: Key) -> Key:
    """What the kernel hashes of an element: all but the interface's name."""
    return (key[0], key[1], key[3])


def _same_interface(stored: Key, entry: Entry, key: Key) -> bool:
    name: str = key[2]
    return bool(stored[2] == name or (entry.wildcard and name.startswith(stored[2])))


def store_for(header: Header) -> Store:
    """An empty set for a header of a bitmap or hash type."""
    parts = header.type.parts
    if header.type.method == "bitmap":
        return MacBitmapStore(header) if "mac" in parts else BitmapStore(header)
    if "iface" in parts:
        return InterfaceStore(header)
    return NetStore(header) if "net" in parts else Store(header)
