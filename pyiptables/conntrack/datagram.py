"""Tracking protocols without states of their own: UDP, UDP-Lite, GRE, and all that have no tracker.

One question is asked of each packet: has the connection been answered?

    protocol   unanswered   answered                        assured
    udp        30           30; 120 once it is 2 s old      with the first packet that gets 120
    udplite    30           120                             at once
    gre        30           180                             at once
    generic    600          600                             never

Source: nf_conntrack_proto_udp.c, nf_conntrack_proto_gre.c, generic_packet in nf_conntrack_core.c.
"""

from __future__ import annotations

from pyiptables.conntrack.entry import (
    ASSURED,
    CONFIRMED,
    NAT_CLASH,
    SECOND,
    SEEN_REPLY,
    Entry,
    Outcome,
    Owner,
    settings_of,
)
from pyiptables.conntrack.tuples import UDP
from pyiptables.conntrack.validity import transport_valid
from pyiptables.hooks import Hook
from pyiptables.packet.skb import Skb

STREAM_AFTER = 2 * SECOND


def udp_packet(owner: Owner, entry: Entry, skb: Skb, hook: Hook, ctinfo: int) -> Outcome:
    """Track a UDP datagram; ``entry.proto`` is the time from which an answered connection is a stream."""
    data, at = skb.data, skb.thoff
    size = len(data) - at
    if size < 8:
        return Outcome.INVALID
    length = data[at + 4] << 8 | data[at + 5]
    if length > size or length < 8:
        return Outcome.INVALID
    checked = data[at + 6] or data[at + 7]
    if checked and owner.settings.checksum and hook is Hook.PREROUTING and not transport_valid(skb, UDP):
        return Outcome.INVALID
    fresh, stream = settings_of(owner, entry).udp
    status = entry.status
    if not status & CONFIRMED:
        entry.proto = owner.now + STREAM_AFTER
    old = bool(status & SEEN_REPLY) and owner.now > (entry.proto or 0)
    owner.refresh(entry, ctinfo, stream if old else fresh, len(data))
    if old and not status & NAT_CLASH:
        entry.status |= ASSURED
    return Outcome.ACCEPT


def udplite_packet(owner: Owner, entry: Entry, skb: Skb, hook: Hook, ctinfo: int) -> Outcome:
    """Track a UDP-Lite datagram: its length field is how much the checksum covers, and a checksum there must be."""
    data, at = skb.data, skb.thoff
    size = len(data) - at
    if size < 8:
        return Outcome.INVALID
    covered = data[at + 4] << 8 | data[at + 5] or size
    if covered < 8 or covered > size or not (data[at + 6] or data[at + 7]):
        return Outcome.INVALID
    # The kernel takes UDP's number for the pseudo header here.
    if owner.settings.checksum and hook is Hook.PREROUTING and not transport_valid(skb, UDP, covered):
        return Outcome.INVALID
    return _answered(owner, entry, ctinfo, settings_of(owner, entry).udp, len(data))


def gre_packet(owner: Owner, entry: Entry, skb: Skb, hook: Hook, ctinfo: int) -> Outcome:
    """Track a GRE packet; a helper may have put its own (unanswered, answered) seconds into ``entry.proto``."""
    if not entry.status & CONFIRMED or entry.proto is None:
        entry.proto = settings_of(owner, entry).gre
    timeouts: tuple[int, int] = entry.proto
    return _answered(owner, entry, ctinfo, timeouts, len(skb.data))


def generic_packet(owner: Owner, entry: Entry, skb: Skb, hook: Hook, ctinfo: int) -> Outcome:
    """Track a packet of a protocol that has no tracker."""
    owner.refresh(entry, ctinfo, settings_of(owner, entry).generic, len(skb.data))
    return Outcome.ACCEPT


def _answered(owner: Owner, entry: Entry, ctinfo: int, timeouts: tuple[int, int], size: int) -> Outcome:
    """Give the entry the time of its row, and assure it once it has been answered."""
    seen = entry.status & SEEN_REPLY
    owner.refresh(entry, ctinfo, timeouts[1] if seen else timeouts[0], size)
    if seen and not entry.status & NAT_CLASH:
        entry.status |= ASSURED
    return Outcome.ACCEPT
