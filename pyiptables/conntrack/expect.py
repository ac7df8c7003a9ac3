"""Expectations: connections that a helper has announced, to be RELATED when they come.

Source: net/netfilter/nf_conntrack_expect.c.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyiptables.conntrack.entry import CONFIRMED, DYING, SECOND, Entry
from pyiptables.conntrack.tuples import Tuple


@dataclass(slots=True, eq=False)
class Expectation:
    """A connection that ``master`` expects.

    The destination of ``wanted`` must be met exactly, its source under ``src_mask`` and ``sport_mask``. ``timeout`` is
    the time at which it ends. It serves one connection, more if ``permanent``, none yet if ``inactive``. ``arrived`` is
    called with the new entry (expectfn); ``saved`` is the destination (address, port) before NAT, for whoever sets it.
    """

    wanted: Tuple
    master: Entry
    src_mask: int = 0
    sport_mask: int = 0
    timeout: int = 0
    permanent: bool = False
    inactive: bool = False
    helper: str | None = None
    direction: int = 0
    saved: tuple[int, int] | None = None
    arrived: Callable[[Entry, Expectation], None] | None = None

    def meets(self, tup: Tuple) -> bool:
        """Whether a packet's tuple is what is expected (nf_ct_tuple_mask_cmp)."""
        mine = self.wanted
        return (
            (tup.family, tup.protocol, tup.dst, tup.dport) == (mine.family, mine.protocol, mine.dst, mine.dport)
            and not (tup.src ^ mine.src) & self.src_mask
            and not (tup.sport ^ mine.sport) & self.sport_mask
        )


class Expectations:
    """The expectations that are open, newest first, by what their tuples' destinations are."""

    def __init__(self, maximum: int) -> None:
        self.maximum = maximum
        self._count = 0
        self._by_destination: dict[tuple[int, int, int], list[Expectation]] = {}

    def __len__(self) -> int:
        return self._count

    def add(self, expectation: Expectation, now: int, seconds: int) -> bool:
        """Open an expectation for that long; False when the table is full or another one already covers it.

        One that is the same is refreshed (nf_ct_expect_related).
        """
        for other in self._listed(expectation.wanted, now):
            if other.wanted == expectation.wanted and other.master is expectation.master:
                other.timeout = now + seconds * SECOND
                return True
            if not (
                (other.wanted.src ^ expectation.wanted.src) & other.src_mask & expectation.src_mask
                or (other.wanted.sport ^ expectation.wanted.sport) & other.sport_mask & expectation.sport_mask
            ):
                return False
        if self._count >= self.maximum:
            return False
        expectation.timeout = now + seconds * SECOND
        self._by_destination.setdefault(_key(expectation.wanted), []).insert(0, expectation)
        self._count += 1
        return True

    def take(self, tup: Tuple, zone: int, now: int) -> Expectation | None:
        """The expectation that a new connection meets; gone with it unless permanent (nf_ct_find_expectation)."""
        for found in self._listed(tup, now):
            if found.inactive or not found.meets(tup) or found.master.zone.id != zone:
                continue
            if not found.master.status & CONFIRMED or found.master.status & DYING:
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

    def forget(self, master: Entry) -> None:
        """Close all that a connection expects, when it ends."""
        if self._count:
            for listed in list(self._by_destination.values()):
                for expectation in [each for each in listed if each.master is master]:
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
