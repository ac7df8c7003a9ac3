"""The list:set type: sets in an order, asked one after the other.

Source: net/netfilter/ipset/ip_set_list_set.c.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.ipset.model import Entry, Header, Refusal


class MemberList:
    """The members of a list:set by name, in their order."""

    __slots__ = ("entries", "header")

    def __init__(self, header: Header) -> None:
        self.header = header
        self.entries: dict[str, Entry] = {}

    def insert(
        self, name: str, entry: Entry, now: int, *, exist: bool, before: str = "", after: str = ""
    ) -> Refusal | None:
        """Add a member at the end, or beside another that must be in the list."""
        for gone in [other for other, old in self.entries.items() if old.expired(now)]:
            del self.entries[gone]
        beside = before or after
        if beside and (beside not in self.entries or beside == name):
            return Refusal.REFERENCE
        if name in self.entries:
            if not exist:
                return Refusal.EXIST
            self.entries[name].overwrite(entry)
            return None
        self.entries[name] = entry
        if beside:
            names = [other for other in self.entries if other != name]
            names.insert(names.index(beside) + (0 if before else 1), name)
            self.entries = {other: self.entries[other] for other in names}
        return None

    def remove(self, name: str, now: int) -> Refusal | None:
        """Take a member out."""
        entry = self.entries.get(name)
        if entry is None or entry.expired(now):
            return Refusal.MISSING
        del self.entries[name]
        return None

    def alive(self, now: int) -> Iterator[tuple[tuple[str], Entry]]:
        """The members whose time is not over, each as an element of one part."""
        return (((name,), entry) for name, entry in self.entries.items() if not entry.expired(now))

    def flush(self) -> None:
        """Take all members out."""
        self.entries.clear()

    def copy(self) -> MemberList:
        """A list with the same members that changes on its own."""
        other = MemberList(self.header)
        other.entries = {name: entry.copy() for name, entry in self.entries.items()}
        return other
