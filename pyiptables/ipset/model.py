"""What a set is created with, what an entry carries, and what a packet asks of a set.

Source: include/linux/netfilter/ipset/ip_set.h, net/netfilter/ipset/ip_set_core.c (ip_set_match_extensions).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from operator import eq, gt, lt, ne

from pyiptables.hooks import Family
from pyiptables.ipset.types import SetType

SECOND = 1_000_000_000
MAX_TIMEOUT = 2_147_483
"""The longest timeout in seconds (IPSET_MAX_TIMEOUT)."""
U64 = 2**64 - 1
FULL_MASK = 2**32 - 1

COMPARISONS: dict[str, Callable[[int, int], bool]] = {"eq": eq, "ne": ne, "lt": lt, "gt": gt}
"""How a counter is compared: ``--packets-eq 5`` is ``("eq", 5)``, with ``!`` it is ``("ne", 5)``."""


@dataclass(frozen=True, slots=True)
class Header:
    """A set's type and the options it was created with.

    ``timeout`` is the default in seconds (0: for ever), None when its entries cannot expire. ``first`` and ``last``
    are the ends of a bitmap's range. ``mask`` is what addresses are masked with, from ``netmask`` (bits) or
    ``bitmask``. ``initval`` is the seed of the kernel's hash and only printed; so are ``hashsize`` and ``bucketsize``.
    """

    type: SetType
    family: Family | None = None
    first: int = 0
    last: int = 0
    netmask: int | None = None
    bitmask: int | None = None
    markmask: int = FULL_MASK
    hashsize: int = 1024
    maxelem: int = 65536
    size: int = 8
    timeout: int | None = None
    counters: bool = False
    comment: bool = False
    skbinfo: bool = False
    forceadd: bool = False
    bucketsize: int = 12
    initval: int = 0

    @property
    def mask(self) -> int | None:
        """What addresses are masked with, or None."""
        if self.bitmask is not None or self.netmask is None or self.family is None:
            return self.bitmask
        bits = self.family.bits
        return ((1 << self.netmask) - 1) << (bits - self.netmask)


@dataclass(frozen=True, slots=True)
class SkbInfo:
    """What an entry lends to packets: mark and its mask, priority and queue (``skbinfo``)."""

    mark: int = 0
    markmask: int = 0
    priority: int = 0
    queue: int = 0


NO_SKBINFO = SkbInfo()


@dataclass(slots=True)
class Entry:
    """An element of a set with what it carries.

    ``expires`` is a time in nanoseconds on the capture's clock, None for one that stays. ``mac`` is that of a
    bitmap:ip,mac element; until it is known, its timeout waits in ``stored`` (seconds). Packets add without comment.
    """

    expires: int | None = None
    packets: int = 0
    bytes: int = 0
    comment: str | None = None
    skbinfo: SkbInfo = NO_SKBINFO
    nomatch: bool = False
    wildcard: bool = False
    mac: int | None = None
    stored: int = 0

    def expired(self, now: int) -> bool:
        """Whether its time is over."""
        return self.expires is not None and now > self.expires

    def start(self, timeout: int, now: int) -> None:
        """Let it live for so many seconds from now on; 0 is for ever."""
        self.expires = now + min(timeout, MAX_TIMEOUT) * SECOND if timeout else None

    def copy(self) -> Entry:
        """Another entry with the same values."""
        return copy.copy(self)

    def overwrite(self, other: Entry) -> None:
        """Take what another carries: an element that is added again keeps its place, and its comment if None."""
        self.expires, self.skbinfo = other.expires, other.skbinfo
        self.comment = self.comment if other.comment is None else other.comment
        self.packets, self.bytes = other.packets, other.bytes
        self.nomatch, self.stored = other.nomatch, other.stored


class Refusal(Enum):
    """Why a set does not take or give up an element (IPSET_ERR_*)."""

    EXIST = "Element cannot be added to the set: it's already added"
    MISSING = "Element cannot be deleted from the set: it's not added"
    FULL = "Hash is full, cannot add more elements"
    RANGE = "Element is out of the range of the set"
    NULL = "Null-valued element, cannot be stored in a hash type of set"
    REFERENCE = "The set to which you referred with 'before' or 'after' is not added to the set."
    UNUSABLE = "The packet does not have what the set's elements are made of"
    MISMATCH = "The set is of another family or has more dimensions"


@dataclass(frozen=True, slots=True)
class MatchOptions:
    """The options of ``-m set`` beside the set: what counts, and what counters must say.

    ``packets`` and ``bytes`` are a comparison (see ``COMPARISONS``) and its value, or None.
    """

    return_nomatch: bool = False
    update_counters: bool = True
    update_subcounters: bool = True
    packets: tuple[str, int] | None = None
    bytes: tuple[str, int] | None = None


PLAIN = MatchOptions()


@dataclass(slots=True)
class Query:
    """A packet's question to a set, and to the sets in it (struct ip_set_adt_opt); ``skbinfo`` is the answer's."""

    now: int
    size: int = 0
    return_nomatch: bool = False
    update: bool = True
    update_members: bool = True
    conditions: tuple[tuple[str, str, int], ...] = ()
    timeout: int | None = None
    exist: bool = False
    skbinfo: SkbInfo = field(default=NO_SKBINFO)

    def take(self, header: Header, entry: Entry) -> bool:
        """Count the packet at the entry, and say whether it is alive and fulfils the conditions on its counters."""
        if header.timeout is not None and entry.expired(self.now):
            return False
        if header.counters:
            if self.update:
                entry.packets = entry.packets + 1 & U64
                entry.bytes = entry.bytes + self.size & U64
            for counter, comparison, value in self.conditions:
                if not COMPARISONS[comparison](getattr(entry, counter), value):
                    return False
        if header.skbinfo:
            self.skbinfo = entry.skbinfo
        return True

    def entry(self, header: Header) -> Entry:
        """What a packet that adds an element gives it: itself as the first that is counted, and the timeout."""
        entry = Entry()
        if header.counters:
            entry.packets, entry.bytes = 1, self.size
        if header.timeout is not None:
            entry.stored = min(header.timeout if self.timeout is None else self.timeout, MAX_TIMEOUT)
            entry.start(entry.stored, self.now)
        return entry
