"""The packets that a set of ipset with known elements has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import Node
from pyiptables.analysis.space import ICMP, ICMPV6, Space
from pyiptables.ipset.sets import AnySet
from pyiptables.ipset.store import Store, places

READ = frozenset({"ip", "net", "port"})
"""What elements may be made of, to be read here."""
PORTED_IN_SETS = (6, 17, 132, 136)
"""Protocols whose ports sets look at."""


def members(space: Space, found: AnySet, sides: tuple[str, ...]) -> Node | None:
    """The packets whose ``sides`` are an element of a set.

    None where that is not known: elements that expire, or are made of more than addresses, networks and ports; exceptions
    (``nomatch``) in sets of two networks.
    """
    parts = found.header.type.parts
    if not isinstance(found, Store) or not READ.issuperset(parts) or len(sides) < len(parts):
        return None
    if found.header.timeout is not None or found.header.family not in (space.family, None):
        return None
    exceptions = any(entry.nomatch for entry in found.entries.values())
    nets = parts.count("net")
    if exceptions and nets != 1:
        return None
    chosen = space.false
    # Of the networks that an address is in the longest decides.
    for key, entry in sorted(found.entries.items(), key=lambda item: item[0][-1] if nets == 1 else 0):
        element = _element(space, key, found, parts, sides, nets)
        chosen = chosen & ~element if entry.nomatch else chosen | element
    return chosen


def _element(
    space: Space, key: tuple[Any, ...], found: Store, parts: tuple[str, ...], sides: Iterable[str], nets: int
) -> Node:
    """The packets that one element stands for; the lengths of its networks stand at its end."""
    every = (1 << space.family.bits) - 1
    header = found.header
    lengths = list(key[len(key) - nets :]) if nets else []
    node = space.true
    plain = header.type.name == "bitmap:port"
    for part, at, side in zip(parts, places(parts), sides, strict=False):
        source = side == "src"
        address = space.source if source else space.destination
        if part == "net":
            length = lengths.pop(0)
            mask = every >> (space.family.bits - length) << (space.family.bits - length) if length else 0
            node = node & address.masked(mask, key[at] & mask)
        elif part == "ip":
            mask = every if header.mask is None else header.mask
            node = node & address.masked(mask, key[at] & mask)
            if header.type.method == "bitmap":
                node = node & address.within(header.first, header.last)
        elif plain:
            number = space.word0 if source else space.word1
            node = node & (space.protocol.equals(6) | space.protocol.equals(17)) & number.equals(key[at])
        else:
            node = node & _port(space, key[at], key[at + 1], source)
    return node


def _port(space: Space, protocol: int, port: int, source: bool) -> Node:
    """The packets of a protocol with a port; of ICMP, with type and code; other protocols have port 0."""
    node = space.protocol.equals(protocol)
    if protocol not in (*PORTED_IN_SETS, ICMP, ICMPV6):
        return node if not port else space.false
    number: Bits = space.word0 if source or protocol in (ICMP, ICMPV6) else space.word1
    return node & number.equals(port)
