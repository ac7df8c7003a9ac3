"""SANE: the data connection that a scanner's host announces in its answer to NET_START.

Source: net/netfilter/nf_conntrack_sane.c.
"""

from __future__ import annotations

from pyiptables.conntrack.expect import Policy
from pyiptables.conntrack.helpers.base import Call, Helper
from pyiptables.conntrack.tuples import ORIGINAL, TCP
from pyiptables.hooks import Verdict

NET_START = (7).to_bytes(4, "big")


class Memory:
    """Whether the next answer is one to NET_START."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked = False


def sane(call: Call) -> Verdict:
    """Read a segment: a request of 8 bytes, or an answer with status 0, 16 zero bits and a port."""
    at = call.payload_at()
    if not call.established or at is None:
        return Verdict.ACCEPT
    data, memory = bytes(call.skb.data[at:]), call.entry.help
    if call.way == ORIGINAL:
        if len(data) == 8:
            memory.asked = data[:4] == NET_START
        return Verdict.ACCEPT
    asked, memory.asked = memory.asked, False
    if not asked or len(data) < 8 or data[:6] != bytes(6):
        return Verdict.ACCEPT
    original = call.entry.original
    expectation = call.expectation(TCP, original.src, original.dst, data[6] << 8 | data[7])
    return Verdict.ACCEPT if call.expect(expectation) else call.drop("cannot add expectation")


SANE = Helper("sane", 6566, (Policy(1, 300),), sane, Memory)
