"""Questions that a process of the host broadcasts, and that every host of the network may answer: NetBIOS names.

Source: net/netfilter/nf_conntrack_broadcast.c, nf_conntrack_netbios_ns.c.
"""

from __future__ import annotations

from typing import Any

from pyiptables.conntrack.expect import Expectation, Policy
from pyiptables.conntrack.helpers.base import Call, Helper
from pyiptables.conntrack.tuples import ORIGINAL
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.packet.addresses import prefix_mask


def broadcast(call: Call) -> Verdict:
    """Expect answers from the whole network, as long as the question is open."""
    skb = call.skb
    mask = _network_mask(skb) if call.way == ORIGINAL and skb.hook is Hook.POSTROUTING and not skb.iif else 0
    if mask:
        seconds = call.helper.policies[0].seconds
        wanted = call.entry.reply._replace(sport=call.helper.port)
        call.expect(Expectation(wanted, call.entry, mask, 0xFFFF, permanent=True))
        call.refresh(seconds)
    return Verdict.ACCEPT


def _network_mask(skb: Any) -> int:
    """The mask of the network whose broadcast address the packet is for; 0 when it is for none."""
    if skb.dst is None or skb.host is None or skb.dst.kind.name != "BROADCAST":
        return 0
    interface = skb.host.interface(skb.oif)
    for each in interface.addresses if interface is not None else ():
        if each.family is skb.family and not each.secondary and each.broadcast == skb.daddr:
            return prefix_mask(int(each.length), Family.IPV4)
    return 0


NETBIOS = Helper("netbios-ns", 137, (Policy(1, 3),), broadcast)
