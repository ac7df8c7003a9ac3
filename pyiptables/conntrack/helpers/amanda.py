"""Amanda: the connections that a backup client names in its answer (``CONNECT DATA 1024 MESG 1025 INDEX 1026``).

Source: net/netfilter/nf_conntrack_amanda.c, nf_nat_amanda.c.
"""

from __future__ import annotations

from pyiptables.conntrack.expect import Policy
from pyiptables.conntrack.helpers.base import Call, Helper, digits
from pyiptables.conntrack.tuples import ORIGINAL, TCP
from pyiptables.hooks import Family, Verdict

STREAMS = (b"DATA ", b"MESG ", b"INDEX ", b"STATE ")
MASTER_SECONDS = 300
"""Clients take their time, so each answer keeps the connection alive for so long."""


def amanda(call: Call) -> Verdict:
    """Read a client's answer."""
    if call.way == ORIGINAL:
        return Verdict.ACCEPT
    call.refresh(MASTER_SECONDS)
    begin = call.payload_at()
    if begin is None:
        return Verdict.ACCEPT
    data = bytes(call.skb.data[begin:])
    start = data.find(b"CONNECT ") + 8
    stop = data.find(b"\n", start)
    if start < 8 or stop < 0:
        return Verdict.ACCEPT
    verdict = Verdict.ACCEPT
    for word in STREAMS:
        data = bytes(call.skb.data[begin:])
        at = data.find(word, start, stop)
        if at < 0:
            continue
        at += len(word)
        port, end = digits(data[: min(at + 5, stop)], at)
        if not port & 0xFFFF:
            break
        verdict = _announced(call, at, end - at, port & 0xFFFF)
    return verdict


def _announced(call: Call, at: int, size: int, port: int) -> Verdict:
    """Expect the server's connection to a port."""
    original = call.entry.original
    expectation = call.expectation(TCP, original.src, original.dst, port)
    if not call.mapped or original.family is not Family.IPV4:
        return Verdict.ACCEPT if call.expect(expectation) else call.drop("cannot add expectation")
    call.follow_master(expectation, port, ORIGINAL)
    port = call.find_port(expectation)
    if not port:
        return call.drop("all ports in use")
    if not call.mangle(at, size, str(port).encode()):
        call.table.expectations.remove(expectation)
        return call.drop("cannot mangle packet")
    return Verdict.ACCEPT


AMANDA = Helper("amanda", 10080, (Policy(4, 180),), amanda)
