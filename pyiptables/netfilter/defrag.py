"""Holding fragments until their datagrams are whole.

Source: net/ipv4/inet_fragment.c, net/ipv4/ip_fragment.c, net/ipv6/netfilter/nf_conntrack_reasm.c.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from pyiptables.hooks import Family
from pyiptables.netfilter.fragments import Piece, cut_short, ends_in_headers, joined, piece_of

TIMEOUT = {Family.IPV4: 30_000_000_000, Family.IPV6: 60_000_000_000}
"""net.ipv4.ipfrag_time and net.netfilter.nf_conntrack_frag6_timeout, in nanoseconds."""
MOST_QUEUES = 4096
"""How many datagrams may wait at once; the oldest goes first (the kernel bounds bytes: ipfrag_high_thresh)."""
LONGEST = 65535
OVERLAP = "fragments overlap"
UNEVEN = "a fragment whose size is no multiple of 8"
AS_IT_IS = "as it is"
"""What becomes of an IPv6 fragment that is uneven (-EPROTO), or a first one without all headers (nf_ct_frag6_gather)."""


class Queue:
    """The fragments of one datagram: where each begins, and its payload. ``end`` is known once the last one came."""

    __slots__ = ("deadline", "end", "head", "last_came", "most", "most_whole", "parts")

    def __init__(self, deadline: int) -> None:
        self.deadline = deadline
        self.parts: dict[int, bytes] = {}
        self.head: bytes | None = None
        self.end = self.most = self.most_whole = 0
        self.last_came = False

    def take(self, piece: Piece, family: Family) -> str:
        """Put a fragment in its place; a reason where it is not taken."""
        payload = piece.payload
        if piece.more and len(payload) & 7:
            if family is Family.IPV6:
                return UNEVEN
            payload = payload[: len(payload) & ~7]
        end = piece.begin + len(payload)
        problem = self._misplaced(piece, end)
        if problem:
            return problem
        if not piece.more:
            self.last_came = True
        self.end = max(self.end, end)
        self.parts[piece.begin] = payload
        if piece.begin == 0:
            self.head = piece.head
        self.most = max(self.most, piece.size)
        if piece.keep_whole:
            self.most_whole = max(self.most_whole, piece.size)
        return ""

    def _misplaced(self, piece: Piece, end: int) -> str:
        begin = piece.begin
        if end > LONGEST:
            return "a fragment behind the longest datagram's end"
        if not piece.more and (end < self.end or (self.last_came and end != self.end)):
            return "a last fragment that contradicts another"
        if piece.more and self.last_came and end > self.end:
            return "a fragment behind the datagram's end"
        if end == begin:
            return "an empty fragment"
        for other, part in self.parts.items():
            if other <= begin and end <= other + len(part):
                return "a fragment that came already"
            if begin < other + len(part) and other < end:
                return OVERLAP
        return ""

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return self.head is not None and self.last_came and sum(map(len, self.parts.values())) == self.end


class Defragmenter:
    """Puts datagrams together."""

    def __init__(self) -> None:
        self.queues: OrderedDict[tuple[Any, ...], Queue] = OrderedDict()

    def add(self, skb: Any, user: int, now: int) -> str:
        """Take a fragment: ``"whole"`` (the packet now is the whole datagram), ``"held"``, AS_IT_IS, or a reason to drop it.

        A packet that is no fragment is ``"whole"``. ``user`` keeps apart who asks (enum ip_defrag_users).
        """
        if skb.family is Family.IPV6 and cut_short(skb):
            return "the fragment header is cut short"
        piece = piece_of(skb)
        if piece is None:
            return "whole"
        if skb.family is Family.IPV6 and not piece.begin and ends_in_headers(skb):
            return AS_IT_IS
        while self.queues and next(iter(self.queues.values())).deadline <= now:
            self.queues.popitem(last=False)
        key = (user, skb.family, *piece.key)
        queue = self.queues.get(key)
        if queue is None:
            queue = self.queues[key] = Queue(now + TIMEOUT[skb.family])
            if len(self.queues) > MOST_QUEUES:
                self.queues.popitem(last=False)
        problem = queue.take(piece, skb.family)
        if problem:
            if problem in (OVERLAP, UNEVEN):
                del self.queues[key]
            return AS_IT_IS if problem == UNEVEN else problem
        if not queue.whole:
            return "held"
        del self.queues[key]
        self._reassemble(queue, piece, skb)
        return "whole"

    @staticmethod
    def _reassemble(queue: Queue, piece: Piece, skb: Any) -> None:
        order = sorted(queue.parts)
        payload = b"".join(queue.parts[at] for at in order)
        keep_whole = bool(queue.most_whole) and queue.most_whole == queue.most
        skb.data = joined(skb.family, queue.head or b"", payload, keep_whole)
        skb.frag_max_size = queue.most
        skb.fragments = tuple(len(queue.parts[at]) for at in order)
        if skb.family is Family.IPV6:
            skb.frag_id = piece.key[2]
        skb.parse()
