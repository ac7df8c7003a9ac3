"""What comes back in: packets through lo, and the host's own broadcasts and multicasts.

Source: drivers/net/loopback.c (loopback_xmit), net/core/dev.c (dev_loopback_xmit), net/ipv4/ip_output.c (ip_mc_output),
net/ipv6/ip6_output.c (ip6_finish_output, ip6_finish_output2).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from pyiptables.hooks import Family, Hook
from pyiptables.netfilter import sanity
from pyiptables.netfilter.fragments import taken_apart
from pyiptables.packet.skb import PacketType, Skb
from pyiptables.trace import events

if TYPE_CHECKING:
    from pyiptables.netfilter.path import NetworkLayer

LOOPBACK = "lo"
KEPT = (
    *("mark", "priority", "secmark", "nf_trace", "nfct", "ctinfo", "dst", "owner", "tstamp", "number", "host"),
    *("csum_partial", "csum_valid"),
)
"""What a packet takes along through lo."""
MOST_PASSES = 256
"""Rounds through lo for one packet: a rule that copies what comes in to this host itself copies its copies for ever."""


class Loopback:
    """The packets of one host that wait to come back in; ``passes`` counts those that came of the packet in hand."""

    def __init__(self, network: NetworkLayer) -> None:
        self.network = network
        self.waiting: deque[Skb] = deque()
        self.passes = 0

    def begin(self) -> None:
        """Another packet is handed over."""
        self.passes = 0

    def group_copy(self, skb: Skb, oif: str) -> None:
        """The copy of a broadcast or multicast of this host that comes back to it (ip_mc_output, ip6_finish_output2)."""
        copy = skb.copy()
        copy.nfct, copy.ctinfo, copy.owner = skb.nfct, skb.ctinfo, None
        if self.network.hook(Hook.POSTROUTING, copy, "", oif):
            self._wait(copy, oif)
            if not self.network.depth:
                self.run()  # the sending process receives it before it goes on

    def take(self, skb: Skb) -> None:
        """Through lo: an IPv6 datagram that came in fragments goes in fragments again (ip6_finish_output)."""
        pieces = list(taken_apart(skb, skb.dst.mtu)) if skb.family is Family.IPV6 else []
        for piece in pieces if len(pieces) > 1 else (None,):
            self._wait(skb, data=piece)

    def _wait(self, skb: Skb, dev: str = LOOPBACK, data: bytes | None = None) -> None:
        """Back in, with connection, mark and route as they are: through lo (loopback_xmit), or where it was to go out.

        The latter is dev_loopback_xmit: there is no link-layer header then.
        """
        kind = b"\x08\0" if skb.family is Family.IPV4 else b"\x86\xdd"
        back = Skb(
            skb.data if data is None else data, skb.family, iif=dev, mac=bytes(12) + kind if dev == LOOPBACK else b""
        )
        if dev != LOOPBACK:
            back.pkt_type = PacketType.LOOPBACK
        for name in KEPT:
            setattr(back, name, getattr(skb, name))
        self.waiting.append(back)

    def run(self) -> None:
        """Receive what came back in, after the packet that caused it is done."""
        network = self.network
        while self.waiting:
            skb = self.waiting.popleft()
            self.passes += 1
            if self.passes > MOST_PASSES:
                words = f"a loop through lo, which the kernel does not leave, ends after {MOST_PASSES} rounds"
                network.note(events.Assumed(words))
                network.decide("DROP", None, "a loop through lo (a copy by TEE that is copied again, say)")
                continue
            network.note(events.Looped(skb.iif))
            checked = sanity.check(bytes(skb.data), skb.family, loopback=True)
            if not checked.reason:
                network.receive(skb)
                continue
            if checked.problem is not None:
                network.parameter_problem(skb, *checked.problem)
            network.decide("DROP", None, checked.reason)
