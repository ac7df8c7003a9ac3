"""SNMP under NAT: addresses among the values of a message become those that the other side knows.

Answers and traps of the versions 1 and 2c are read whole; one that cannot be read is dropped, and so is the trap of
version 1, which the kernel's grammar leaves out.

Source: net/ipv4/netfilter/nf_nat_snmp_basic_main.c and nf_nat_snmp_basic.asn1, nf_conntrack_snmp.c; RFC 1157, RFC 3416.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.conntrack.expect import Policy
from pyiptables.conntrack.helpers.base import Call, Helper
from pyiptables.conntrack.helpers.broadcast import broadcast
from pyiptables.conntrack.nat_manip import replace_sum
from pyiptables.conntrack.tuples import ORIGINAL, REPLY
from pyiptables.hooks import Verdict
from pyiptables.packet.skb import Skb

AGENT, TRAP = 161, 162
INTEGER, STRING, NULL, OBJECT, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
ADDRESS = 0x40
VALUES = frozenset({INTEGER, STRING, OBJECT, ADDRESS, 0x41, 0x42, 0x43, 0x44, 0x46, NULL, 0x80, 0x81, 0x82})
"""Tags of values: an address, counters, ticks, and the three ways of saying that there is none."""
PDUS = frozenset({0xA0, 0xA1, 0xA2, 0xA3, 0xA5, 0xA6, 0xA7, 0xA8})
"""Tags of messages: all but the trap of version 1."""
LINE_END = r"\x0a"
"""What this helper puts behind its words in the kernel's log, as /dev/kmsg has it."""
NEWEST = 1
"""Version 2c."""


class MessageError(ValueError):
    """A message that is not SNMP's."""


def question_or_answer(call: Call) -> Verdict:
    """Helper ``snmp``: expect answers to a broadcast, and translate."""
    broadcast(call)
    return translate(call) if call.mapped else Verdict.ACCEPT


def translate(call: Call) -> Verdict:
    """Translate the addresses of an agent's answers, and of traps, where the connection is under NAT."""
    skb, at = call.skb, call.skb.thoff
    data = skb.data
    sport, dport = (int.from_bytes(data[at + place : at + place + 2], "big") for place in (0, 2))
    if (sport == AGENT and call.way != REPLY) or (dport == TRAP and call.way != ORIGINAL) or not call.mapped:
        return Verdict.ACCEPT
    if int.from_bytes(data[at + 4 : at + 6], "big") != len(data) - at:
        return call.drop(f"dropping malformed packet{LINE_END}")
    before = call.here.src if call.way == ORIGINAL else call.there.src
    after = call.there.dst if call.way == ORIGINAL else call.here.dst
    if before == after:
        return Verdict.ACCEPT
    try:
        places = list(addresses(bytes(data[at + 8 :])))
    except MessageError:
        return call.drop(f"parser failed{LINE_END}")
    for place in places:
        _replace(skb, place, before.to_bytes(4, "big"), after.to_bytes(4, "big"))
    return Verdict.ACCEPT


def addresses(message: bytes) -> Iterator[int]:
    """Where the addresses stand among a message's values; MessageError where it cannot be read."""
    content, end = _one(message, 0, len(message), SEQUENCE)
    version, after = _one(message, content, end, INTEGER)
    if after - version != 1 or message[version] > NEWEST:
        raise MessageError("version")
    _, at = _one(message, after, end, STRING)
    content, last = _one(message, at, end, PDUS)
    for _ in range(3):  # request, error, and where it is
        _, content = _one(message, content, last, INTEGER)
    at, bindings = _one(message, content, last, SEQUENCE)
    if at == bindings or not bindings == last == end:
        raise MessageError("nothing where something must be, or something behind it")
    while at < end:
        name, at = _one(message, at, end, SEQUENCE)
        yield from _address(message, name, at)


def _address(message: bytes, at: int, end: int) -> Iterator[int]:
    """Where the address of a name and its value stands, if the value is one; there may be none at all."""
    _, at = _one(message, at, end, OBJECT)
    if at == end:
        return
    content, last = _one(message, at, end, VALUES)
    if last != end or (message[at] == ADDRESS and last - content != 4):
        raise MessageError(at)
    if message[at] == ADDRESS:
        yield content


def _one(message: bytes, at: int, end: int, wanted: int | frozenset[int]) -> tuple[int, int]:
    """Where the content of the element at a place begins and ends, which must have a wanted tag and fit."""
    if at + 2 > end or (message[at] not in wanted if isinstance(wanted, frozenset) else message[at] != wanted):
        raise MessageError(at)
    size, content = message[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 0 < count <= 3 or content + count > end:
            raise MessageError(at)
        size, content = int.from_bytes(message[content : content + count], "big"), content + count
    if content + size > end:
        raise MessageError(at)
    return content, content + size


def _replace(skb: Skb, place: int, old: bytes, new: bytes) -> None:
    """Put an address in another's place of the payload, if it stands there, and keep the checksum."""
    data, header = skb.data, skb.thoff
    at = header + 8 + place
    if data[at : at + 4] != old:
        return
    data[at : at + 4] = new
    check = int.from_bytes(data[header + 6 : header + 8], "big")
    if check:
        pad = b"\0" if place & 1 else b""
        data[header + 6 : header + 8] = replace_sum(check, pad + old + pad, pad + new + pad).to_bytes(2, "big")


SNMP = Helper("snmp", AGENT, (Policy(1, 30),), question_or_answer)
SNMP_TRAP = Helper("snmp_trap", TRAP, (Policy(0, 180),), translate)
