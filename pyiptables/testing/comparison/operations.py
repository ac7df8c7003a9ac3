"""What a target does to a packet besides its verdict, as values that can be put one after another and compared.

An aspect is one thing that may be done to a packet: its marks, its TTL, how it is tracked, its new addresses, what is logged
of it. A value of an aspect says all that was done so far; equal values mean that the same was done. Marks and header fields
are functions of what the packet came with, so that two roads to one function are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from pyiptables.extensions.base import Extension, RuleFacts, Target
from pyiptables.extensions.effects import NatRequest

ALL_BITS = 0xFFFFFFFF
LOGGING = frozenset({"LOG", "NFLOG", "TRACE", "AUDIT", "ULOG"})
QUIET = frozenset({"REJECT", "NFQUEUE", "SYNPROXY"})
"""Targets that end a packet's way and do nothing else; how they end it is part of the fate."""
LAST_COUNTS = frozenset({"CLASSIFY", "SECMARK", "CONNSECMARK"})
DESTINATIONS = frozenset({"DNAT", "REDIRECT"})
SOURCES = frozenset({"SNAT", "MASQUERADE"})
SAME = bytes(range(256))


class Aspect(Enum):
    """What may be done to a packet; the value is the word that a change is listed under."""

    DESTINATION = "nat"
    SOURCE = "nat "
    MARKS = "mark"
    HOPS = "ttl"
    SERVICE = "tos"
    TRACKING = "tracking"
    LOG = "log"
    OTHER = "effects"


WIDTHS = {
    Aspect.DESTINATION: 18,
    Aspect.SOURCE: 12,
    Aspect.MARKS: 11,
    Aspect.HOPS: 8,
    Aspect.SERVICE: 8,
    Aspect.TRACKING: 8,
    Aspect.LOG: 13,
    Aspect.OTHER: 12,
}
"""Bits for the number of a value: how many are told apart."""


@dataclass(frozen=True, slots=True)
class Marks:
    """Both marks as functions of those that the packet (``m``) and its connection (``c``) came with.

    Each is ``m & packet ^ c & connection ^ value``; ``opaque`` names what is not of that form, in order.
    """

    mark: tuple[int, int, int] = (ALL_BITS, 0, 0)
    ctmark: tuple[int, int, int] = (0, ALL_BITS, 0)
    opaque: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Translation:
    """What a rule of the nat table makes of a connection's address and port; ``text`` says it in iptables' words.

    ``address`` and ``port`` are set where there is one to choose from only, ``kept`` where an address or port stays.
    """

    text: str
    address: int | None = None
    port: int | None = None
    plain: bool = False
    """Whether address and port (None: as it is) say all."""


NOTHING: dict[Aspect, Any] = {
    Aspect.DESTINATION: None,
    Aspect.SOURCE: None,
    Aspect.MARKS: Marks(),
    Aspect.HOPS: SAME,
    Aspect.SERVICE: SAME,
    Aspect.TRACKING: "",
    Aspect.LOG: (),
    Aspect.OTHER: (),
}
"""The values of a packet to which nothing was done."""
Operation = Callable[[Any], Any]
"""What a target makes of a value."""


def operations(target: Target, facts: RuleFacts) -> dict[Aspect, Operation]:
    """What a target does, by aspect; empty for one that only ends a packet's way."""
    if target.name in QUIET:
        return {}
    make = _READERS.get(target.name)
    if make is not None:
        return make(target, facts)
    text = target_text(target, facts)
    if target.name in LOGGING:
        return {Aspect.LOG: lambda value: tuple(sorted((*value, text)))}
    return {Aspect.OTHER: _noted(target.name, text)}


def target_text(target: Extension, facts: RuleFacts) -> str:
    """The target in iptables' words: ``REJECT --reject-with tcp-reset``."""
    return (target.name + target.save(facts)).strip()


def _noted(name: str, text: str) -> Operation:
    """Once is as good as twice; of some targets only the last counts."""

    def change(value: tuple[str, ...]) -> tuple[str, ...]:
        rest = (one for one in value if name not in LAST_COUNTS or one.partition(" ")[0] != name)
        return tuple(sorted({*rest, text}))

    return change


# marks


def _xor(first: tuple[int, int, int], second: tuple[int, int, int]) -> tuple[int, int, int]:
    return first[0] ^ second[0], first[1] ^ second[1], first[2] ^ second[2]


def _under(mask: int, mark: tuple[int, int, int]) -> tuple[int, int, int]:
    return mark[0] & mask, mark[1] & mask, mark[2] & mask


def set_mark(value: int, mask: int) -> Operation:
    """``m & ~mask ^ value`` of the packet's mark."""
    return lambda marks: replace(marks, mark=_xor(_under(~mask & ALL_BITS, marks.mark), (0, 0, value)))


