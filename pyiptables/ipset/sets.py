"""The sets of a host: what ``-m set`` asks of them and what ``-j SET`` does to them.

Source: net/netfilter/xt_set.c, net/netfilter/ipset/ip_set_core.c (ip_set_test, ip_set_add, ip_set_del).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pyiptables.errors import OperationFailed
from pyiptables.hooks import Family
from pyiptables.ipset.bitmaps import BitmapStore, MacBitmapStore
from pyiptables.ipset.members import MemberList
from pyiptables.ipset.model import PLAIN, Header, MatchOptions, Query, Refusal, SkbInfo
from pyiptables.ipset.networks import InterfaceStore, NetStore
from pyiptables.ipset.store import NOMATCH, YES, Directions, Store
from pyiptables.packet.skb import Skb

AnySet = Store | MemberList


class Description(NamedTuple):
    """What a rule must know of a set: the name of its type, how many directions it needs, its family if it has one."""

    type: str
    dimension: int
    family: Family | None


class Sets:
    """All sets of a host by name, in the order in which they were created. They change as packets pass.

    ``directions`` of a question are those of the rule, for each dimension whether it is ``src``. ``now`` is in
    nanoseconds on the capture's clock. Whatever names a set that is not there raises
    :class:`~pyiptables.errors.OperationFailed`.
    """

    def __init__(self) -> None:
        self._sets: dict[str, AnySet] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._sets

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    def __getitem__(self, name: str) -> AnySet:
        found = self._sets.get(name)
        if found is None:
            raise OperationFailed(f"Set {name} doesn't exist.", hint=self._nearest(name))
        return found

    def _nearest(self, name: str) -> str | None:
        from difflib import get_close_matches

        near = get_close_matches(name, self._sets, 1)
        return f"nearest: {near[0]}" if near else None

    def describe(self, name: str) -> Description | None:
        """Type, dimension and family of a set, or None when it is not there."""
        found = self._sets.get(name)
        if found is None:
            return None
        header = found.header
        return Description(header.type.name, header.type.dimension, header.family)

    def create(self, name: str, header: Header) -> None:
        """Make an empty set; the name must be free."""
        self._sets[name] = _empty(header)

    def users(self, name: str) -> list[str]:
        """The list:sets that a set is a member of."""
        lists = ((other, found) for other, found in self._sets.items() if isinstance(found, MemberList))
        return [other for other, found in lists if name in found.entries]

    def destroy(self, name: str) -> None:
        """Take a set away; OperationFailed when a list:set holds it."""
        self[name]
        if self.users(name):
            raise OperationFailed("Set cannot be destroyed: it is in use by a kernel component")
        del self._sets[name]

    def rename(self, name: str, to: str) -> None:
        """Give a set another name, in its place; OperationFailed when that is taken or a list:set holds the set."""
        self[name]
        if self.users(name):
            raise OperationFailed("Set cannot be renamed: it is in use by another system")
        if to in self._sets:
            raise OperationFailed("Set cannot be renamed: a set with the new name already exists")
        self._sets = {to if other == name else other: found for other, found in self._sets.items()}

    def swap(self, name: str, other: str) -> None:
        """Exchange what two sets hold; OperationFailed unless they are of one type and family."""
        one, two = self[name], self[other]
        if (one.header.type, one.header.family) != (two.header.type, two.header.family):
            raise OperationFailed("The sets cannot be swapped: their type does not match")
        self._sets[name], self._sets[other] = two, one

    def copy(self) -> Sets:
        """The same sets, which change on their own."""
        other = Sets()
        other._sets = {name: found.copy() for name, found in self._sets.items()}
        return other

    def test(self, name: str, skb: Skb, directions: Directions, *, now: int, options: MatchOptions = PLAIN) -> bool:
        """Whether the packet is in the set (``-m set --match-set``), counting it there."""
        return self._test(self[name], skb, directions, _query(skb, now, options))

    def lookup(self, name: str, skb: Skb, directions: Directions, *, now: int) -> SkbInfo | None:
        """What the packet's entry lends to it (``-j SET --map-set``), None when it is not in the set."""
        query = _query(skb, now, PLAIN)
        return query.skbinfo if self._test(self[name], skb, directions, query) else None

    def add(
        self,
        name: str,
        skb: Skb,
        directions: Directions,
        *,
        now: int,
        timeout: int | None = None,
        exist: bool = False,
    ) -> Refusal | None:
        """Add the packet to the set (``-j SET --add-set``), for ``timeout`` seconds; None when that was done."""
        query = Query(now, len(skb.data), timeout=timeout, exist=exist)
        return self._change(self[name], skb, directions, query, adding=True)

    def delete(self, name: str, skb: Skb, directions: Directions, *, now: int) -> Refusal | None:
        """Take the packet out of the set (``-j SET --del-set``); None when that was done."""
        return self._change(self[name], skb, directions, Query(now, len(skb.data)), adding=False)

    def _test(self, found: AnySet, skb: Skb, directions: Directions, query: Query) -> bool:
        if not _fits(found.header, skb, directions):
            return False
        if isinstance(found, MemberList):
            return self._test_members(found, skb, directions, query)
        answer = found.match(skb, directions, query)
        return answer == (NOMATCH if query.return_nomatch and found.header.type.nomatch else YES)

    def _test_members(self, found: MemberList, skb: Skb, directions: Directions, query: Query) -> bool:
        """The first member that holds the packet decides, if the list's own entry agrees; its counters count too."""
        update, conditions = query.update, query.conditions
        query.conditions = ()
        for name, entry in found.entries.items():
            query.update = update and query.update_members
            if not self._test(self._sets[name], skb, directions, query):
                continue
            query.update, query.conditions = update, conditions
            if query.take(found.header, entry):
                return True
            query.conditions = ()
        return False

    def _change(self, found: AnySet, skb: Skb, directions: Directions, query: Query, *, adding: bool) -> Refusal | None:
        if not _fits(found.header, skb, directions):
            return Refusal.MISMATCH
        if isinstance(found, Store):
            return found.add(skb, directions, query) if adding else found.delete(skb, directions, query)
        for name, entry in found.entries.items():
            if entry.expired(query.now):
                continue
            if self._change(self._sets[name], skb, directions, query, adding=adding) is None:
                return None
        return None


def _empty(header: Header) -> AnySet:
    """An empty set for a header."""
    parts, method = header.type.parts, header.type.method
    if method == "list":
        return MemberList(header)
    if method == "bitmap":
        return MacBitmapStore(header) if "mac" in parts else BitmapStore(header)
    if "iface" in parts:
        return InterfaceStore(header)
    return NetStore(header) if "net" in parts else Store(header)


def _fits(header: Header, skb: Skb, directions: Directions) -> bool:
    """Whether a rule with these directions can ask this set about a packet of this family."""
    return len(directions) >= header.type.dimension and header.family in (None, skb.family)


def _query(skb: Skb, now: int, options: MatchOptions) -> Query:
    if options is PLAIN:
        return Query(now, len(skb.data))
    asked = (("packets", options.packets), ("bytes", options.bytes))
    return Query(
        now,
        len(skb.data),
        options.return_nomatch,
        options.update_counters,
        options.update_subcounters,
        tuple((counter, *condition) for counter, condition in asked if condition is not None),
    )
