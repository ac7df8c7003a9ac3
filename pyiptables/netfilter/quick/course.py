"""Courses: what the walk did with packets of open connections, kept by all that it looked at on the way.

A packet's course through the tables follows from its interfaces, its protocol, conntrack's state of it, and the fields
that the conditions look at which were tested (:mod:`pyiptables.netfilter.looks`). A packet that agrees with an earlier one
in these meets the same answers, one after the other, and so takes the same course: it counts where that one counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from pyiptables.netfilter.looks import REMARKED, UNSURE, Look

if TYPE_CHECKING:
    from pyiptables.netfilter.path import Ended
    from pyiptables.netfilter.quick.side import Side

MOST_COURSES = 65_536
"""So many are kept before all is learned anew."""
MOST_LOOKS = 8
"""So many different sets of looks are tried, one after the other; courses with others belong to one side alone."""


class Course:
    """A way through the tables to its end: the rules and policies that count its packets, and how many there were.

    ``story`` is what the walk told of it, where stories are retold.
    """

    __slots__ = ("bytes", "ended", "looks", "packets", "story", "touched")

    def __init__(self, looks: int, touched: list[Any], ended: Ended) -> None:
        self.looks = looks
        self.touched = touched
        self.ended = ended
        self.story: Any = None
        self.packets = self.bytes = 0

    def settle(self) -> None:
        """Count the packets where they belong."""
        for counted in self.touched:
            counted.packets += self.packets
            counted.bytes += self.bytes
        self.packets = self.bytes = 0


class Courses:
    """All courses that are known. ``passed`` are packets by how they ended, of courses that were settled."""

    def __init__(self) -> None:
        self._shared: dict[tuple[Any, ...], Course] = {}
        self._looks: list[int] = []
        self._all: list[Course] = []
        self.passed: dict[tuple[Any, ...], tuple[Ended, int]] = {}

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Course]:
        return iter(self._all)

    @property
    def full(self) -> bool:
        """Whether it is time to settle and to begin anew."""
        return len(self._all) >= MOST_COURSES

    def find(self, side: Side, kind: int, status: int, mark: int) -> Course | None:
        """The course of a side's packets of a kind, with the connection's status and mark; None where none is known."""
        for looks in self._looks:
            course = self._shared.get(seen(looks, side, kind, status, mark))
            if course is not None:
                return course
        return side.own.get((kind, status, mark))

    def learn(self, side: Side, kind: int, course: Course) -> None:
        """Keep what the walk did with a packet of a side."""
        entry, looks = side.entry, course.looks
        if looks & UNSURE:
            return
        self._all.append(course)
        if not looks & REMARKED and (looks in self._looks or len(self._looks) < MOST_LOOKS):
            if looks not in self._looks:
                self._looks.append(looks)
            self._shared[seen(looks, side, kind, entry.status, entry.mark)] = course
        else:
            side.own[kind, entry.status, entry.mark] = course

    def settle(self) -> None:
        """Count all packets where they belong."""
        for course in self._all:
            if course.packets:
                ended = course.ended
                key = ended.verdict, ended.hook, ended.reason
                self.passed[key] = ended, self.passed.get(key, (ended, 0))[1] + course.packets
                course.settle()

    def forget(self) -> None:
        """Settle, and know nothing; sides must be forgotten with it."""
        self.settle()
        self._shared.clear()
        self._looks.clear()
        self._all.clear()

    def words(self) -> Iterable[str]:
        """What is known, a line for each course, for people."""
        for course in self._all:
            names = ", ".join(look.name or "" for look in Look if course.looks & look) or "nothing more"
            yield f"{course.ended.verdict} {course.ended.reason}; looks at {names}; {len(course.touched)} count it"


def seen(looks: int, side: Side, kind: int, status: int, mark: int) -> tuple[Any, ...]:
    """What the looks see of a side's packets of a kind: equal for packets that take the same course."""
    values: list[Any] = [looks, side.place, status & NAT_BITS]
    came, goes = side.came, side.goes
    if looks & ADDRESSES:
        if looks & Look.SOURCE:
            values += came.src, goes.src
        if looks & Look.DESTINATION:
            values += came.dst, goes.dst
        if looks & Look.SOURCE_PORT:
            values += came.sport, goes.sport
        if looks & Look.DESTINATION_PORT:
            values += came.dport, goes.dport
    if looks & REST:
        if looks & Look.KIND:
            values.append(kind)
        if looks & Look.STATUS:
            values.append(status)
        if looks & Look.MARK:
            values.append(mark)
        if looks & Look.LINK:
            values.append(side.head[:14])
    return tuple(values)


NAT_BITS = 48
ADDRESSES = int(Look.SOURCE | Look.DESTINATION | Look.SOURCE_PORT | Look.DESTINATION_PORT)
REST = int(Look.KIND | Look.STATUS | Look.MARK | Look.LINK)
