"""Classic pcap files: a header of 24 bytes, then records one after the other.

Source: draft-ietf-opsawg-pcap; the "modified" form with longer record headers is that of libpcap's sf-pcap.c.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from pyiptables.packet.link import Direction, Frame

if TYPE_CHECKING:
    from pyiptables.packet.capture import Source


class Variant(NamedTuple):
    """What a magic number says: byte order (as in struct), nanoseconds in a unit of time, size of a record header."""

    order: str
    unit: int
    header: int


_NUMBERS = {0xA1B2C3D4: (1000, 16), 0xA1B23C4D: (1, 16), 0xA1B2CD34: (1000, 24)}

VARIANTS = {
    struct.pack(order + "I", number): Variant(order, unit, header)
    for order in "<>"
    for number, (unit, header) in _NUMBERS.items()
}
"""The variants by the first four bytes of the file."""


def frames(source: Source, data: bytes) -> Iterator[Frame]:
    """Read the frames of a capture whose beginning, at least the magic number, has been read into ``data``.

    Raises CaptureError where the file is not pcap, TruncatedCaptureError where it ends inside a record.
    """
    data = source.more(data, 24)
    variant = VARIANTS[data[:4]]
    if len(data) < 24:
        raise source.truncated(0, f"the pcap file header has {len(data)} bytes of 24")
    major, linktype = struct.unpack_from(variant.order + "H14xI", data, 4)
    if major != 2:
        raise source.broken(4, f"pcap version {major} is not known", hint="expected version 2")
    # The upper half holds flags and the length of a frame check sequence.
    return _records(source, data, variant, linktype & 0xFFFF)


def _records(source: Source, data: bytes, variant: Variant, linktype: int) -> Iterator[Frame]:
    unpack, new, unknown = struct.Struct(variant.order + "IIII").unpack_from, tuple.__new__, Direction.UNKNOWN
    header, unit = variant.header, variant.unit
    at, end, number = 24, len(data), 0
    while True:
        if end - at < header:
            data = source.more(data[at:], header)
            at, end = 0, len(data)
            if not end:
                return
            if end < header:
                raise source.truncated(
                    source.taken - end, f"the header of record {number + 1} has {end} bytes of {header}"
                )
        seconds, fraction, captured, original = unpack(data, at)
        start = at + header
        stop = start + captured
        if stop > end:
            if captured > source.limit:
                text = f"record {number + 1} says that {captured} bytes were captured"
                raise source.broken(source.taken - end + at, text, hint=f"expected at most {source.limit}")
            data = source.more(data[at:], header + captured)
            at, end, start, stop = 0, len(data), header, header + captured
            if stop > end:
                text = f"record {number + 1} has {end - start} bytes of {captured}"
                raise source.truncated(source.taken - end, text)
        number += 1
        when = seconds * 1_000_000_000 + fraction * unit
        yield new(Frame, (number, when, "", linktype, unknown, data[start:stop], original))
        at = stop
