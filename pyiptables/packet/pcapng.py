"""Pcapng files: blocks, in sections of either byte order, with interfaces that carry names and clock resolutions.

Source: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from pyiptables.packet.link import Direction, Frame

if TYPE_CHECKING:
    from pyiptables.packet.capture import Source

MAGIC = b"\n\r\r\n"
"""The type of a section header, which begins every file; the same in both byte orders."""
MOST_TIME = (1 << 63) - 1
"""The latest time that is read or written, in nanoseconds since 1970: in the year 2262."""
LONGEST_NAME = 255
"""Characters of an interface's name that are kept."""

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_SMALLEST = {_SECTION: 28, _INTERFACE: 20, _OLD_PACKET: 32, _SIMPLE_PACKET: 16, _PACKET: 32}
"""The kinds of block that are read, with their least length; the others are skipped."""
_PACKETS = frozenset({_OLD_PACKET, _PACKET})
_MOST_OPTIONS = 1 << 18
"""Bytes that a block may hold besides the captured frame."""
_MOST_INTERFACES = 65536
_BYTE_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_END, _NAME, _FLAGS, _RESOLUTION, _OFFSET = 0, 2, 2, 9, 14
_NANOSECONDS = 9


_new = tuple.__new__


class _BlockError(Exception):
    """What is wrong with a block; whoever knows its place makes a CaptureError of it."""


class Interface(NamedTuple):
    """An interface description: a tick of its clock is ``multiply / divide`` nanoseconds, counted from ``offset``."""

    name: str
    linktype: int
    snaplen: int
    multiply: int
    divide: int
    offset: int


class Section:
    """A section of a file: its byte order, its interfaces so far, and which options said which direction."""

    __slots__ = ("_directions", "_interfaces", "_order", "_time", "_unpack", "_unpack_block", "_unpack_old")

    def __init__(self, order: str) -> None:
        self._order = order
        self._unpack = struct.Struct(order + "IIIII").unpack_from
        self._unpack_block = struct.Struct(order + "IIIIIII").unpack_from
        self._unpack_old = struct.Struct(order + "HxxIIII").unpack_from
        self._interfaces: list[Interface] = []
        self._directions = {b"": Direction.UNKNOWN}
        self._time = 0

    def add_interface(self, body: bytes) -> None:
        """Note an interface description block; _BlockError when its clock cannot be known."""
        if len(self._interfaces) >= _MOST_INTERFACES:
            raise _BlockError(f"more than {_MOST_INTERFACES} interfaces")
        linktype, snaplen = struct.unpack_from(self._order + "HxxI", body)
        options, whole = self._options(body[8:])
        if not whole:
            raise _BlockError("the interface's options reach past the end of the block")
        resolution, seconds = options.get(_RESOLUTION, b"\x06"), options.get(_OFFSET, bytes(8))
        if len(resolution) != 1:
            raise _BlockError(f"option if_tsresol has {len(resolution)} bytes, expected 1")
        if len(seconds) != 8:
            raise _BlockError(f"option if_tsoffset has {len(seconds)} bytes, expected 8")
        offset = struct.unpack(self._order + "q", seconds)[0] * 1_000_000_000
        self._interfaces.append(
            Interface(_name(options.get(_NAME, b"")), linktype, snaplen, *_tick(resolution[0]), offset)
        )

    def run(self, blocks: _Blocks, number: int, limit: int) -> Iterator[Frame]:
        """Read enhanced packet blocks, up to the first that is not as usual or has not been read from the file whole.

        ``number`` is that of the packet before. Of a usual block nothing can be wrong; of others the caller finds out.
        """
        data, at, new = blocks.data, blocks.at, tuple.__new__
        unpack, interfaces, directions, end = self._unpack_block, self._interfaces, self._directions, len(data)
        try:
            while at + _SMALLEST[_PACKET] <= end:
                kind, size, which, high, low, captured, original = unpack(data, at)
                start, stop = at + 28, at + size
                behind = start + captured
                if kind != _PACKET or stop > end or behind + 4 > stop or size & 3 or captured > limit:
                    return
                if which >= len(interfaces) or data[stop - 4 : stop] != data[at + 4 : at + 8]:
                    return
                name, linktype, _, multiply, divide, offset = interfaces[which]
                direction = directions.get(data[behind + (-captured & 3) : stop - 4])
                when = (high << 32 | low) * multiply
                if direction is None or divide != 1 or offset or when > MOST_TIME:
                    return
                number, at, self._time = number + 1, stop, when
                yield new(Frame, (number, when, name, linktype, direction, data[start:behind], original))
        finally:
            blocks.at = at

    def packet(self, number: int, kind: int, body: bytes, limit: int) -> Frame:
        """Read an enhanced or obsolete packet block; _BlockError when its lengths, time or interface are wrong."""
        unpack = self._unpack if kind == _PACKET else self._unpack_old
        which, high, low, captured, original = unpack(body)
        stop = 20 + captured
        if stop > len(body) or captured > limit:
            raise _BlockError(f"packet {number} says {captured} bytes in a block that has room for {len(body) - 20}")
        try:
            name, linktype, _, multiply, divide, offset = self._interfaces[which]
        except IndexError:
            text = f"packet {number} is of interface {which}, which the section does not describe"
            raise _BlockError(text) from None
        when = high << 32 | low
        if multiply != 1 or divide != 1 or offset:  # arithmetic with numbers this long is slow
            when = when * multiply // divide + offset
        if not 0 <= when <= MOST_TIME:
            raise _BlockError(f"packet {number} is not from the years 1970 to 2262")
        self._time = when
        options = body[stop + (-captured & 3) :]
        direction = self._directions.get(options)
        if direction is None:
            direction = self._direction(options)
        return _new(Frame, (number, when, name, linktype, direction, body[20:stop], original))

    def simple_packet(self, number: int, body: bytes, limit: int) -> Frame:
        """Read a simple packet block: on the section's first interface, at the time of the packet before."""
        if not self._interfaces:
            raise _BlockError(f"packet {number} is of interface 0, which the section does not describe")
        interface = self._interfaces[0]
        original = int(struct.unpack_from(self._order + "I", body)[0])
        captured = min(original, interface.snaplen or original)
        if captured > len(body) - 4 or captured > limit:
            raise _BlockError(f"packet {number} says {captured} bytes in a block that has room for {len(body) - 4}")
        data = body[4 : 4 + captured]
        return Frame(number, self._time, interface.name, interface.linktype, Direction.UNKNOWN, data, original)

    def _direction(self, options: bytes) -> Direction:
        """Read what a packet's options say of its direction; options that lie cost the packet only that."""
        flags = self._options(options)[0].get(_FLAGS, b"")
        bits = struct.unpack(self._order + "I", flags)[0] & 3 if len(flags) == 4 else 0
        direction = Direction(bits) if bits < 3 else Direction.UNKNOWN
        if len(options) <= 64 and len(self._directions) < 64:
            self._directions[options] = direction
        return direction

    def _options(self, data: bytes) -> tuple[dict[int, bytes], bool]:
        """Read options: each code's first, and whether all of them fit; none is read after one that does not."""
        found: dict[int, bytes] = {}
        at = 0
        while at + 4 <= len(data):
            code, size = struct.unpack_from(self._order + "HH", data, at)
            if code == _END:
                return found, True
            at += 4
            if at + size > len(data):
                return found, False
            found.setdefault(code, data[at : at + size])
            at += size + (-size & 3)
        return found, True


