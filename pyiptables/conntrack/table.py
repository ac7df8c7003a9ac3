"""The connection table, and what happens to a packet at conntrack's two places.

Where a packet comes in (PREROUTING, OUTPUT; priority -200) ``track`` finds its entry or makes one, asks the protocol's
tracker, and hangs entry and ctinfo on the packet. A new entry is its packet's alone until that has come through: where
the packet leaves (INPUT, POSTROUTING; last) ``confirm`` puts it into the table. If the packet is dropped on the way,
its entry is gone as well.

Time is ``now``, set by the engine before each packet. Entries end lazily: one whose time is over is taken out when it
is met, and all such now and then.

Source: net/netfilter/nf_conntrack_core.c.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pyiptables.conntrack.datagram import generic_packet, gre_packet, udp_packet, udplite_packet
from pyiptables.conntrack.dccp import dccp_packet
from pyiptables.conntrack.entry import (
    CONFIRMED,
    DEFAULT_ZONE,
    DYING,
    EXPECTED,
    FIXED_TIMEOUT,
    HELPER,
    NAT_CLASH,
    OWN_TIMES,
    SECOND,
    SEEN_REPLY,
    SEQ_ADJUST,
    TEMPLATE,
    Ctinfo,
    Entry,
    Outcome,
    Owner,
    Synproxy,
    Zone,
)
from pyiptables.conntrack.expect import Expectations
from pyiptables.conntrack.icmp import icmp_error, icmp_packet, icmpv6_packet
from pyiptables.conntrack.policies import TimeoutPolicy
from pyiptables.conntrack.room import BoundedEntries
from pyiptables.conntrack.sctp import sctp_packet
from pyiptables.conntrack.seqadj import adjust
from pyiptables.conntrack.settings import Settings
from pyiptables.conntrack.tcp import tcp_packet
from pyiptables.conntrack.tuples import (
    DCCP,
    GRE,
    ICMP,
    ICMPV6,
    ORIGINAL,
    PORTS,
    REPLY,
    SCTP,
    TCP,
    UDP,
    UDPLITE,
    Tuple,
    halves,
    invert,
)
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.packet.skb import Skb

if TYPE_CHECKING:
    from random import Random

Tracker = Callable[[Owner, Entry, Skb, Hook, int], Outcome]

TRACKERS: dict[int, Tracker] = {
    TCP: tcp_packet,
    UDP: udp_packet,
    UDPLITE: udplite_packet,
    ICMP: icmp_packet,
    ICMPV6: icmpv6_packet,
    SCTP: sctp_packet,
    GRE: gre_packet,
}

STATEFUL = frozenset({TCP, SCTP, DCCP, ICMP, ICMPV6})
"""Protocols of which two entries that clash are never merged (no allow_clash)."""

_ESTABLISHED, _RELATED, _NEW, _ESTABLISHED_REPLY, _RELATED_REPLY, _UNTRACKED = 0, 1, 2, 3, 4, int(Ctinfo.UNTRACKED)


class ConntrackTable(BoundedEntries):
    """All connections of a host, of both families.

    ``sysctls`` maps full names to values (HostError when one is not a number); ``random`` decides what the kernel
    leaves to chance, so that a seed repeats it. ``now`` is nanoseconds on the capture's clock.
    """

    def __init__(self, sysctls: Mapping[str, str] | None = None, random: Random | None = None) -> None:
        super().__init__(Settings.read(sysctls or {}), random or _seeded())
        self.expectations = Expectations(self.settings.expect_maximum)
        self.ported = PORTS if self.settings.dccp is None else PORTS | {DCCP}
        self.log: Callable[[Skb, str], None] = _ignored
        """Called with a packet and the words that the kernel's log shows before it."""
        self.note: Callable[[str], None] = _ignored
        """Called with what should be known of a packet: that a helper of its connection is not modelled."""
        self.gre_keys: dict[tuple[int, int, int], tuple[int, Entry]] = {}
        """The source keys of PPTP's GRE, by source, destination and destination key, each with its master."""
        self.policies: dict[str, TimeoutPolicy] = {}
        """The timeout policies of which ``-j CT --timeout`` names one."""
        self._trackers = TRACKERS if self.settings.dccp is None else TRACKERS | {DCCP: dccp_packet}

    # What a packet meets

    def track(self, skb: Skb, hook: Hook) -> Verdict:
        """Find or make the packet's entry (nf_conntrack_in); sets ``skb.nfct`` and ``skb.ctinfo``.

        Without an entry the packet is INVALID (ctinfo 0) or UNTRACKED (7). The verdict is ACCEPT, or DROP where the
        table is full. A packet that has an entry already (it came by loopback) or is UNTRACKED is left as it is;
        a template is used up.
        """
        template: Entry | None = skb.nfct
        if skb.ctinfo == _UNTRACKED or (template is not None and not template.status & TEMPLATE):
            return Verdict.ACCEPT
        given = skb.ctinfo if template is None else _ESTABLISHED
        skb.nfct, skb.ctinfo = None, _ESTABLISHED
        if not _trackable(skb, hook):
            return Verdict.ACCEPT
        zone = DEFAULT_ZONE if template is None else template.zone
        if skb.protocol == (ICMP if skb.family is Family.IPV4 else ICMPV6):
            outcome = icmp_error(self, zone, skb, hook)
            if outcome is Outcome.INVALID and skb.ctinfo == _ESTABLISHED:
                skb.ctinfo = given  # what an error about an untracked packet came with stays
            if outcome is Outcome.INVALID or skb.nfct is not None or skb.ctinfo == _UNTRACKED:
                return Verdict.ACCEPT
        outcome = Outcome.REPEAT
        while outcome is Outcome.REPEAT:
            outcome = self._track_once(skb, hook, zone, template)
        return Verdict.DROP if outcome is Outcome.DROP else Verdict.ACCEPT

    def _track_once(self, skb: Skb, hook: Hook, zone: Zone, template: Entry | None) -> Outcome:
        """Look up, or begin, and ask the tracker."""
        both = halves(skb.data, skb.thoff, skb.protocol, self.ported)
        if both is None:
            return Outcome.INVALID
        if self.gre_keys and skb.protocol == GRE and both[1]:
            both = self.gre_keys.get((skb.saddr, skb.daddr, both[1]), (0, None))[0], both[1]
        tup = Tuple(skb.family, skb.saddr, skb.daddr, skb.protocol, *both)
        found = self.find(tup, zone)
        if found is None:
            reply = invert(tup)
            if reply is None:
                return Outcome.INVALID
            if not self.make_room():
                return Outcome.DROP
            found = self._begin(tup, reply, zone, template), ORIGINAL
        entry, direction = found
        if direction == REPLY:
            ctinfo = _ESTABLISHED_REPLY
        elif entry.status & SEEN_REPLY:
            ctinfo = _ESTABLISHED
        else:
            ctinfo = _RELATED if entry.status & EXPECTED else _NEW
        outcome = self._trackers.get(skb.protocol, generic_packet)(self, entry, skb, hook, ctinfo)
        if outcome is not Outcome.ACCEPT:
            return outcome
        if direction == REPLY:
            entry.status |= SEEN_REPLY
        skb.nfct, skb.ctinfo = entry, ctinfo
        return outcome

    def _begin(self, tup: Tuple, reply: Tuple, zone: Zone, template: Entry | None) -> Entry:
        """A new entry, its master's child if it was expected (init_conntrack)."""
        entry = Entry(tup, reply, zone)
        entry.created = self.now
        if self.settings.acct:
            entry.counters = [0, 0, 0, 0]
        if template is not None and template.synproxy is not None:
            entry.synproxy = Synproxy()
        if template is not None and template.settings is not None:
            entry.settings = template.settings
            entry.status |= OWN_TIMES
        expected = self.expectations.take(tup, zone.id, self.now) if len(self.expectations) else None
        if expected is not None:
            entry.status |= EXPECTED
            entry.master = expected.master
            if expected.helper is not None:
                entry.helper = expected.helper
                entry.status |= HELPER
            entry.mark, entry.secmark = expected.master.mark, expected.master.secmark
            if expected.arrived is not None:
                expected.arrived(entry, expected)
        elif template is not None and template.helper is not None:
            entry.helper = template.helper
            entry.status |= HELPER
        return entry

    def confirm(self, skb: Skb) -> Verdict:
        """What comes last, where a packet leaves: helper, sequence numbers, and its new entry into the table (nf_confirm).

        ACCEPT, or DROP where the helper says so or another entry has the place of this one. Where the protocol lets two
        entries for one flow be merged, ``skb.nfct`` becomes the one in the table.
        """
        entry: Entry | None = skb.nfct
        if entry is None:
            return Verdict.ACCEPT
        if (entry.helper is not None or entry.status & SEQ_ADJUST) and skb.ctinfo != _RELATED_REPLY:
            verdict = self._help(skb, entry)
            if verdict is not Verdict.ACCEPT:
                return verdict
        return self._confirm(skb, entry)

    def _help(self, skb: Skb, entry: Entry) -> Verdict:
        """Show the packet to the helper, then shift its sequence numbers, unless it came by loopback and has been."""
        from pyiptables.conntrack import helpers  # they need this module, and most connections have none

        shifted = entry.status & SEQ_ADJUST and skb.iif != "lo"
        if entry.helper is not None:
            verdict = helpers.run(self, skb)
            if verdict is not Verdict.ACCEPT:
                return verdict
        return Verdict.DROP if shifted and not adjust(skb, entry) else Verdict.ACCEPT

    def _confirm(self, skb: Skb, entry: Entry) -> Verdict:
        """Put the packet's new entry into the table (nf_conntrack_confirm)."""
        if entry.status & (CONFIRMED | TEMPLATE) or skb.ctinfo >= _ESTABLISHED_REPLY:
            return Verdict.ACCEPT
        if entry.status & DYING:
            return Verdict.DROP
        clash = self.find_at(entry.original, entry.zone, ORIGINAL) or self.find_at(entry.reply, entry.zone, REPLY)
        if clash is not None:
            return self._resolve_clash(skb, entry, clash[0])
        entry.timeout += self.now
        self.insert(entry)
        return Verdict.ACCEPT

    def _resolve_clash(self, skb: Skb, loser: Entry, winner: Entry) -> Verdict:
        """Two packets of one flow each made an entry: use the first one's, or keep the second for its answers only."""
        if winner.original.protocol in STATEFUL:
            return Verdict.DROP
        if not _same_flow(winner, loser):
            found = self.find(loser.reply, loser.zone)
            if found is None:
                loser.timeout = self.now + SECOND
                loser.status |= FIXED_TIMEOUT | NAT_CLASH
                self.insert(loser, hidden=True)
                return Verdict.ACCEPT
            winner = found[0]
            if not _same_flow(winner, loser):
                return Verdict.DROP
        if loser.counters is not None:
            winner.account(ORIGINAL, loser.counters[1])
        skb.nfct = winner
        return Verdict.ACCEPT

    # When an entry ends

    def ended(self, entry: Entry) -> None:
        """An entry was taken out: what hangs on it ends too."""
        if entry.helper is not None:
            self._end_help(entry)
        if entry.master is not None and entry.original.protocol == GRE:
            self.forget_gre_keys(entry.master)
        self.expectations.forget(entry)

    def _end_help(self, entry: Entry) -> None:
        """Tell the helper of an entry that it has ended."""
        from pyiptables.conntrack import helpers

        helpers.ended(self, entry)

    def forget_gre_keys(self, master: Entry) -> None:
        """Forget the GRE keys that a PPTP connection made known (nf_ct_gre_keymap_destroy)."""
        for place in [place for place, (_, owner) in self.gre_keys.items() if owner is master]:
            del self.gre_keys[place]
        if master.help is not None:
            master.help.keys.clear()

    def refresh(self, entry: Entry, ctinfo: int, seconds: int, size: int) -> None:
        """Give the entry that many seconds from now, and count the packet (nf_ct_refresh_acct)."""
        if not entry.status & FIXED_TIMEOUT:
            entry.timeout = seconds * SECOND + (self.now if entry.status & CONFIRMED else 0)
        if entry.counters is not None:
            entry.account(REPLY if ctinfo >= _ESTABLISHED_REPLY else ORIGINAL, size)