def _mark(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    return {Aspect.MARKS: set_mark(*target.set_xmark)}


def _connmark(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    if target.left_shift or target.right_shift:
        return {Aspect.MARKS: _opaque(target_text(target, facts))}
    if target.set_xmark is not None:
        value, mask = target.set_xmark
        return {
            Aspect.MARKS: lambda one: replace(one, ctmark=_xor(_under(~mask & ALL_BITS, one.ctmark), (0, 0, value)))
        }
    nf, ct = target.nfmask, target.ctmask
    if target.save_mark:
        return {
            Aspect.MARKS: lambda one: replace(
                one, ctmark=_xor(_under(~ct & ALL_BITS, one.ctmark), _under(nf, one.mark))
            )
        }
    return {Aspect.MARKS: lambda one: replace(one, mark=_xor(_under(~nf & ALL_BITS, one.mark), _under(ct, one.ctmark)))}


def _opaque(text: str) -> Operation:
    return lambda marks: replace(marks, opaque=(*marks.opaque, text))


def _hmark(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    text = target_text(target, facts)
    return {Aspect.MARKS: lambda marks: replace(marks, mark=(0, 0, 0), opaque=(*marks.opaque, text))}


def _tproxy(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    return {Aspect.MARKS: set_mark(*target.mark), Aspect.OTHER: _noted(target.name, target_text(target, facts))}


def _set(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    text = target_text(target, facts)
    found: dict[Aspect, Operation] = {Aspect.OTHER: _noted(target.name, text)}
    return found | ({Aspect.MARKS: _opaque(text)} if target.map_mark else {})


# headers


def table(function: Callable[[int], int]) -> Operation:
    """A function of a byte, put behind another."""
    then = bytes(min(255, max(0, function(value))) for value in range(256))
    return lambda value: value.translate(then)


HOP = table(lambda ttl: ttl - 1)
"""What forwarding does to the TTL."""


def _hops(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    values = target.values
    if "set" in values:
        return {Aspect.HOPS: table(lambda ttl: int(values["set"]))}
    by = int(values.get("inc", 0)) - int(values.get("dec", 0))
    return {Aspect.HOPS: table(lambda ttl: ttl + by)}


def _tos(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    value, mask = target.tos
    return {Aspect.SERVICE: table(lambda tos: tos & ~mask & 0xFF ^ value)}


def _dscp(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    return {Aspect.SERVICE: table(lambda tos: tos & 3 | target.dscp << 2)}


def _ecn(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    found: dict[Aspect, Operation] = {}
    if "ect" in target.values:
        found[Aspect.SERVICE] = table(lambda tos: tos & ~3 | target.values["ect"])
    if target.values.keys() - {"ect"}:
        found[Aspect.OTHER] = _noted(target.name, target_text(target, facts))
    return found


# connections


def _tracking(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    """The first counts: a packet that has a template, or is not tracked, is left alone (xt_CT.c)."""
    text = "NOTRACK" if target.name == "NOTRACK" or target.notrack else target_text(target, facts)
    return {Aspect.TRACKING: lambda value: value or text}


def _nat(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    request: NatRequest = target.request
    text = target_text(target, facts)
    address = _one(request.addresses)
    plain = target.name in ("DNAT", "SNAT") and _single(request.addresses) and _single(request.ports)
    plain = plain and request.base_port is None and not (request.random or request.random_fully)
    found = Translation(text, address, _one(request.ports), plain and request != NatRequest())
    return {Aspect.DESTINATION if target.name in DESTINATIONS else Aspect.SOURCE: lambda _: found}


def _netmap(target: Any, facts: RuleFacts) -> dict[Aspect, Operation]:
    """Which side it changes, the hook says: both are noted, the caller takes one."""
    found = Translation(target_text(target, facts))
    return dict.fromkeys((Aspect.DESTINATION, Aspect.SOURCE), lambda _: found)


def _single(ends: tuple[int, int] | None) -> bool:
    return ends is None or ends[0] == ends[1]


def _one(ends: tuple[int, int] | None) -> int | None:
    return ends[0] if ends is not None and ends[0] == ends[1] else None


_READERS: dict[str, Callable[[Any, RuleFacts], dict[Aspect, Operation]]] = {
    "MARK": _mark,
    "CONNMARK": _connmark,
    "HMARK": _hmark,
    "TPROXY": _tproxy,
    "SET": _set,
    "TTL": _hops,
    "HL": _hops,
    "TOS": _tos,
    "DSCP": _dscp,
    "ECN": _ecn,
    "CT": _tracking,
    "NOTRACK": _tracking,
    "NETMAP": _netmap,
    **dict.fromkeys((*DESTINATIONS, *SOURCES), _nat),
}