def frames(source: Source, data: bytes) -> Iterator[Frame]:
    """Read the frames of a capture whose beginning, at least the magic number, has been read into ``data``.

    A packet without a time (simple packet block) has that of the packet before it in its section, or 0. Blocks of other
    kinds are skipped. Raises CaptureError where the file is not pcapng, TruncatedCaptureError where it ends in a block.
    """
    blocks, section, number, limit = _Blocks(source, data), Section("<"), 0, source.limit
    while True:
        for frame in section.run(blocks, number, limit):
            number = frame[0]
            yield frame
        found = blocks.next()
        if found is None:
            return
        place, kind, body = found
        try:
            if kind in _PACKETS:
                number += 1
                yield section.packet(number, kind, body, limit)
            elif kind == _SIMPLE_PACKET:
                number += 1
                yield section.simple_packet(number, body, limit)
            elif kind == _INTERFACE:
                section.add_interface(body)
            else:
                section = Section(blocks.order)
        except _BlockError as error:
            raise source.broken(place, str(error)) from None


class _Blocks:
    """The blocks of a file, one after the other: ``data`` is what has been read, ``at`` where the next one begins in it."""

    __slots__ = ("_head", "_source", "at", "data", "order")

    def __init__(self, source: Source, data: bytes) -> None:
        self._source = source
        self.data, self.at, self.order = data, 0, "<"
        self._head = struct.Struct("<II").unpack_from

    def next(self) -> tuple[int, int, bytes] | None:
        """The next block of the kinds that matter: place in the file, kind, what its lengths enclose; None at the end."""
        source = self._source
        while True:
            if len(self.data) - self.at < 12:
                self.data, self.at = source.more(self.data[self.at :], 12), 0
                if not self.data:
                    return None
                if len(self.data) < 12:
                    raise source.truncated(
                        source.taken - len(self.data), f"a block has {len(self.data)} bytes of 12 at least"
                    )
            place = source.taken - len(self.data) + self.at
            kind, size = self._kind_and_size(place)
            smallest = _SMALLEST.get(kind)
            if self.at + size > len(self.data):
                self.data, self.at = _fetch(source, self.data[self.at :], kind, size), 0
                if not smallest:
                    continue
            data, at, stop = self.data, self.at, self.at + size
            if data[stop - 4 : stop] != data[at + 4 : at + 8]:
                text = f"the block's length at its end is not the {size} of its beginning"
                raise source.broken(place + size - 4, text)
            self.at = stop
            if not smallest:
                continue
            if kind == _SECTION and (major := struct.unpack_from(self.order + "H", data, at + 12)[0]) != 1:
                raise source.broken(place + 12, f"pcapng version {major} is not known", hint="expected version 1")
            return place, kind, data[at + 8 : stop - 4]

    def _kind_and_size(self, place: int) -> tuple[int, int]:
        """What a block says of itself; a section's says in which byte order."""
        kind, size = self._head(self.data, self.at)
        if kind == _SECTION:
            self.order = _byte_order(self._source, place, self.data[self.at + 8 : self.at + 12])
            self._head = struct.Struct(self.order + "II").unpack_from
            size = self._head(self.data, self.at)[1]
        smallest = _SMALLEST.get(kind) or 12
        if size < smallest or size & 3:
            hint = f"expected at least {smallest}, and a multiple of 4"
            raise self._source.broken(place, f"block of type {kind:#x} says its length is {size}", hint=hint)
        return kind, size