def _ignored(*_: object) -> None:
    """Nobody listens."""


def _seeded() -> Random:
    """A source of chance that is the same every time."""
    from random import Random

    return Random(0)


def _trackable(skb: Skb, hook: Hook) -> bool:
    """Whether the packet has a transport header that conntrack can find; a later fragment has none."""
    if skb.fragoff:
        return False
    if skb.family is Family.IPV4:
        return skb.thoff <= len(skb.data) and not (skb.more_fragments and hook is Hook.OUTPUT)
    return skb.protocol not in (0, 43, 44, 51, 59, 60)


def _same_flow(one: Entry, other: Entry) -> bool:
    """Whether two entries stand for one flow, in the same or in opposite directions (nf_ct_can_merge)."""
    if one.zone != other.zone:
        return False
    mine = one.original, one.reply
    return mine in ((other.original, other.reply), (other.reply, other.original))


def attach(made: Skb, cause: Skb) -> None:
    """Tie a packet that the host makes in answer (REJECT) to the connection of its cause (nf_conntrack_attach).

    The answer to an untracked packet has no connection, but counts as decided already: the CT target leaves it alone.
    """
    if cause.nfct is not None or cause.ctinfo:
        made.nfct = cause.nfct
        made.ctinfo = int(Ctinfo.RELATED if cause.ctinfo >= _ESTABLISHED_REPLY else Ctinfo.RELATED_REPLY)
