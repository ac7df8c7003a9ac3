"""What helpers have in common: the packet in hand, expecting a connection, and NAT of what is expected.

Source: net/netfilter/nf_conntrack_helper.c, nf_ct_expect_init, nf_nat_exp_find_port and nf_nat_follow_master.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyiptables.conntrack.entry import CONFIRMED, FIXED_TIMEOUT, NAT_MASK, SECOND, Ctinfo, Entry, direction
from pyiptables.conntrack.expect import Answer, Expectation, Policy
from pyiptables.conntrack.nat import setup_info
from pyiptables.conntrack.nat_range import Manip, NatRange, RangeFlag
from pyiptables.conntrack.payload import mangle_tcp, mangle_udp
from pyiptables.conntrack.tuples import TCP, Tuple
from pyiptables.hooks import Verdict
from pyiptables.packet.skb import Skb

if TYPE_CHECKING:
    from pyiptables.conntrack.table import ConntrackTable

MAX_ATTEMPTS = 128
"""How many ports are tried for an expectation."""


@dataclass(frozen=True, slots=True)
class Helper:
    """A helper: its port, what it may expect (a policy a class), what it does with a packet.

    ``memory`` makes what it remembers of a connection; ``ended`` is called when a connection that it helps ends.
    """

    name: str
    port: int
    policies: tuple[Policy, ...]
    help: Callable[[Call], Verdict]
    memory: Callable[[], Any] = lambda: None
    ended: Callable[[ConntrackTable, Entry], None] | None = None


class Call:
    """A packet of a connection that has a helper."""

    __slots__ = ("entry", "helper", "skb", "table", "way")

    def __init__(self, table: ConntrackTable, helper: Helper, skb: Skb) -> None:
        self.table, self.helper, self.skb = table, helper, skb
        self.entry: Entry = skb.nfct
        self.way = direction(skb.ctinfo)
        if self.entry.help is None:
            self.entry.help = helper.memory()

    @property
    def here(self) -> Tuple:
        """The connection's tuple in the packet's direction."""
        return self.entry.tuple(self.way)

    @property
    def there(self) -> Tuple:
        """The connection's tuple in the other direction."""
        return self.entry.tuple(1 - self.way)

    @property
    def established(self) -> bool:
        """Whether there has been traffic both ways."""
        return self.skb.ctinfo in (Ctinfo.ESTABLISHED, Ctinfo.ESTABLISHED_REPLY)

    @property
    def mapped(self) -> bool:
        """Whether the connection is under NAT."""
        return bool(self.entry.status & NAT_MASK)

    def payload_at(self) -> int | None:
        """Where the payload begins; None when there is none."""
        data, at = self.skb.data, self.skb.thoff
        if self.entry.original.protocol != TCP:
            at += 8
        elif len(data) < at + 20:
            return None
        else:
            at += (data[at + 12] >> 4) * 4
        return at if at < len(data) else None

    def drop(self, reason: str) -> Verdict:
        """Drop the packet with a line in the kernel's log (nf_ct_helper_log)."""
        self.table.log(self.skb, f"nf_ct_{self.helper.name}: dropping packet: {reason} ")
        return Verdict.DROP

    def refresh(self, seconds: int) -> None:
        """Give the connection that many seconds from now (nf_ct_refresh)."""
        entry = self.entry
        if not entry.status & FIXED_TIMEOUT:
            entry.timeout = seconds * SECOND + (self.table.now if entry.status & CONFIRMED else 0)

    def expectation(
        self, protocol: int, src: int | None, dst: int, dport: int, *, sport: int | None = None, kind: int = 0
    ) -> Expectation:
        """An expectation of this connection, not yet open; a source that is None may be any (nf_ct_expect_init)."""
        family = self.here.family
        wanted = Tuple(family, src or 0, dst, protocol, sport or 0, dport)
        full = (1 << family.bits) - 1
        return Expectation(
            wanted,
            self.entry,
            0 if src is None else full,
            0 if sport is None else 0xFFFF,
            kind=kind,
            saved=(dst, dport),
        )

    def expect(self, expectation: Expectation, *, any_master: bool = False) -> Answer:
        """Open an expectation."""
        policy = self.helper.policies[expectation.kind]
        return self.table.expectations.add(expectation, self.table.now, policy, any_master=any_master)

    def find_port(self, expectation: Expectation) -> int:
        """Open an expectation at its own port, or at another that is free; 0 when none is (nf_nat_exp_find_port)."""
        first = port = expectation.wanted.dport
        size = 0xFFFF - first
        left = min(size, MAX_ATTEMPTS)
        while True:
            expectation.wanted = expectation.wanted._replace(dport=port)
            answer = self.expect(expectation)
            left -= answer is Answer.BUSY
            if answer is Answer.OPEN:
                return port
            if answer is not Answer.BUSY or left < 0:
                return 0
            port = first + self.table.random.randrange(size or 1)

    def mangle(self, at: int, size: int, new: bytes) -> bool:
        """Replace ``size`` bytes of the payload at ``at``."""
        if self.entry.original.protocol == TCP:
            return mangle_tcp(self.skb, self.entry, at, size, new)
        return mangle_udp(self.skb, at, size, new)

    def follow_master(self, expectation: Expectation, saved_port: int, way: int) -> None:
        """Have the expected connection mapped as this one is (nf_nat_follow_master).

        ``saved_port`` is the port that it really is for, ``way`` the direction of this connection that it goes in.
        """
        table = self.table
        expectation.direction = way
        expectation.saved = expectation.wanted.dst, saved_port

        def follow(entry: Entry, expected: Expectation) -> None:
            ends = expected.master.tuple(1 - way)
            setup_info(table, entry, addresses(ends.dst), Manip.SRC)
            setup_info(table, entry, addresses(ends.src, saved_port), Manip.DST)

        expectation.arrived = follow


def addresses(address: int, half: int | None = None) -> NatRange:
    """The range of one address, and of one port where given."""
    if half is None:
        return NatRange(int(RangeFlag.MAP_IPS), address, address)
    return NatRange(int(RangeFlag.MAP_IPS | RangeFlag.PROTO_SPECIFIED), address, address, half, half)


def digits(data: bytes | bytearray, at: int = 0) -> tuple[int, int]:
    """The decimal number at a place, and where it ends; 0 and the place itself where there is none (simple_strtoul)."""
    end = at
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    value = 0
    for digit in data[at:end]:
        value = value * 10 + digit - 48 & 0xFFFFFFFFFFFFFFFF
    return value, end
