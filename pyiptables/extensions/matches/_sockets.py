"""What matches that ask for a packet's socket share: which packets surely have none.

A packet that came in has no socket yet. One of this host's own has that of the process that sent it, of which the
trace knows user and group (``skb.owner``) where they were given.
"""

from __future__ import annotations

from typing import Any

from pyiptables.predicate import Readable

may_have_socket = Readable("a socket of this host", lambda skb: not skb.iif or skb.iif == "lo", hotdrop=False)
"""The condition that the packet is not one that came in."""


def owner_of(skb: Any, reason: str) -> tuple[int, int | None] | None:
    """The user and group of the process that sent a packet; None, noting the reason, where that is not known."""
    if skb.owner is None and may_have_socket.present(skb):
        skb.unknown.append(reason)
    found: tuple[int, int | None] | None = skb.owner
    return found
