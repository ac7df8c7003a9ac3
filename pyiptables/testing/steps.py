"""The packets of a conversation, where later ones may lean on the one before: ``reply S.``, ``again .``.

``reply`` is the answer that the other end gives: back along the connection as it left the host, NAT and all. ``again``
is the next packet of the one who sent the first. TCP flags and fields follow as in the one-line notation.
"""

from __future__ import annotations

import shlex
from itertools import pairwise

from pyiptables.conntrack.tuples import ICMP, ICMPV6, ORIGINAL, REPLY, TCP, Tuple, invert, tuple_at
from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.netfilter.engine import Engine
from pyiptables.packet.addresses import to_text
from pyiptables.packet.conversation import parse_conversation
from pyiptables.packet.transports import PORT_PROTOCOLS
from pyiptables.packet.typed import typed_packet
from pyiptables.packet.typed_notation import parse_notation
from pyiptables.packet.typed_packet import TypedPacket
from pyiptables.testing.outcome import Outcome

LEANING = ("reply", "again")


def leans(text: str) -> bool:
    """Whether a packet leans on the one before it."""
    return text.split(maxsplit=1)[:1] in (["reply"], ["again"])


def read_packets(text: str) -> tuple[TypedPacket, ...]:
    """The packet, or the packets of a conversation in one line; also iptables' own words, of IPv4 or IPv6."""
    if not text.startswith("-"):
        return parse_conversation(text)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise PacketError(f"a quote is not closed: {text}") from error
    six = any(":" in after for word, after in pairwise(words) if word in ("-s", "--source", "--src"))
    return (typed_packet(words, Family.IPV6 if six else Family.IPV4),)


def following(text: str, engine: Engine, first: TypedPacket, first_outcome: Outcome) -> TypedPacket:
    """The packet of a line that leans on the connection of ``first``, whose outcome is given.

    PacketError where there is no connection to go on with, or the line is wrong.
    """
    way, _, rest = text.strip().partition(" ")
    went = _endpoints(engine, first)
    if way == "again":
        return parse_notation(_line(went[ORIGINAL], first.interface, rest))
    if first_outcome.verdict != "ACCEPT":
        raise PacketError(f"there is no reply: the first packet's verdict was {first_outcome.verdict}")
    interface = None if first_outcome.delivered and not first.local else first_outcome.out or first.interface
    return parse_notation(_line(went[REPLY], interface, rest))


def _endpoints(engine: Engine, first: TypedPacket) -> tuple[Tuple, Tuple]:
    """Both directions: of the connection, where there is one, else of the packet itself."""
    own = tuple_at(first.data, 0, first.family)
    if own is None:
        raise PacketError("a reply to a fragment or a broken packet cannot be told")
    found = engine.conntrack.find(own)
    if found is not None and found[1] == ORIGINAL:
        return found[0].original, found[0].reply
    answer = invert(own)
    if answer is None:
        raise PacketError("the first packet is one that nobody answers")
    return own, answer


def _line(tup: Tuple, interface: str | None, rest: str) -> str:
    """A packet with these endpoints in the one-line notation."""
    ends = [to_text(address, tup.family) for address in (tup.src, tup.dst)]
    if tup.protocol in PORT_PROTOCOLS:
        six = tup.family is Family.IPV6
        ends = [
            f"[{end}]:{port}" if six else f"{end}:{port}"
            for end, port in zip(ends, (tup.sport, tup.dport), strict=True)
        ]
    protocol = str(tup.protocol)
    if tup.protocol == TCP:
        protocol = "tcp"
    elif tup.protocol in (ICMP, ICMPV6):
        name = "icmp" if tup.protocol == ICMP else "icmp6"
        protocol = f"{name} {tup.icmp_type}/{tup.icmp_code} icmp-id {tup.sport}"
    arrives = f"{interface}: " if interface else ""
    return f"{arrives}{ends[0]} > {ends[1]} {protocol} {rest}".rstrip()
