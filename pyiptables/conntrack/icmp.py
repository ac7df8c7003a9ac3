"""Tracking ICMP and ICMPv6: questions and answers, and errors about other connections.

    message                              what becomes of it
    a question (echo, timestamp ...)     starts an entry, or belongs to one
    its answer                           belongs to the question's entry, else INVALID
    an error                             RELATED to the entry of the packet inside, else INVALID
    neighbour discovery, MLD             UNTRACKED
    any other                            INVALID

An error is believed only if it goes where the packet inside came from: its outer destination must be the destination
that the entry has in that direction, or anybody could have errors about others' connections passed as RELATED.

Source: nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c.
"""

from __future__ import annotations

from typing import Protocol

from pyiptables.conntrack.entry import CONFIRMED, Ctinfo, Entry, Outcome, Owner, Zone, settings_of
from pyiptables.conntrack.tuples import ICMP, ICMPV6, REPLY, Tuple, invert, tuple_at
from pyiptables.conntrack.validity import transport_valid
from pyiptables.hooks import Family, Hook
from pyiptables.packet.skb import Skb

QUESTIONS = frozenset({8, 13, 15, 17})
QUESTIONS_V6 = frozenset({128, 139})
"""Types that may start an entry."""

ERRORS = frozenset({3, 4, 5, 11, 12})
"""Types that carry the packet that they are about: unreachable, quench, redirect, time exceeded, parameter problem."""

HIGHEST_TYPE = 18

UNTRACKED_V6 = frozenset({130, 131, 132, 133, 134, 135, 136, 143, 151, 152})
"""Types that hosts need before anything can be tracked: MLD, neighbour and (multicast) router discovery."""

REDIRECT_V6 = 137
REDIRECTED_HEADER = 4


class Finder(Owner, Protocol):
    """What looking for an error's connection needs of the table."""

    ported: frozenset[int]

    def find(self, tup: Tuple, zone: Zone = ...) -> tuple[Entry, int] | None:
        """The entry that has the tuple, and in which direction."""


def icmp_packet(owner: Owner, entry: Entry, skb: Skb, hook: Hook, ctinfo: int) -> Outcome:
    """Track a question or an answer of ICMP."""
    if skb.family is not Family.IPV4 or entry.original.dport >> 8 not in QUESTIONS:
        return Outcome.INVALID
    owner.refresh(entry, ctinfo, settings_of(owner, entry).icmp, len(skb.data))
    return Outcome.ACCEPT


def icmpv6_packet(owner: Owner, entry: Entry, skb: Skb, hook: Hook, ctinfo: int) -> Outcome:
    """Track a question or an answer of ICMPv6."""
    if skb.family is not Family.IPV6:
        return Outcome.INVALID
    if not entry.status & CONFIRMED and entry.original.dport >> 8 not in QUESTIONS_V6:
        return Outcome.INVALID
    owner.refresh(entry, ctinfo, settings_of(owner, entry).icmpv6, len(skb.data))
    return Outcome.ACCEPT


def icmp_error(table: Finder, zone: Zone, skb: Skb, hook: Hook) -> Outcome:
    """Check a message of either family, and tie an error to its connection.

    ACCEPT with ``skb.nfct`` or UNTRACKED set: settled. ACCEPT without: a question or answer, to be tracked as such.
    """
    data, at = skb.data, skb.thoff
    if len(data) < at + 8:
        return Outcome.INVALID
    protocol = ICMP if skb.family is Family.IPV4 else ICMPV6
    if table.settings.checksum and hook is Hook.PREROUTING and not transport_valid(skb, protocol):
        return Outcome.INVALID
    kind = data[at]
    if protocol == ICMP:
        if kind > HIGHEST_TYPE:
            return Outcome.INVALID
        return _relate(table, zone, skb, at + 8) if kind in ERRORS else Outcome.ACCEPT
    if kind in UNTRACKED_V6:
        skb.nfct, skb.ctinfo = None, int(Ctinfo.UNTRACKED)
        return Outcome.ACCEPT
    if kind == REDIRECT_V6:
        return _redirect_v6(table, zone, skb)
    return Outcome.ACCEPT if kind >= 128 else _relate(table, zone, skb, at + 8)


def _redirect_v6(table: Finder, zone: Zone, skb: Skb) -> Outcome:
    """A redirect of neighbour discovery: it must come from the link, and carry the packet in its first option."""
    data, at = skb.data, skb.thoff
    if len(data) < at + 40:
        return Outcome.INVALID
    if data[at + 1]:
        return Outcome.ACCEPT
    if skb.ttl != 255 or skb.saddr >> 118 != 0xFE80 >> 6:
        return Outcome.INVALID
    if len(data) < at + 42 or not data[at + 41]:
        return Outcome.INVALID
    return _relate(table, zone, skb, at + 48) if data[at + 40] == REDIRECTED_HEADER else Outcome.ACCEPT


def _relate(table: Finder, zone: Zone, skb: Skb, inside: int) -> Outcome:
    """Find the connection of the packet at ``inside`` (nf_conntrack_inet_error)."""
    inner = tuple_at(skb.data, inside, skb.family, table.ported)
    sought = None if inner is None else invert(inner)
    found = None if sought is None else table.find(sought, zone)
    if found is None:
        return Outcome.INVALID
    entry, direction = found
    if entry.tuple(direction).dst != skb.daddr:
        return Outcome.INVALID
    skb.nfct = entry
    skb.ctinfo = int(Ctinfo.RELATED_REPLY if direction == REPLY else Ctinfo.RELATED)
    return Outcome.ACCEPT
