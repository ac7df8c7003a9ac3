r"""IRC: the connections that a client offers to another by DCC (``PRIVMSG nick :\1DCC SEND file 3221225985 4000``).

Source: net/netfilter/nf_conntrack_irc.c, nf_nat_irc.c.
"""

from __future__ import annotations

from typing import NamedTuple

from pyiptables.conntrack.expect import Policy
from pyiptables.conntrack.helpers.base import Call, Helper, digits
from pyiptables.conntrack.tuples import ORIGINAL, REPLY, TCP
from pyiptables.hooks import Verdict

KINDS = (b"SEND ", b"CHAT ", b"MOVE ", b"TSEND ", b"SCHAT ")
SEARCHED = 4095
"""Only so many bytes of a payload are looked at."""
SHORTEST = 26
"""A message that holds an offer has no fewer bytes from its `` :`` on."""


class Offer(NamedTuple):
    """An address and port, and where in the payload they stand."""

    address: int
    port: int
    at: int
    size: int


def find(data: bytes, own: tuple[int, int]) -> Offer | None:
    """The first offer that names one of the client's own addresses."""
    data = data[:SEARCHED]
    limit, at = len(data), 0
    while at < limit - 10 and data[at] in b" \r\n":
        at += 1
    if at < limit - 10:
        if data[at : at + 8].upper() != b"PRIVMSG ":
            return None
        at += 8
    while at < limit - SHORTEST:
        if data[at : at + 2] != b" :":
            at += 1
            continue
        if data[at + 2 : at + 7] != b"\1DCC ":
            return None
        at += 7
        for kind in KINDS:
            if data[at : at + len(kind)] != kind:
                continue
            at += len(kind)
            offer = _read(data, at)
            if offer is not None and offer.address in own and offer.port:
                return offer
    return None


def _read(data: bytes, at: int) -> Offer | None:
    """The offer behind the kind's word: a name, an address as one number, a port (parse_dcc)."""
    limit = len(data)
    blank = data.find(b" ", at)
    if blank < 0 or (blank > at and blank > limit - 12):
        return None
    at = blank + 1
    if data.find(b"\n", at) < 0:
        return None
    address, end = digits(data, at)
    while end < limit and data[end] == ord(" "):
        end += 1
    port, end = digits(data, end)
    return Offer(address & 0xFFFFFFFF, port & 0xFFFF, at, end - at)


def irc(call: Call) -> Verdict:
    """Read a segment that a client sends."""
    at = call.payload_at()
    if call.way != ORIGINAL or not call.established or at is None:
        return Verdict.ACCEPT
    offer = find(bytes(call.skb.data[at:]), (call.here.src, call.there.dst))
    if offer is None:
        return Verdict.ACCEPT
    expectation = call.expectation(TCP, None, call.there.dst, offer.port)
    if not call.mapped:
        return Verdict.ACCEPT if call.expect(expectation) else call.drop("cannot add expectation")
    call.follow_master(expectation, offer.port, REPLY)
    port = call.find_port(expectation)
    if not port:
        return call.drop("all ports in use")
    if not call.mangle(offer.at, offer.size, f"{call.there.dst} {port}".encode()):
        call.table.expectations.remove(expectation)
        return call.drop("cannot mangle packet")
    return Verdict.ACCEPT


IRC = Helper("irc", 6667, (Policy(8, 300),), irc)
