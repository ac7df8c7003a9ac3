"""Deeds of targets that act on more than the packet: copies, sets, transparent sockets, messages to user space."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyiptables.conntrack import Ctinfo
from pyiptables.hooks import Family, Hook
from pyiptables.packet.checksum import checksum
from pyiptables.trace import events

if TYPE_CHECKING:
    from pyiptables.netfilter.path import NetworkLayer

PARAMETER_PROBLEM = 4
DONT_FRAGMENT = 0x40


class Actions:
    """What such targets ask for, done with the network layer they stand in."""

    network: NetworkLayer
    teeing = False

    def audit(self, skb: Any, kind: str) -> None:
        """Write an audit record; nobody reads it here."""
        self.network.note(events.Noted(f"audit record: {kind}"))

    def nflog(self, skb: Any, *, group: int, prefix: str, size: int | None, threshold: int) -> None:
        """Hand a copy to whoever listens at a netlink group; nobody does here."""
        self.network.note(events.Noted(f"copied to netlink group {group}{f' as {prefix!r}' if prefix else ''}"))

    def tee(self, skb: Any, gateway: int, oif: str) -> None:
        """Send an untracked copy to a gateway (nf_dup_ipv4.c, nf_dup_ipv6.c); a copy is not copied again."""
        if self.teeing:
            return
        copy = skb.copy()
        copy.nfct, copy.ctinfo = None, int(Ctinfo.UNTRACKED)
        came_in = skb.hook in (Hook.PREROUTING, Hook.INPUT)
        if copy.family is Family.IPV4:
            copy.data[6] |= DONT_FRAGMENT
            copy.data[8] = (copy.data[8] - came_in) & 255
            copy.data[10:12] = b"\0\0"
            copy.data[10:12] = checksum(copy.data[: copy.ihl]).to_bytes(2, "big")
        else:
            copy.data[7] = (copy.data[7] - came_in) & 255
        copy.parse()
        decision = self.network.host.route(copy.family, gateway, oif=oif, mark=skb.mark, output=True)
        if decision.refused:
            return
        if (
            decision.route is None
        ):  # the interface has no way to the gateway: it is taken as if the packet's own were meant
            decision = replace(decision, next_hop=copy.daddr)
        self.teeing = True
        try:
            self.network.emit(copy, decision, "copy by TEE", decision.oif)
        finally:
            self.teeing = False

    def tproxy(self, skb: Any, address: int, port: int) -> bool:
        """Hand the packet to a transparent socket; none is known, so the packet is dropped as without one."""
        self.network.note(events.Assumed("no transparent socket listens"))
        return False

    def path_mtu(self, skb: Any) -> int:
        """The smaller of the MTUs of the packet's route and of the route back to its source (xt_TCPMSS.c)."""
        host = self.network.host
        forth = skb.dst.mtu if skb.dst is not None else 0
        back = host.route(skb.family, skb.saddr, output=True)
        found = [mtu for mtu in (forth, 0 if back.refused else back.mtu) if mtu]
        return min(found, default=65535)

    def parameter_problem(self, skb: Any, pointer: int) -> None:
        """Tell the sender of an IPv6 packet which byte of it is wrong."""
        self.network.icmp_error(skb, PARAMETER_PROBLEM, 0, pointer, "parameter problem")
