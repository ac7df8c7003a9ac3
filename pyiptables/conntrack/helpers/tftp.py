"""TFTP: the server answers a request from a port of its own.

Source: net/netfilter/nf_conntrack_tftp.c, nf_nat_tftp.c; RFC 1350.
"""

from __future__ import annotations

from pyiptables.conntrack.expect import Policy
from pyiptables.conntrack.helpers.base import Call, Helper
from pyiptables.conntrack.tuples import REPLY, UDP
from pyiptables.hooks import Verdict

READ, WRITE = 1, 2


def tftp(call: Call) -> Verdict:
    """Expect the answer to a read or write request."""
    data, at = call.skb.data, call.skb.thoff + 8
    if len(data) < at + 2 or data[at] << 8 | data[at + 1] not in (READ, WRITE):
        return Verdict.ACCEPT
    reply = call.entry.reply
    expectation = call.expectation(UDP, reply.src, reply.dst, reply.dport)
    if call.mapped:
        call.follow_master(expectation, call.entry.original.sport, REPLY)
    return Verdict.ACCEPT if call.expect(expectation) else call.drop("cannot add expectation")


TFTP = Helper("tftp", 69, (Policy(1, 300),), tftp)
