"""The hash types with networks: how the prefix that a packet is in is found.

Source: net/netfilter/ipset/ip_set_hash_gen.h (mtype_test_cidrs), ip_set_hash_net*.c, ip_set_hash_ipportnet.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.ipset.model import Entry, Header, Query, Refusal
from pyiptables.ipset.packets import Values
from pyiptables.ipset.store import NO, NOMATCH, YES, Key, Store, places


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
