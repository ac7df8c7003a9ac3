"""What a target or NAT changed about a packet, found by comparing before and after."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.conntrack import Status
from pyiptables.packet.notation import endpoint_texts
from pyiptables.trace.events import Changed


class Snapshot:
    """What can be seen of a packet at one moment."""

    __slots__ = ("seen",)

    def __init__(self, skb: Any) -> None:
        self.seen = self._look(skb)

    @staticmethod
    def _look(skb: Any) -> dict[str, str]:
        source, destination = endpoint_texts(skb)
        entry = None if skb.nfct is None or skb.nfct.status & Status.TEMPLATE else skb.nfct
        first = skb.data[1] if skb.family.version == 4 else (skb.data[0] << 8 | skb.data[1]) >> 4 & 255
        return {
            "source": source,
            "destination": destination,
            "ttl": str(skb.ttl),
            "tos": f"{first:#04x}",
            "mark": f"{skb.mark:#x}",
            "ctmark": f"{entry.mark:#x}" if entry is not None else "",
            "trace": "on" if skb.nf_trace else "off",
            "length": str(len(skb.data)),
            "tracked": "no" if skb.ctinfo == 7 else "yes",
        }

    def changes(self, skb: Any) -> Iterator[Changed]:
        """What is different now."""
        now = self._look(skb)
        for what, before in self.seen.items():
            if before != now[what]:
                yield Changed(what, before, now[what])
