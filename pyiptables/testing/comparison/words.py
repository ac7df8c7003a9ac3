"""What was done to a packet, in words; and for which packets two such things differ."""

from __future__ import annotations

from typing import Any

from pyiptables.analysis.diagrams import Node
from pyiptables.analysis.space import ESTABLISHED, NEW, RELATED, Space
from pyiptables.testing.comparison.operations import ALL_BITS, HOP, SAME, Aspect, Marks, Translation

HOPPED = HOP(SAME)


def fate_words(verdict: str) -> str:
    """``REJECT --reject-with tcp-reset`` as ``REJECT tcp-reset``."""
    return verdict.replace(" --reject-with", "").replace(" --queue-num", "").replace(" --queue-balance", "")


def words(aspect: Aspect, value: Any) -> str:
    """A value of an aspect."""
    match aspect:
        case Aspect.DESTINATION | Aspect.SOURCE:
            return value.text if value is not None else "not translated"
        case Aspect.MARKS:
            return _marks(value)
        case Aspect.HOPS:
            return _hops(value)
        case Aspect.SERVICE:
            return _service(value)
        case Aspect.TRACKING:
            return _tracking(value)
        case Aspect.LOG:
            return "; ".join(value) or "not logged"
        case Aspect.OTHER:
            return "; ".join(value) or "nothing"


def _marks(marks: Marks) -> str:
    parts = []
    if marks.mark != (ALL_BITS, 0, 0) or (marks.ctmark == (0, ALL_BITS, 0) and not marks.opaque):
        parts.append("mark " + _mark(marks.mark, 0))
    if marks.ctmark != (0, ALL_BITS, 0):
        parts.append("connection's mark " + _mark(marks.ctmark, 1))
    return ", ".join((*parts, *marks.opaque))


def _mark(mark: tuple[int, int, int], own: int) -> str:
    """``0x1`` for a whole mark, ``0x1/0xf`` for some bits of it; what comes from the other mark is named."""
    kept, copied, value = mark[own], mark[1 - own], mark[2]
    if (kept, copied, value) == (ALL_BITS, 0, 0):
        return "unchanged"
    mask = ~kept & ALL_BITS
    under = "" if mask == ALL_BITS else f"/{mask:#x}"
    if not copied:
        return f"{value:#x}{under}"
    other = "the connection's" if own == 0 else "the packet's"
    text = other + ("" if copied == ALL_BITS else f" & {copied:#x}")
    return text + (f" ^ {value:#x}" if value else "") + (f" in {mask:#x}" if under else "")


def _hops(value: bytes) -> str:
    if value[1:] == value[1:2] * 255:
        return f"{value[1]}"
    by = value[128] - 128
    if not by:
        return "unchanged"
    return f"{'raised' if by > 0 else 'lowered'} by {abs(by)}"


def _service(value: bytes) -> str:
    if value == SAME:
        return "unchanged"
    if value == value[:1] * 256:
        return f"{value[0]:#04x}"
    if all(new == (old & 3 | value[0] & 0xFC) for old, new in enumerate(value)):
        return f"DSCP {value[0] >> 2:#04x}"
    kept = value[0] ^ value[255]
    return f"{value[0]:#04x}/{~kept & 0xFF:#04x}"


def _tracking(value: str) -> str:
    return {"": "tracked", "NOTRACK": "not tracked"}.get(value, value)


def apart(space: Space, aspect: Aspect, first: Any, second: Any) -> Node:
    """The packets, as they arrive, for which two values come to different things."""
    match aspect:
        case Aspect.DESTINATION:
            return _otherwise(space, first, second, space.destination, space.word1)
        case Aspect.SOURCE:
            return _otherwise(space, first, second, space.source, space.word0)
        case Aspect.MARKS:
            return _marked_apart(space, first, second)
        case Aspect.HOPS | Aspect.SERVICE:
            bits = space.ttl if aspect is Aspect.HOPS else space.tos
            return space.any_of(bits.equals(one) for one in range(256) if first[one] != second[one])
        case _:
            return space.true


def _otherwise(space: Space, first: Translation | None, second: Translation | None, address: Any, port: Any) -> Node:
    """Addresses that are no choice are compared as such: to be sent where one goes anyway is not to be translated."""
    plain = (first is None or first.plain) and (second is None or second.plain)
    if not plain:
        return space.true
    ends = [(one.address, one.port) if one is not None else (None, None) for one in (first, second)]
    same_address = _equal(space, ends[0][0], ends[1][0], address)
    same_port = _equal(space, ends[0][1], ends[1][1], port) | ~space.with_ports
    return ~(same_address & same_port)


def _equal(space: Space, first: int | None, second: int | None, bits: Any) -> Node:
    if first == second:
        return space.true
    if first is not None and second is not None:
        return space.false
    found: Node = bits.equals(first if first is not None else second)
    return found


def _marked_apart(space: Space, first: Marks, second: Marks) -> Node:
    if first.opaque != second.opaque:
        return space.true
    entry = space.states(NEW, ESTABLISHED, RELATED)
    arrives = space.has(space.iif) & ~space.iif.equals(space.interfaces.code("lo"))
    possible = ~arrives | space.mark.equals(0)  # nothing marks packets on the wire
    return possible & (
        _bits_apart(space, first.mark, second.mark) | (_bits_apart(space, first.ctmark, second.ctmark) & entry)
    )


def _bits_apart(space: Space, first: tuple[int, int, int], second: tuple[int, int, int]) -> Node:
    """The packets whose two marks as they come make some bit of the results differ."""
    by_mark, by_ctmark, value = (one ^ other for one, other in zip(first, second, strict=True))
    found = space.false
    for place in range(32):
        bit = 1 << place
        one = space.true if value & bit else space.false
        if by_mark & bit:
            one = one ^ space.mark.masked(bit, bit)
        if by_ctmark & bit:
            one = one ^ space.ctmark.masked(bit, bit)
        found = found | one
    return found
