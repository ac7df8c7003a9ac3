"""What CT and NOTRACK share: deciding about a packet before conntrack sees it."""

from __future__ import annotations

from typing import Any

from pyiptables.packet.fields import UNTRACKED

NEW = 2
"""The ctinfo that a template is hung on with (IP_CT_NEW)."""


def seen(skb: Any) -> bool:
    """Whether the packet's tracking is decided already: it came by loopback, or an earlier rule decided."""
    return skb.nfct is not None or skb.ctinfo != 0


def untrack(skb: Any) -> None:
    """Keep the packet from being tracked, unless that is decided already."""
    if not seen(skb):
        skb.ctinfo = UNTRACKED
