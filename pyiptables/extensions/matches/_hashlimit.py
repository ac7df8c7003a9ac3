"""The table of a hash limit: a token bucket, or a rate of the last seconds, for each group of packets.

Source: net/netfilter/xt_hashlimit.c, revision 3; arithmetic of 64 bits with HZ = 250.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyiptables.extensions.kinds.hash_rates import LONG, SCALE, WORD, size_of
from pyiptables.extensions.matches._jiffies import of_milliseconds
from pyiptables.extensions.matches.limit import HZ

CREDITS = 1 << ((LONG // (HZ * 86400)).bit_length() - 1)
"""Credits that a jiffy brings: the power of two for which a day's credits still fit into 64 bits."""
BYTE_CREDITS = 1 << ((WORD // HZ).bit_length() - 1)
"""The same when bytes are counted, for a second in 32 bits."""
FULL = BYTE_CREDITS * HZ
DEFAULT_SIZE = 8192
"""Buckets of a table on a machine with a gigabyte or more; the number of groups is eight times that."""
PORTS_AT = {6: 0, 17: 0, 33: 0, 50: 0, 51: 4, 132: 0, 136: 0}
"""Where the ports of a protocol are, behind its header's begin (proto_ports_offset)."""
NO_NEXT_HEADER = 59

Group = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Config:
    """What a rule says (struct hashlimit_cfg3); ``mode`` names what makes a group: srcip, srcport, dstip, dstport.

    ``expire`` and ``gc_interval`` are milliseconds, ``interval`` seconds; ``average`` and ``burst`` as in
    :mod:`pyiptables.extensions.kinds.hash_rates`. Masks are numbers of the family's width.
    """

    name: str
    above: bool
    bytes: bool
    average: int
    burst: int
    mode: tuple[str, ...]
    size: int
    maximum: int
    gc_interval: int
    expire: int
    source_mask: int
    destination_mask: int
    rate_match: bool
    interval: int


def credits_of(time: int) -> int:
    """Credits that a time earns (user2credits)."""
    return time * (HZ * CREDITS // SCALE) & LONG


def byte_credits_of(cost: int) -> int:
    """Credits that a piece costs (user2credits_byte)."""
    return (cost & WORD) * FULL >> 32


class Bucket:
    """What one group has left. With rate matching ``credit`` is the present rate, ``cost`` whether the last was high."""

    __slots__ = ("cap", "cost", "credit", "expires", "previous")

    def __init__(self, config: Config, now: int) -> None:
        self.previous = now
        self.expires = 0
        self.cap = self.cost = self.credit = 0
        if config.rate_match:
            return
        if config.bytes:
            self.credit, self.cost, self.cap = FULL, byte_credits_of(config.average), config.burst
        else:
            self.credit = self.cap = credits_of(config.average * config.burst & LONG)
            self.cost = credits_of(config.average)


class HashTable:
    """All groups of one name; its settings are those of the first rule with that name."""

    __slots__ = ("_buckets", "_next_sweep", "config", "most")

    def __init__(self, config: Config) -> None:
        self.config = config
        size = config.size or DEFAULT_SIZE
        self.most = max(config.maximum, size) if config.maximum else 8 * size
        self._buckets: dict[Group, Bucket] = {}
        self._next_sweep: int | None = None

    def group(self, skb: Any) -> Group | None:
        """What groups the packet; None where it has not what it takes (hashlimit_init_dst)."""
        config, mode = self.config, self.config.mode
        source = skb.saddr & config.source_mask if "srcip" in mode else 0
        destination = skb.daddr & config.destination_mask if "dstip" in mode else 0
        if "srcport" not in mode and "dstport" not in mode:
            return (source, destination, 0, 0)
        if skb.fragoff or skb.protocol == NO_NEXT_HEADER:
            return None
        ports = bytes(4)
        place = PORTS_AT.get(skb.protocol)
        if place is not None:
            ports = bytes(skb.data[skb.thoff + place : skb.thoff + place + 4])
            if len(ports) < 4:
                return None
        sport, dport = (int.from_bytes(ports[at : at + 2], "big") for at in (0, 2))
        return (source, destination, sport if "srcport" in mode else 0, dport if "dstport" in mode else 0)

    def bucket(self, group: Group, now: int) -> Bucket | None:
        """The group's bucket, filled up to now; a new one, or None where there is no room for it."""
        self._sweep(now)
        bucket = self._buckets.get(group)
        if bucket is not None:
            self._refill(bucket, now)
        elif len(self._buckets) < self.most:
            bucket = self._buckets[group] = Bucket(self.config, now)
        if bucket is not None:
            bucket.expires = now + of_milliseconds(self.config.expire)
        return bucket

    def _sweep(self, now: int) -> None:
        """Throw out what had expired when it was last looked for; that is done every ``gc_interval``."""
        every = of_milliseconds(self.config.gc_interval)
        if self._next_sweep is None:
            self._next_sweep = now + every
        if now < self._next_sweep:
            return
        last = now - (now - self._next_sweep) % every
        self._next_sweep = last + every
        self._buckets = {group: bucket for group, bucket in self._buckets.items() if bucket.expires > last}

    def _refill(self, bucket: Bucket, now: int) -> None:
        """rateinfo_recalc."""
        passed = now - bucket.previous
        if passed <= 0:
            return
        if self.config.rate_match:
            window = self.config.interval * HZ
            if passed >= window:
                bucket.previous = now
                bucket.cost = int(bucket.credit * window > passed * self._rate())
                bucket.credit = 0
            return
        bucket.previous = now
        if self.config.bytes:
            bucket.credit = min(bucket.credit + BYTE_CREDITS * passed, FULL)
        else:
            bucket.credit = min(bucket.credit + passed * CREDITS & LONG, bucket.cap)

    def _rate(self) -> int:
        """The rate to match, in bytes or packets a second."""
        return size_of(self.config.average) if self.config.bytes else SCALE // self.config.average

    def under(self, bucket: Bucket, config: Config, size: int) -> bool:
        """Whether a packet of that size is still within the rule's limit; what it costs is taken off."""
        if config.rate_match:
            rate = self._rate()
            bucket.credit += size if config.bytes else 1
            burst = (self.config.burst * rate or rate) if self.config.bytes else self.config.burst + rate
            return not bucket.cost and bucket.credit <= burst
        cost = self._byte_cost(bucket, size) if config.bytes else bucket.cost
        if bucket.credit < cost:
            return False
        bucket.credit -= cost
        return True

    @staticmethod
    def _byte_cost(bucket: Bucket, size: int) -> int:
        """What the packet's pieces cost; an empty bucket may be filled as often as the burst says."""
        cost = min(((size >> 4) + 1) * bucket.cost, FULL)
        if bucket.credit < cost and bucket.cap:
            bucket.cap -= 1
            bucket.credit = FULL
        return cost