def _fetch(source: Source, rest: bytes, kind: int, size: int) -> bytes:
    """Read on until the block that ``rest`` begins with is whole; a block that is not needed is passed over instead."""
    place = source.taken - len(rest)
    if kind not in _SMALLEST:
        return source.skip(rest, size, f"block of type {kind:#x}")
    most = source.limit + _MOST_OPTIONS
    if size > most:
        raise source.broken(
            place, f"block of type {kind:#x} says its length is {size}", hint=f"expected at most {most}"
        )
    data = source.more(rest, size)
    if len(data) < size:
        raise source.truncated(place, f"block of type {kind:#x} has {len(data)} bytes of {size}")
    return data


def _byte_order(source: Source, place: int, magic: bytes) -> str:
    order = _BYTE_ORDERS.get(magic)
    if order is None:
        raise source.broken(place + 8, f"byte-order magic is {magic.hex()}", hint="expected 1a2b3c4d or 4d3c2b1a")
    return order


def _name(data: bytes) -> str:
    """Make text that can be shown of an interface's name: what cannot be shown is replaced."""
    text = data.partition(b"\0")[0].decode("utf-8", "replace")[:LONGEST_NAME]
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def _tick(resolution: int) -> tuple[int, int]:
    """Read a clock's tick from if_tsresol, as the fraction ``multiply / divide`` of nanoseconds."""
    exponent = resolution & 0x7F
    if resolution & 0x80:
        return 1_000_000_000, 1 << exponent
    if exponent <= _NANOSECONDS:
        return int(10 ** (_NANOSECONDS - exponent)), 1
    return 1, int(10 ** (exponent - _NANOSECONDS))


def section_header() -> bytes:
    """Build a section header block, little-endian, of a section whose length is not said."""
    return _block(_SECTION, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface_description(name: str, linktype: int) -> bytes:
    """Build an interface description block with its name, if any, and a clock of nanoseconds."""
    options = _option(_NAME, name[:LONGEST_NAME].encode("utf-8", "replace")) if name else b""
    options += _option(_RESOLUTION, bytes((_NANOSECONDS,))) + _option(_END, b"")
    return _block(_INTERFACE, struct.pack("<HHI", linktype, 0, 0) + options)


def enhanced_packet(which: int, time_ns: int, direction: Direction, data: bytes, original_length: int) -> bytes:
    """Build an enhanced packet block on the section's interface number ``which``."""
    padding, options = bytes(-len(data) & 3), _DIRECTION_OPTIONS[direction]
    size = 32 + len(data) + len(padding) + len(options)
    head = _PACKET_HEAD(
        _PACKET, size, which, time_ns >> 32, time_ns & 0xFFFFFFFF, len(data), original_length & 0xFFFFFFFF
    )
    return b"".join((head, data, padding, options, size.to_bytes(4, "little")))


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) & 3)


_PACKET_HEAD = struct.Struct("<7I").pack
_DIRECTION_OPTIONS = {
    direction: _option(_FLAGS, struct.pack("<I", direction)) + _option(_END, b"") if direction else b""
    for direction in Direction
}
