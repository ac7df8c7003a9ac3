"""Expectations: connections that a helper has announced, to be RELATED when they come.

Source: net/netfilter/nf_conntrack_expect.c.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from pyiptables.conntrack.entry import CONFIRMED, DYING, SECOND, Entry
from pyiptables.conntrack.tuples import Tuple


class Policy(NamedTuple):
    """How many expectations of one class a connection may have, and how many seconds each is open."""

    maximum: int
    seconds: int


UNLIMITED = Policy(0, 300)


class Answer(Enum):
    """What becomes of a wish to expect: 0 and the kernel's errors."""

    OPEN = "open"
    BUSY = "another connection expects the same"
    ALREADY = "the same is expected already, as something else"
    FULL = "no room"

    def __bool__(self) -> bool:
        return self is Answer.OPEN


@dataclass(slots=True, eq=False)
class Expectation:
    """A connection that ``master`` expects.

    The destination of ``wanted`` must be met exactly, its source under ``src_mask`` and ``sport_mask``. ``timeout`` is
    the time at which it ends. It serves one connection, more if ``permanent``, none yet if ``inactive``. ``kind`` is
    its class among those of the master's helper, ``helper`` the helper of the connection to come. For NAT, ``saved``
    is the destination (address, port) before it, ``direction`` the one of the master's that the connection to come will
    have, and ``arrived`` is called with the new entry (expectfn).
    """

    wanted: Tuple
    master: Entry
    src_mask: int = 0
    sport_mask: int = 0
    timeout: int = 0
    permanent: bool = False
    inactive: bool = False
    helper: str | None = None
    kind: int = 0
    direction: int = 0
    saved: tuple[int, int] | None = None
    arrived: Callable[[Entry, Expectation], None] | None = None

    def meets(self, tup: Tuple) -> bool:
        """Whether a packet's tuple is what is expected (nf_ct_tuple_mask_cmp)."""
        return _meets(self.wanted, tup, self.src_mask, self.sport_mask)

    def same(self, other: Expectation) -> bool:
        """Whether two expect the very same (expect_matches)."""
        masks = self.src_mask == other.src_mask and self.sport_mask == other.sport_mask
        return self.wanted == other.wanted and masks and self.master.zone.id == other.master.zone.id

    def clashes(self, other: Expectation) -> bool:
        """Whether a connection could be what both expect (expect_clash)."""
        masks = self.src_mask & other.src_mask, self.sport_mask & other.sport_mask
        return _meets(self.wanted, other.wanted, *masks) and self.master.zone.id == other.master.zone.id


def _meets(mine: Tuple, tup: Tuple, src_mask: int, sport_mask: int) -> bool:
    """Whether two tuples have one destination, and one source under the masks."""
    return (
        (tup.family, tup.protocol, tup.dst, tup.dport) == (mine.family, mine.protocol, mine.dst, mine.dport)
        and not (tup.src ^ mine.src) & src_mask
        and not (tup.sport ^ mine.sport) & sport_mask
    )


class Expectations:
    """The expectations that are open, newest first, by what their tuples' destinations are."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self._count = 0
        self._by_destination: dict[tuple[int, int, int], list[Expectation]] = {}
        self._by_master: dict[Entry, list[Expectation]] = {}

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Expectation]:
        return (each for listed in list(self._by_destination.values()) for each in list(listed))

    def of(self, master: Entry) -> list[Expectation]:
        """What a connection expects, newest first."""
        return list(self._by_master.get(master, ()))

    def add(
        self, expectation: Expectation, now: int, policy: Policy = UNLIMITED, *, any_master: bool = False
    ) -> Answer:
        """Open an expectation (nf_ct_expect_related).

        One that is the same is replaced; with ``any_master`` also one of another connection or class, and then the
        answer is ALREADY. Of more than the policy allows the oldest gives way.
        """
        for other in self._listed(expectation.wanted, now):
            kin = other.master is expectation.master and other.kind == expectation.kind
            if (any_master or kin) and other.same(expectation):
                if not kin:
                    return Answer.ALREADY
                self.remove(other)
                break
            if other.clashes(expectation):
                return Answer.BUSY
        mine = [each for each in self.of(expectation.master) if each.kind == expectation.kind]
        for late in [each for each in mine if each.timeout <= now]:
            self.remove(late)
            mine.remove(late)
        if policy.maximum and len(mine) >= policy.maximum:
            self.remove(mine[-1])
        return Answer.OPEN if self.put(expectation, now + policy.seconds * SECOND) else Answer.FULL

    def put(self, expectation: Expectation, until: int) -> bool:
        """Open an expectation until a time, no matter what else is expected; False when the table is full."""
        if self._count >= self.maximum:
            return False
        expectation.timeout = until
        self._by_destination.setdefault(_key(expectation.wanted), []).insert(0, expectation)
        self._by_master.setdefault(expectation.master, []).insert(0, expectation)
        self._count += 1
        return True

    def find(self, tup: Tuple, zone: int, now: int) -> Expectation | None:
        """The first expectation that a tuple meets, active or not (__nf_ct_expect_find)."""
        met = (each for each in self._listed(tup, now) if each.meets(tup) and each.master.zone.id == zone)
        return next(met, None)

    def take(self, tup: Tuple, zone: int, now: int) -> Expectation | None:
        """The expectation that a new connection meets; gone with it unless permanent (nf_ct_find_expectation)."""
        for found in self._listed(tup, now):
            if found.inactive or not found.meets(tup) or found.master.zone.id != zone:
                continue
            master = found.master
            if not master.status & CONFIRMED or master.status & DYING or master.timeout <= now:
                return None
            if not found.permanent:
                self.remove(found)
            return found
        return None

    def remove(self, expectation: Expectation) -> None:
        """Close an expectation; no matter when it is closed already."""
        key = _key(expectation.wanted)
        listed = self._by_destination.get(key, [])
        if expectation in listed:
            listed.remove(expectation)
            self._count -= 1
            if not listed:
                del self._by_destination[key]
            own = self._by_master[expectation.master]
            own.remove(expectation)
            if not own:
                del self._by_master[expectation.master]

    def forget(self, master: Entry) -> None:
        """Close all that a connection expects, when it ends."""
        if self._count:
            for expectation in self.of(master):
                self.remove(expectation)

    def _listed(self, tup: Tuple, now: int) -> list[Expectation]:
        """Those open for the tuple's destination; what has timed out is closed on the way."""
        listed = self._by_destination.get(_key(tup), [])
        for late in [each for each in listed if each.timeout <= now]:
            self.remove(late)
        return list(listed)


def _key(tup: Tuple) -> tuple[int, int, int]:
    """What an expectation is filed under."""
    return tup.dst, tup.protocol, tup.dport
