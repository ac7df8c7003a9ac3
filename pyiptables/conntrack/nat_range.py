"""What a NAT target asks for, and the arithmetic of choosing within it.

Source: include/uapi/linux/netfilter/nf_nat.h, find_best_ips_proto in nf_nat_core.c, include/linux/jhash.h.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from pyiptables.conntrack.entry import Zone
from pyiptables.conntrack.tuples import DCCP, GRE, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE, Tuple
from pyiptables.hooks import Family, Hook


class Manip(IntEnum):
    """Which side of a packet is changed (enum nf_nat_manip_type)."""

    SRC = 0
    DST = 1

    @classmethod
    def at(cls, hook: Hook) -> Manip:
        """The side that is changed at a hook: the source where packets leave, the destination where they come in."""
        return cls.SRC if hook in (Hook.POSTROUTING, Hook.INPUT) else cls.DST


class RangeFlag(IntFlag):
    """What a range says (NF_NAT_RANGE_*)."""

    MAP_IPS = 1 << 0
    PROTO_SPECIFIED = 1 << 1
    PROTO_RANDOM = 1 << 2
    PERSISTENT = 1 << 3
    PROTO_RANDOM_FULLY = 1 << 4
    PROTO_OFFSET = 1 << 5
    NETMAP = 1 << 6


PROTO_RANDOM_ALL = int(RangeFlag.PROTO_RANDOM | RangeFlag.PROTO_RANDOM_FULLY)


_MAP_IPS, _PROTO_SPECIFIED = int(RangeFlag.MAP_IPS), int(RangeFlag.PROTO_SPECIFIED)  # plain numbers are quicker


@dataclass(frozen=True, slots=True)
class NatRange:
    """A range to map into (struct nf_nat_range2), both ends included.

    Addresses count where MAP_IPS is set, ports (or ICMP identifiers) where PROTO_SPECIFIED is; ``base_proto`` is what
    ports are counted from with PROTO_OFFSET.
    """

    flags: int = 0
    min_addr: int = 0
    max_addr: int = 0
    min_proto: int = 0
    max_proto: int = 0
    base_proto: int = 0

    def holds(self, tup: Tuple) -> bool:
        """Whether the tuple's source is what the range asks for (nf_in_range)."""
        if self.flags & _MAP_IPS and not self.min_addr <= tup.src <= self.max_addr:
            return False
        return not self.flags & _PROTO_SPECIFIED or self.holds_half(tup, Manip.SRC)

    def holds_half(self, tup: Tuple, manip: Manip) -> bool:
        """Whether the tuple's port on that side (or its ICMP identifier) is in the range (l4proto_in_range)."""
        if tup.protocol in (ICMP, ICMPV6):
            return self.min_proto <= tup.sport <= self.max_proto
        if tup.protocol in (GRE, TCP, UDP, UDPLITE, SCTP, DCCP):
            return self.min_proto <= (tup.sport if manip is Manip.SRC else tup.dport) <= self.max_proto
        return True


def choose_address(tup: Tuple, range_: NatRange, manip: Manip, zone: Zone) -> Tuple:
    """The tuple with the address of that side mapped into the range (find_best_ips_proto).

    Of several addresses a hash of source and destination chooses (with PERSISTENT, of the source alone), so that a
    client keeps its address: the kernel's own hash, so the choice is the kernel's.
    """
    if not range_.flags & _MAP_IPS:
        return tup
    single = range_.min_addr == range_.max_addr
    chosen = range_.min_addr if single else _hashed(tup, range_, manip, zone)
    return tup._replace(src=chosen) if manip is Manip.SRC else tup._replace(dst=chosen)


def _hashed(tup: Tuple, range_: NatRange, manip: Manip, zone: Zone) -> int:
    """An address of the range, chosen 32 bits at a time."""
    count = 1 if tup.family is Family.IPV4 else 4
    persistent = range_.flags & RangeFlag.PERSISTENT
    # The destination is read as the tuple stands while its address is replaced, word by word.
    destination = _words(tup.dst, count)
    lowest, highest = _words(range_.min_addr, count), _words(range_.max_addr, count)
    seed = 0 if persistent else _swap(destination[-1]) ^ zone.id
    source = [_swap(word) for word in _words(tup.src, count)] + [0] * (4 - count)
    value = jhash2(source, seed)
    chosen, full = 0, False
    for at in range(count):
        low = 0 if full else lowest[at]
        width = 0xFFFFFFFF if full else highest[at] - low + 1 & 0xFFFFFFFF
        word = low + (value * width >> 32) & 0xFFFFFFFF
        full = full or word != highest[at]
        chosen = chosen << 32 | word
        if not persistent:
            value ^= _swap(word if manip is Manip.DST else destination[at])
    return chosen


def _words(address: int, count: int) -> list[int]:
    """The 32-bit words of an address, first to last."""
    return [address >> 32 * (count - 1 - at) & 0xFFFFFFFF for at in range(count)]


def _swap(word: int) -> int:
    """A word of network order as a little-endian machine reads it."""
    return int.from_bytes(word.to_bytes(4, "big"), "little")


def jhash2(words: list[int], initial: int) -> int:
    """Bob Jenkins' lookup3 hash over 32-bit words, as Linux has it."""
    a = b = c = 0xDEADBEEF + (len(words) << 2) + initial & 0xFFFFFFFF
    rest = list(words)
    while len(rest) > 3:
        a, b, c = a + rest[0] & 0xFFFFFFFF, b + rest[1] & 0xFFFFFFFF, c + rest[2] & 0xFFFFFFFF
        a, b, c = _mix(a, b, c)
        rest = rest[3:]
    if not rest:
        return c
    last = rest + [0] * (3 - len(rest))
    return _final(a + last[0] & 0xFFFFFFFF, b + last[1] & 0xFFFFFFFF, c + last[2] & 0xFFFFFFFF)


def _rotate(word: int, by: int) -> int:
    """A 32-bit word rotated left."""
    return (word << by | word >> 32 - by) & 0xFFFFFFFF


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    """lookup3's reversible mixing of three words."""
    for by in (4, 6, 8, 16, 19, 4):
        a = a - c & 0xFFFFFFFF ^ _rotate(c, by)
        c = c + b & 0xFFFFFFFF
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> int:
    """lookup3's final mixing."""
    for by in (14, 11, 25, 16, 4, 14, 24):
        c = (c ^ b) - _rotate(b, by) & 0xFFFFFFFF
        a, b, c = b, c, a
    return b
