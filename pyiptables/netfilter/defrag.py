"""Putting IPv4 fragments together, and taking datagrams apart again on the way out.

Source: net/ipv4/ip_fragment.c, net/ipv4/inet_fragment.c, net/ipv4/ip_output.c (ip_do_fragment).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from pyiptables.packet.checksum import checksum

TIMEOUT = 30_000_000_000
"""net.ipv4.ipfrag_time, in nanoseconds."""
MOST_QUEUES = 4096
"""How many datagrams may wait at once; the oldest goes first (the kernel bounds bytes: ipfrag_high_thresh)."""
DONT_FRAGMENT, MORE_FRAGMENTS = 0x4000, 0x2000


class Queue:
    """The fragments of one datagram: where each begins, and its payload."""

    __slots__ = ("deadline", "end", "head", "most", "most_df", "parts")

    def __init__(self, deadline: int) -> None:
        self.deadline = deadline
        self.parts: dict[int, bytes] = {}
        self.head: bytes | None = None
        self.end = 0
        self.most = 0
        self.most_df = 0


class Defragmenter:
    """Holds fragments until their datagrams are whole."""

    def __init__(self) -> None:
        self.queues: OrderedDict[tuple[Any, ...], Queue] = OrderedDict()

    def add(self, skb: Any, user: int, now: int) -> str:
        """Take a fragment: ``"whole"`` (the packet now is the whole datagram), ``"held"``, or a reason to drop it."""
        self._expire(now)
        data = skb.data
        key = (user, skb.saddr, skb.daddr, data[4] << 8 | data[5], skb.protocol)
        queue = self.queues.get(key)
        if queue is None:
            queue = self.queues[key] = Queue(now + TIMEOUT)
            if len(self.queues) > MOST_QUEUES:
                self.queues.popitem(last=False)
        problem = self._queue(queue, skb)
        if problem:
            if problem == "overlap":
                del self.queues[key]
                return "fragments overlap"
            return problem
        if queue.head is None or not queue.end or sum(map(len, queue.parts.values())) != queue.end:
            return "held"
        del self.queues[key]
        self._reassemble(queue, skb)
        return "whole"

    def _expire(self, now: int) -> None:
        while self.queues:
            key, queue = next(iter(self.queues.items()))
            if queue.deadline > now:
                return
            del self.queues[key]

    def _queue(self, queue: Queue, skb: Any) -> str:
        begin, payload = skb.fragoff * 8, bytes(skb.data[skb.ihl :])
        end = begin + len(payload)
        if not skb.more_fragments:
            if end < queue.end or (queue.end and end != queue.end and self._last(queue)):
                return "a last fragment that contradicts another"
            queue.end = end
        else:
            payload = payload[: len(payload) & ~7]
            end = begin + len(payload)
            if queue.end and end > queue.end:
                return "a fragment behind the datagram's end"
        if end == begin:
            return "an empty fragment"
        if queue.parts.get(begin) == payload or self._covered(queue, begin, end):
            return "a fragment that came already"
        if any(begin < other + len(part) and other < end for other, part in queue.parts.items()):
            return "overlap"
        queue.parts[begin] = payload
        if begin == 0:
            queue.head = bytes(skb.data[: skb.ihl])
        size = len(payload) + skb.ihl
        queue.most = max(queue.most, size)
        if skb.data[6] & 0x40:
            queue.most_df = max(queue.most_df, size)
        return ""

    @staticmethod
    def _last(queue: Queue) -> bool:
        return queue.end > 0

    @staticmethod
    def _covered(queue: Queue, begin: int, end: int) -> bool:
        return any(other <= begin and end <= other + len(part) for other, part in queue.parts.items())

    @staticmethod
    def _reassemble(queue: Queue, skb: Any) -> None:
        head = bytearray(queue.head or b"")
        order = sorted(queue.parts)
        length = len(head) + queue.end
        head[2:4] = length.to_bytes(2, "big")
        flags = DONT_FRAGMENT if queue.most_df and queue.most_df == queue.most else 0
        head[6:8] = flags.to_bytes(2, "big")
        head[10:12] = b"\0\0"
        head[10:12] = checksum(head).to_bytes(2, "big")
        skb.data = head + b"".join(queue.parts[at] for at in order)
        skb.frag_max_size = max(queue.most_df, queue.most)
        skb.fragments = tuple(len(queue.parts[at]) for at in order)
        skb.parse()


def fragment(data: bytes | bytearray, mtu: int, sizes: tuple[int, ...] = ()) -> Iterator[bytes]:
    """The fragments of an IPv4 datagram for an MTU: as they came in (``sizes``) where those fit, else as large as they may be.

    Options are repeated in later fragments only where their copy bit is set, as ip_options_fragment leaves no-operations.
    """
    head = bytearray(data[: (data[0] & 15) * 4])
    payload = bytes(data[len(head) :])
    room = (mtu - len(head)) & ~7
    if sum(sizes) != len(payload) or max(sizes, default=0) > mtu - len(head) or any(size & 7 for size in sizes[:-1]):
        sizes = tuple(min(room, len(payload) - at) for at in range(0, len(payload), room))
    keep = (data[6] << 8 | data[7]) & DONT_FRAGMENT
    at = 0
    for size in sizes:
        more = MORE_FRAGMENTS if at + size < len(payload) else 0
        head[2:4] = (len(head) + size).to_bytes(2, "big")
        head[6:8] = (keep | more | at >> 3).to_bytes(2, "big")
        head[10:12] = b"\0\0"
        head[10:12] = checksum(head).to_bytes(2, "big")
        yield bytes(head) + payload[at : at + size]
        if at == 0:
            _drop_uncopied_options(head)
        at += size


def _drop_uncopied_options(head: bytearray) -> None:
    at = 20
    while at < len(head) and head[at] != 0:
        size = 1 if head[at] == 1 else head[at + 1] if at + 1 < len(head) else 0
        if size < 1 or at + size > len(head):
            return
        if not head[at] & 0x80:
            head[at : at + size] = b"\x01" * size
        at += size
