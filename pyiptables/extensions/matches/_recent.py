"""Lists of hosts that were seen lately: what ``-m recent`` reads and writes.

Source: net/netfilter/xt_recent.c.
"""

from __future__ import annotations

MOST_HOSTS = 100
"""Hosts that a list remembers (the module's parameter ip_list_tot)."""
STAMPS = 32
"""Times of a host that are remembered, unless a rule counts further."""


class Host:
    """A host: its TTL when it was seen last, and when it was seen, in jiffies; ``next`` is where the next time goes."""

    __slots__ = ("next", "stamps", "ttl")

    def __init__(self, ttl: int, now: int) -> None:
        self.ttl = ttl
        self.stamps = [now]
        self.next = 1

    @property
    def last(self) -> int:
        """When it was seen last."""
        return self.stamps[self.next - 1]


class RecentList:
    """The hosts of one name, the longest unseen first; addresses are kept under the list's mask."""

    __slots__ = ("_hosts", "mask", "stamps")

    def __init__(self, mask: int) -> None:
        self.mask = mask
        self.stamps = 0
        self._hosts: dict[int, Host] = {}

    def make_room(self, hits: int) -> None:
        """Remember at least so many times of each host, in a power of two; a list that grows forgets its hosts."""
        stamps = 1 << (hits - 1).bit_length() if hits else STAMPS
        if stamps > self.stamps:
            self.stamps = stamps
            self._hosts.clear()

    def find(self, address: int, ttl: int) -> Host | None:
        """The host with that address and, unless ``ttl`` is 0, that TTL."""
        host = self._hosts.get(address & self.mask)
        return host if host is not None and (ttl in (0, host.ttl) or not host.ttl) else None

    def add(self, address: int, ttl: int, now: int) -> None:
        """A new host; the one longest unseen makes room for it."""
        if len(self._hosts) >= MOST_HOSTS:
            del self._hosts[next(iter(self._hosts))]
        self._hosts[address & self.mask] = Host(ttl, now)

    def seen(self, address: int, host: Host, ttl: int, now: int) -> None:
        """The host was seen again."""
        place = host.next & self.stamps - 1
        if place < len(host.stamps):
            host.stamps[place] = now
        else:
            host.stamps.append(now)
        host.next, host.ttl = place + 1, ttl
        self._hosts[address & self.mask] = self._hosts.pop(address & self.mask)

    def remove(self, address: int) -> None:
        """Forget the host."""
        del self._hosts[address & self.mask]

    def reap(self, before: int, spared: Host | None) -> None:
        """Forget the host longest unseen, if that was before then; not the one that is spared."""
        for address, host in self._hosts.items():
            if host is not spared and host.last < before:
                del self._hosts[address]
            return
