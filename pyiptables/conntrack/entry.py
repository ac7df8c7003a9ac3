"""Entries of the connection table, and what a packet knows of its entry.

Source: include/net/netfilter/nf_conntrack.h, include/uapi/linux/netfilter/nf_conntrack_common.h, xt_conntrack.h.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import Any, NamedTuple, Protocol

from pyiptables.conntrack.settings import Settings
from pyiptables.conntrack.tuples import ORIGINAL, REPLY, Tuple

SECOND = 1_000_000_000
"""Times are nanoseconds on the capture's clock."""


class Ctinfo(IntEnum):
    """What a packet is to its connection (enum ip_conntrack_info); from 3 on it goes in the reply direction."""

    ESTABLISHED = 0
    RELATED = 1
    NEW = 2
    ESTABLISHED_REPLY = 3
    RELATED_REPLY = 4
    UNTRACKED = 7


class Status(IntFlag):
    """The bits of an entry's status (IPS_*)."""

    EXPECTED = 1 << 0
    SEEN_REPLY = 1 << 1
    ASSURED = 1 << 2
    CONFIRMED = 1 << 3
    SRC_NAT = 1 << 4
    DST_NAT = 1 << 5
    SEQ_ADJUST = 1 << 6
    SRC_NAT_DONE = 1 << 7
    DST_NAT_DONE = 1 << 8
    DYING = 1 << 9
    FIXED_TIMEOUT = 1 << 10
    TEMPLATE = 1 << 11
    NAT_CLASH = 1 << 12
    HELPER = 1 << 13
    OFFLOAD = 1 << 14
    HW_OFFLOAD = 1 << 15


# Arithmetic on enum members is slow, and these are tested for every packet: plain numbers where it counts.
EXPECTED, SEEN_REPLY, ASSURED, CONFIRMED = (int(bit) for bit in list(Status)[:4])
SRC_NAT, DST_NAT, NAT_MASK = 16, 32, 48
SRC_NAT_DONE, DST_NAT_DONE, NAT_DONE_MASK = 128, 256, 384
SEQ_ADJUST = 64
DYING, FIXED_TIMEOUT, TEMPLATE, NAT_CLASH, HELPER = 512, 1024, 2048, 4096, 8192
OWN_TIMES = 1 << 16
"""Not the kernel's: the entry has ``settings`` of its own."""


class Zone(NamedTuple):
    """A conntrack zone: its number, and the directions it counts in (1 original, 2 reply, 3 both)."""

    id: int = 0
    directions: int = 3

    def at(self, direction: int) -> int:
        """The zone number of one direction; 0 where the zone does not count."""
        return self.id if self.directions & 1 << direction else 0


DEFAULT_ZONE = Zone()


class Synproxy:
    """What SYNPROXY remembers of a connection (struct nf_conn_synproxy).

    ``isn`` is the sequence number that it showed to the client, ``its`` its timestamp there, ``tsoff`` how far the
    server's timestamps are ahead of it.
    """

    __slots__ = ("isn", "its", "tsoff")

    def __init__(self) -> None:
        self.isn = self.its = self.tsoff = 0


class Entry:
    """A connection.

    ``original`` and ``reply`` are its tuples; ``status`` the IPS bits; ``timeout`` the time of its end once it is
    confirmed, and until then the nanoseconds it will get; ``proto`` the tracker's own state; ``master`` the connection
    that it was expected by. ``counters`` is [packets, bytes, packets back, bytes back], or None without accounting.
    ``masq_ifindex`` is the name of the interface that MASQUERADE chose the address of, or "". ``labels`` is 128 bits.
    ``helper`` names the helper that reads its payload and ``help`` is what that remembers; ``seqadj`` shifts sequence
    numbers (see :mod:`~pyiptables.conntrack.seqadj`); ``synproxy`` is there where SYNPROXY stands between the ends.
    ``settings`` are those with the times of a timeout policy, where it has one.
    A template (status TEMPLATE, from the CT target) carries zone, helper and policy to the entry that it makes.
    """

    __slots__ = (
        "counters",
        "created",
        "help",
        "helper",
        "labels",
        "mark",
        "masq_ifindex",
        "master",
        "original",
        "proto",
        "reply",
        "secmark",
        "seqadj",
        "settings",
        "status",
        "synproxy",
        "timeout",
        "zone",
    )

    def __init__(self, original: Tuple, reply: Tuple, zone: Zone = DEFAULT_ZONE, status: int = 0) -> None:
        self.original = original
        self.reply = reply
        self.zone = zone
        self.status = status
        self.timeout = 0
        self.created = 0
        self.mark = 0
        self.secmark = 0
        self.labels = 0
        self.helper: str | None = None
        self.help: Any = None
        self.seqadj: Any = None
        self.synproxy: Synproxy | None = None
        self.settings: Settings | None = None
        self.master: Entry | None = None
        self.masq_ifindex = ""
        self.counters: list[int] | None = None
        self.proto: Any = None

    def tuple(self, direction: int) -> Tuple:
        """The tuple of that direction."""
        return self.reply if direction else self.original

    def account(self, direction: int, size: int) -> None:
        """Count a packet of ``size`` bytes, where accounting is on (nf_ct_acct_update)."""
        if self.counters is not None:
            self.counters[2 * direction] += 1
            self.counters[2 * direction + 1] += size


class Owner(Protocol):
    """What a tracker needs of the table that it works for."""

    now: int
    settings: Settings

    def refresh(self, entry: Entry, ctinfo: int, seconds: int, size: int) -> None:
        """Give the entry that many seconds from now, and count the packet (nf_ct_refresh_acct)."""

    def kill(self, entry: Entry) -> bool:
        """Take the entry out of the table; False when it was out already (nf_ct_kill)."""


def settings_of(owner: Owner, entry: Entry) -> Settings:
    """The settings whose times count for an entry: those of its timeout policy, or the table's (nf_ct_timeout_lookup)."""
    return owner.settings if entry.settings is None else entry.settings


class Outcome(IntEnum):
    """What a tracker says of a packet: the kernel's return values, made positive by name."""

    ACCEPT = 1
    INVALID = -1
    REPEAT = -4
    DROP = 0


def direction(ctinfo: int) -> int:
    """The direction of a packet: ORIGINAL or REPLY (CTINFO2DIR)."""
    return REPLY if ctinfo >= Ctinfo.ESTABLISHED_REPLY else ORIGINAL


class State(IntFlag):
    """The bits that ``-m conntrack --ctstate`` tests (XT_CONNTRACK_STATE_*)."""

    INVALID = 1
    ESTABLISHED = 2
    RELATED = 4
    NEW = 8
    SNAT = 64
    DNAT = 128
    UNTRACKED = 256


def ctstate(entry: Entry | None, ctinfo: int) -> int:
    """A packet's :class:`State` bits for ``-m conntrack``; ``-m state`` sees the same without SNAT and DNAT."""
    if entry is None:
        return 256 if ctinfo == 7 else 1
    bits = 1 << ctinfo % 3 + 1
    status = entry.status
    if status & NAT_MASK:
        bits |= (64 if status & SRC_NAT else 0) | (128 if status & DST_NAT else 0)
    return bits
