"""Captures: what is read from files of each kind, and what is said of broken ones."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tracemalloc

import pytest

from pyiptables.errors import CaptureError
from pyiptables.packet.capture import (
    CaptureWriter,
    Direction,
    Frame,
    Source,
    TruncatedCaptureError,
    open_capture,
)

UNKNOWN, INBOUND, OUTBOUND = Direction
SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def pcap(order="<", magic=0xA1B2C3D4, linktype=1, version=2, records=()):
    """A classic capture of records (seconds, fraction, data)."""
    header = struct.pack(order + "IHHiIII", magic, version, 4, 0, 0, 65535, linktype)
    extra = bytes(8) if magic == 0xA1B2CD34 else b""
    return header + b"".join(
        struct.pack(order + "IIII", seconds, fraction, len(data), len(data)) + extra + data
        for seconds, fraction, data in records
    )


def block(kind, body, order="<", first=None, last=None):
    """A pcapng block; ``first`` and ``last`` are its two lengths where they lie."""
    body += bytes(-len(body) % 4)
    size = len(body) + 12
    return struct.pack(order + "II", kind, first or size) + body + struct.pack(order + "I", last or size)


def option(code, value, order="<", says=None):
    size = len(value) if says is None else says
    return struct.pack(order + "HH", code, size) + value + bytes(-len(value) % 4)


def section(order="<", version=1, options=b""):
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, version, 0, -1) + options, order)


def interface(name=b"eth0", linktype=1, order="<", snaplen=0, options=b""):
    named = option(2, name, order) if name else b""
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + named + options, order)


def enhanced(ticks, data, order="<", *, which=0, options=b"", captured=None, original=None):
    says = len(data) if captured is None else captured
    head = struct.pack(order + "IIIII", which, ticks >> 32, ticks & 0xFFFFFFFF, says, original or len(data))
    return block(6, head + data + bytes(-len(data) % 4) + options, order)


def obsolete(ticks, data, order="<", *, which=0, options=b""):
    head = struct.pack(order + "HHIIII", which, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(2, head + data + bytes(-len(data) % 4) + options, order)


def simple(data, order="<", original=None):
    return block(3, struct.pack(order + "I", original or len(data)) + data, order)


def read(data):
    return list(open_capture(io.BytesIO(data), name="c"))


def read_until_error(data):
    """The frames before the error, and the error or None."""
    return read_file_until_error(io.BytesIO(data))


def read_file_until_error(file):
    frames = []
    try:
        for frame in open_capture(file, name="c"):
            frames.append(frame)
    except CaptureError as error:
        return frames, error
    return frames, None


# what is in the file, and of each frame: time, interface, link type, direction, data
ONE = b"\x01\x02\x03"
TWO = b"\x04\x05\x06\x07\x08"
FLAGS_IN, FLAGS_OUT, FLAGS_BOTH = (option(2, struct.pack("<I", bits)) for bits in (0x15, 2, 3))
BIG_FLAGS_OUT = option(2, struct.pack(">I", 2), ">")
MICRO, NANO, MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
READ = {
    f"pcap-{order}-{magic:x}": (
        pcap(order, magic, records=[(1_700_000_000, 5, ONE), (1_700_000_001, 999, TWO)]),
        [
            (START + 5 * unit, "", 1, UNKNOWN, ONE),
            (START + SECOND + 999 * unit, "", 1, UNKNOWN, TWO),
        ],
    )
    for order in "<>"
    for magic, unit in ((MICRO, 1000), (NANO, 1), (MODIFIED, 1000))
}
READ |= {
    "pcap-no-packets": (pcap(), []),
    "pcap-linktype-with-fcs": (pcap(linktype=0x5400_0071, records=[(0, 0, ONE)]), [(0, "", 113, UNKNOWN, ONE)]),
    "pcap-latest-time": (
        pcap(records=[(0xFFFFFFFF, 0xFFFFFFFF, b"")]),
        [(0xFFFFFFFF * (SECOND + 1000), "", 1, UNKNOWN, b"")],
    ),
    "pcapng-no-blocks": (section(), []),
    "pcapng-no-packets": (section() + interface(), []),
    "pcapng-two-interfaces": (
        section() + interface() + interface(b"wg0", 101) + enhanced(7, ONE, which=1) + enhanced(8, TWO),
        [(7000, "wg0", 101, UNKNOWN, ONE), (8000, "eth0", 1, UNKNOWN, TWO)],
    ),
    "pcapng-two-sections": (
        section() + interface() + enhanced(1, ONE) + section(">") + interface(b"b", 113, ">") + enhanced(2, TWO, ">"),
        [(1000, "eth0", 1, UNKNOWN, ONE), (2000, "b", 113, UNKNOWN, TWO)],
    ),
    "pcapng-interface-later": (
        section() + interface() + enhanced(1, ONE) + interface(b"b") + enhanced(2, TWO, which=1),
        [(1000, "eth0", 1, UNKNOWN, ONE), (2000, "b", 1, UNKNOWN, TWO)],
    ),
    "pcapng-no-name": (section() + interface(b"") + enhanced(1, ONE), [(1000, "", 1, UNKNOWN, ONE)]),
    "pcapng-name-padded": (section() + interface(b"a\0\0") + enhanced(1, ONE), [(1000, "a", 1, UNKNOWN, ONE)]),
    "pcapng-name-not-utf8": (section() + interface(b"a\xff") + enhanced(1, ONE), [(1000, "a\ufffd", 1, UNKNOWN, ONE)]),
    "pcapng-name-escape": (section() + interface(b"\x1b[m") + enhanced(1, ONE), [(1000, "\ufffd[m", 1, UNKNOWN, ONE)]),
    "pcapng-name-long": (section() + interface(b"a" * 999) + enhanced(1, ONE), [(1000, "a" * 255, 1, UNKNOWN, ONE)]),
    "pcapng-inbound": (
        section() + interface() + enhanced(1, ONE, options=FLAGS_IN),
        [(1000, "eth0", 1, INBOUND, ONE)],
    ),
    "pcapng-outbound-big-endian": (
        section(">") + interface(order=">") + enhanced(1, ONE, ">", options=BIG_FLAGS_OUT),
        [(1000, "eth0", 1, OUTBOUND, ONE)],
    ),
    "pcapng-directions-in-turn": (
        section() + interface() + b"".join(enhanced(1, ONE, options=o) for o in (FLAGS_OUT, b"", FLAGS_IN, FLAGS_OUT)),
        [(1000, "eth0", 1, way, ONE) for way in (OUTBOUND, UNKNOWN, INBOUND, OUTBOUND)],
    ),
    "pcapng-direction-after-comment": (
        section() + interface() + enhanced(1, ONE, options=option(1, b"hello") + FLAGS_OUT + option(0, b"")),
        [(1000, "eth0", 1, OUTBOUND, ONE)],
    ),
    "pcapng-direction-after-end": (
        section() + interface() + enhanced(1, ONE, options=option(0, b"") + FLAGS_OUT),
        [(1000, "eth0", 1, UNKNOWN, ONE)],
    ),
    "pcapng-direction-reserved": (
        section() + interface() + enhanced(1, ONE, options=FLAGS_BOTH),
        [(1000, "eth0", 1, UNKNOWN, ONE)],
    ),
    "pcapng-obsolete": (
        section() + interface() + interface(b"b") + obsolete(1 << 33, ONE, which=1, options=FLAGS_OUT),
        [((1 << 33) * 1000, "b", 1, OUTBOUND, ONE)],
    ),
    "pcapng-obsolete-big-endian": (
        section(">") + interface(order=">") + obsolete(9, TWO, ">"),
        [(9000, "eth0", 1, UNKNOWN, TWO)],
    ),
    "pcapng-simple": (section() + interface() + simple(ONE), [(0, "eth0", 1, UNKNOWN, ONE)]),
    "pcapng-simple-after-timed": (
        section() + interface() + enhanced(5, ONE) + simple(TWO),
        [(5000, "eth0", 1, UNKNOWN, ONE), (5000, "eth0", 1, UNKNOWN, TWO)],
    ),
    "pcapng-simple-snapped": (
        section() + interface(snaplen=2) + simple(b"\1\2", original=900),
        [(0, "eth0", 1, UNKNOWN, b"\1\2")],
    ),
    "pcapng-unknown-block": (
        section() + block(0xBAD, b"x" * 9) + interface() + block(4, b"names") + enhanced(1, ONE) + block(5, bytes(12)),
        [(1000, "eth0", 1, UNKNOWN, ONE)],
    ),
    "pcapng-unknown-block-larger-than-memory-allows": (
        section() + interface() + block(0xBAD, bytes(3 << 20)) + enhanced(1, ONE),
        [(1000, "eth0", 1, UNKNOWN, ONE)],
    ),
    "pcapng-section-options": (
        section(options=option(4, b"pytest")) + interface() + enhanced(1, ONE),
        [(1000, "eth0", 1, UNKNOWN, ONE)],
    ),
}


def expected(rows):
    return [Frame(number, *row, len(row[-1])) for number, row in enumerate(rows, 1)]


@pytest.mark.parametrize("case", READ)
def test_read(case):
    data, rows = READ[case]
    frames = read(data)
    assert [frame._replace(original_length=len(frame.data)) for frame in frames] == expected(rows)


@pytest.mark.parametrize("case", READ)
def test_read_compressed(case):
    data = READ[case][0]
    assert read(gzip.compress(data)) == read(data)
    half = len(data) // 2
    assert read(gzip.compress(data[:half]) + gzip.compress(data[half:]) + bytes(512)) == read(data)


@pytest.mark.parametrize("case", READ)
@pytest.mark.parametrize("size", [1, 7])
def test_read_from_a_pipe_that_gives_little_at_a_time(case, size):
    class Pipe(io.BytesIO):
        def read1(self, _size=-1):
            return super().read1(size)

    data = READ[case][0][: 1 << 16]
    frames, error = read_file_until_error(Pipe(data))
    assert (frames, str(error)) == (read_until_error(data)[0], str(read_until_error(data)[1]))


# if_tsresol, if_tsoffset in seconds, ticks, nanoseconds
CLOCKS = [
    (None, None, 5, 5_000),
    (6, None, 5, 5_000),
    (9, None, 5, 5),
    (0, None, 5, 5 * SECOND),
    (3, None, 5, 5_000_000),
    (12, None, 5_999, 5),
    (0x80, None, 5, 5 * SECOND),
    (0x8A, None, 1024 + 512, SECOND * 3 // 2),
    (0x9E, None, 1 << 30, SECOND),
    (0xA0, None, 1 << 63, SECOND << 31),
    (0xFF, None, (1 << 64) - 1, 0),
    (0x7F, None, (1 << 64) - 1, 0),
    (9, 1_700_000_000, 5, START + 5),
    (6, -1, 2_000_000, SECOND),
]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("resolution", "offset", "ticks", "when"), CLOCKS)
def test_clock(order, resolution, offset, ticks, when):
    options = b"" if resolution is None else option(9, bytes((resolution,)), order)
    options += b"" if offset is None else option(14, struct.pack(order + "q", offset), order)
    data = section(order) + interface(order=order, options=options) + enhanced(ticks, ONE, order)
    assert [frame.time_ns for frame in read(data)] == [when]


# options of an interface or a packet that lie: the frames' directions, or the error's text
LYING = {
    "packet-option-past-the-end": ("packet", option(1, b"abcd", says=400) + FLAGS_OUT, [UNKNOWN]),
    "packet-option-past-the-end-after-flags": ("packet", FLAGS_OUT + option(1, b"abcd", says=5), [OUTBOUND]),
    "packet-flags-of-2-bytes": ("packet", option(2, b"\2\0"), [UNKNOWN]),
    "packet-flags-of-8-bytes": ("packet", option(2, b"\2" + bytes(7)), [UNKNOWN]),
    "packet-flags-twice": ("packet", FLAGS_OUT + FLAGS_IN, [OUTBOUND]),
    "packet-option-swallows-flags": ("packet", option(1, b"", says=8) + FLAGS_OUT, [UNKNOWN]),
    "packet-half-an-option": ("packet", b"\2\0\4\0", [UNKNOWN]),
    "interface-option-past-the-end": ("interface", option(1, b"abcd", says=400), "options reach past the end"),
    "interface-resolution-of-4-bytes": ("interface", option(9, bytes(4)), "if_tsresol has 4 bytes, expected 1"),
    "interface-resolution-of-0-bytes": ("interface", option(9, b""), "if_tsresol has 0 bytes, expected 1"),
    "interface-offset-of-4-bytes": ("interface", option(14, bytes(4)), "if_tsoffset has 4 bytes, expected 8"),
}


@pytest.mark.parametrize("case", LYING)
def test_lying_options(case):
    where, options, result = LYING[case]
    of_interface, of_packet = (options, b"") if where == "interface" else (b"", options)
    frames, error = read_until_error(section() + interface(options=of_interface) + enhanced(1, ONE, options=of_packet))
    if isinstance(result, str):
        assert not frames
        assert result in str(error)
    else:
        assert error is None
        assert [(frame.direction, frame.data) for frame in frames] == [(way, ONE) for way in result]


# the file, how many frames come before the error, the error's text
HEAD = section() + interface()
GOOD = HEAD + enhanced(1, ONE)
LONG = 0xFFFFFFFC
BROKEN = {
    "empty": (b"", 0, "c: the capture is empty: 0 bytes, expected pcap or pcapng"),
    "one-byte": (b"\n", 0, "c: not a capture: begins with 0a, expected pcap or pcapng (or gzip of them)"),
    "text": (b"# Generated by iptables-save", 0, "not a capture: begins with 23 20 47 65"),
    "gzip-of-nothing": (gzip.compress(b""), 0, "not a capture: begins with nothing"),
    "gzip-of-gzip": (gzip.compress(gzip.compress(GOOD)), 0, "not a capture: begins with 1f 8b"),
    "gzip-broken": (gzip.compress(GOOD)[:10] + b"\xff" * 30, 0, "cannot decompress the capture"),
    "gzip-broken-checksum": (gzip.compress(GOOD)[:-8] + bytes(8), None, "cannot decompress the capture"),
    "gzip-broken-inside": (gzip.compress(GOOD + b"junkjunkjunk"), 1, "at byte 92 of the decompressed capture"),
    "pcap-version": (pcap(version=3), 0, "at byte 4: pcap version 3 is not known; expected version 2"),
    "pcap-absurd-length": (
        pcap(records=[(1, 2, ONE)]) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 1) + bytes(100),
        1,
        "c: at byte 43: record 2 says that 4294967295 bytes were captured; expected at most 1048576",
    ),
    "pcap-just-too-long": (
        pcap() + struct.pack("<IIII", 0, 0, (1 << 20) + 1, 1) + bytes((1 << 20) + 1),
        0,
        "record 1 says that 1048577 bytes",
    ),
    "pcapng-byte-order": (block(0x0A0D0D0A, b"\1\2\3\4" + bytes(12)), 0, "at byte 8: byte-order magic is 01020304"),
    "pcapng-version": (section(version=2), 0, "at byte 12: pcapng version 2 is not known; expected version 1"),
    "pcapng-section-too-short": (block(0x0A0D0D0A, b"\x4d\x3c\x2b\x1a"), 0, "says its length is 16"),
    "pcapng-length-0": (GOOD + struct.pack("<III", 6, 0, 0), 1, "at byte 92: block of type 0x6 says its length is 0"),
    "pcapng-length-8": (GOOD + block(9, b"", first=8), 1, "length is 8; expected at least 12, and a multiple of 4"),
    "pcapng-length-odd": (GOOD + block(9, bytes(9), first=21), 1, "length is 21"),
    "pcapng-packet-too-short": (GOOD + block(6, bytes(16)), 1, "length is 28; expected at least 32"),
    "pcapng-interface-too-short": (GOOD + block(1, bytes(4)), 1, "length is 16; expected at least 20"),
    "pcapng-lengths-differ": (GOOD + block(9, bytes(8), last=24), 1, "at byte 108: the block's length at its end"),
    "pcapng-first-length-too-long": (GOOD + block(9, bytes(8), first=24) + GOOD, 1, "the block's length at its end"),
    "pcapng-absurd-packet": (GOOD + block(6, bytes(40), first=LONG), 1, "length is 4294967292; expected at most"),
    "pcapng-absurd-interface": (GOOD + block(1, bytes(40), first=LONG), 1, "length is 4294967292; expected at most"),
    "pcapng-absurd-section": (section() + block(0x0A0D0D0A, section()[8:], first=LONG), 0, "expected at most"),
    "pcapng-absurd-unknown": (GOOD + block(9, bytes(40), first=LONG), 1, "0x9 has 52 bytes of 4294967292"),
    "pcapng-captured-absurd": (HEAD + enhanced(1, ONE, captured=0xFFFFFFFF), 0, "packet 1 says 4294967295 bytes"),
    "pcapng-captured-one-too-many": (HEAD + enhanced(1, bytes(8), captured=9), 0, "says 9 bytes in a block that has"),
    "pcapng-just-too-long": (HEAD + enhanced(1, bytes((1 << 20) + 1)), 0, "packet 1 says 1048577 bytes"),
    "pcapng-simple-lies": (HEAD + simple(ONE, original=5), 0, "packet 1 says 5 bytes in a block that has room for 4"),
    "pcapng-no-interface": (section() + enhanced(1, ONE), 0, "at byte 28: packet 1 is of interface 0, which"),
    "pcapng-no-such-interface": (GOOD + enhanced(1, ONE, which=1), 1, "packet 2 is of interface 1, which"),
    "pcapng-interface-of-old-section": (GOOD + section() + enhanced(1, ONE), 1, "packet 2 is of interface 0, which"),
    "pcapng-simple-without-interface": (section() + simple(ONE), 0, "packet 1 is of interface 0, which"),
    "pcapng-time-too-late": (HEAD + enhanced((1 << 64) - 1, ONE), 0, "packet 1 is not from the years 1970 to 2262"),
    "pcapng-time-too-early": (
        section() + interface(options=option(14, struct.pack("<q", -5))) + enhanced(1, ONE),
        0,
        "packet 1 is not from the years 1970 to 2262",
    ),
    "pcapng-too-many-interfaces": (section() + interface(b"") * 65537, 0, "more than 65536 interfaces"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken(case):
    data, before, text = BROKEN[case]
    frames, error = read_until_error(data)
    assert text in str(error)
    assert error.source == "c"
    if before is not None:
        assert len(frames) == before
    assert isinstance(error, TruncatedCaptureError) == (case == "pcapng-absurd-unknown")


@pytest.mark.parametrize("data", [READ[case][0] for case in READ if "larger" not in case] + [GOOD + GOOD])
def test_truncated_at_every_byte(data):
    whole = read(data)
    for size in range(len(data)):
        frames, error = read_until_error(data[:size])
        assert frames == whole[: len(frames)]
        assert (error is None) == (size in whole_sizes(data))
        assert error is None or isinstance(error, TruncatedCaptureError) or size < 4


def whole_sizes(data):
    """The sizes at which a capture may end without being cut: behind each block, or the header and each record."""
    sizes, at, order, modern = [], 0, "<", data[:4] == b"\n\r\r\n"
    if not modern:
        at, order = 24, "<" if data[3] == 0xA1 else ">"
        sizes.append(at)
    while at < len(data):
        if data[at : at + 4] == b"\n\r\r\n":
            order = "<" if data[at + 8] == 0x4D else ">"
        record = 24 if b"\xcd" in data[:4] else 16
        at += struct.unpack_from(order + "I", data, at + (4 if modern else 8))[0] + (0 if modern else record)
        sizes.append(at)
    return sizes


@pytest.mark.parametrize("case", ["pcap-<-a1b2c3d4", "pcapng-directions-in-turn"])
def test_compressed_truncated_at_every_byte(case):
    whole, packed = read(READ[case][0]), gzip.compress(READ[case][0])
    for size in range(2, len(packed)):
        frames, error = read_until_error(packed[:size])
        assert frames == whole[: len(frames)]
        assert isinstance(error, TruncatedCaptureError)


@pytest.mark.parametrize("case", ["pcap->-a1b23c4d", "pcapng-two-sections", "pcapng-obsolete", "pcapng-simple-snapped"])
@pytest.mark.parametrize("value", [0x00, 0x01, 0x7F, 0x80, 0xFF])
def test_any_byte_changed(case, value):
    data = READ[case][0]
    for at in range(len(data)):
        read_until_error(data[:at] + bytes((value,)) + data[at + 1 :])  # nothing but CaptureError


@pytest.mark.parametrize(
    "data",
    [
        pcap() + struct.pack("<IIII", 0, 0, 1 << 31, 1) + bytes(1 << 22),
        HEAD + block(6, bytes(1 << 22), first=1 << 31),
        HEAD + block(9, bytes(1 << 22), first=1 << 31),
        HEAD + block(9, bytes(1 << 22)) * 4,
        pcap(records=[(0, 0, bytes(1 << 20))] * 8),
        gzip.compress(HEAD + block(9, bytes(1 << 26))),
        HEAD + b"".join(enhanced(n, ONE, options=option(1, b"%48d" % n)) for n in range(40000)),
    ],
)
def test_memory_is_bounded(data):
    file = io.BytesIO(data)
    tracemalloc.start()
    try:
        for _ in open_capture(file, name="c"):
            pass
    except CaptureError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 5 * Source.limit


def test_records_across_chunks():
    sizes = [0, 1, 1500, 65535, 1 << 20, 3, 262144, 262143] * 3
    data = pcap(records=[(n, 0, bytes((n,)) * size) for n, size in enumerate(sizes)])
    assert [(f.time_ns // SECOND, f.data) for f in read(data)] == [(n, bytes((n,)) * s) for n, s in enumerate(sizes)]
    data = HEAD + b"".join(enhanced(n, bytes((n,)) * size) for n, size in enumerate(sizes))
    assert [(f.time_ns // 1000, f.data) for f in read(data)] == [(n, bytes((n,)) * s) for n, s in enumerate(sizes)]


def test_original_length():
    data = HEAD + enhanced(1, ONE, original=1500) + simple(ONE, original=3)
    assert [frame.original_length for frame in read(data)] == [1500, 3]
    data = pcap() + struct.pack("<IIII", 1, 2, 3, 1500) + ONE
    assert [(frame.original_length, frame.data) for frame in read(data)] == [(1500, ONE)]


def test_path(tmp_path):
    path = tmp_path / "in.pcapng"
    path.write_bytes(GOOD)
    with open_capture(path) as capture:
        assert (capture.name, capture.size, [frame.number for frame in capture]) == (str(path), len(GOOD), [1])
        assert capture.position == len(GOOD)
    with open_capture(str(path)) as capture:
        assert next(capture).data == ONE


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("absent", "cannot open the capture: No such file or directory"),
        (".", "cannot open the capture: Is a directory"),
        ("a\0b", "cannot open the capture: embedded null byte"),
        ("empty", "the capture is empty"),
    ],
)
def test_path_that_cannot_be_read(tmp_path, name, text):
    (tmp_path / "empty").touch()
    path = os.path.join(tmp_path, name)
    with pytest.raises(CaptureError, match=text) as caught:
        open_capture(path)
    assert caught.value.source == path


class Failing(io.BytesIO):
    """A stream that fails when it is read or written."""

    def read1(self, _size=-1):
        raise OSError(5, "Input/output error")

    def write(self, _data):
        raise OSError(28, "No space left on device")


def test_stream_that_fails():
    with pytest.raises(CaptureError, match="c: cannot read the capture: Input/output error"):
        open_capture(Failing(), name="c")
    with pytest.raises(CaptureError, match="c: cannot write the capture: No space left on device"):
        CaptureWriter(Failing(), name="c")


def test_stream_stays_open():
    file = io.BytesIO(GOOD)
    with open_capture(file) as capture:
        assert len(list(capture)) == 1
    assert not file.closed


WRITTEN = [
    Frame(1, START, "eth0", 1, INBOUND, ONE, 3),
    Frame(2, START + 1, "eth0", 1, OUTBOUND, TWO, 1500),
    Frame(3, START, "eth0", 101, UNKNOWN, b"", 0),
    Frame(4, 0, "", 101, INBOUND, b"abcd", 4),
    Frame(5, (1 << 63) - 1, "wlan-ü", 276, OUTBOUND, bytes(1 << 20), 1 << 20),
    Frame(6, 1, "eth0", 1, UNKNOWN, b"ab", 2),
]


def test_write():
    file = io.BytesIO()
    writer = CaptureWriter(file)
    assert read(file.getvalue()) == []
    for number, frame in enumerate(WRITTEN, 1):
        writer.write(frame)
        assert read(file.getvalue()) == WRITTEN[:number]
    names = [(name, linktype) for kind, name, linktype in blocks(file.getvalue()) if kind == 1]
    assert names == [(b"eth0", 1), (b"eth0", 101), (b"", 101), ("wlan-ü".encode(), 276)]


def blocks(data):
    """Each block's kind, and of an interface its name and link type, read without the code under test."""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert struct.unpack_from("<I", data, at + size - 4)[0] == size
        code, length = struct.unpack_from("<HH", data, at + 16) if kind == 1 else (0, 0)
        name = data[at + 20 : at + 20 + length] if code == 2 else b""
        yield kind, name, struct.unpack_from("<H", data, at + 8)[0]
        at += size


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("time_ns", -1, "time is -1 ns"),
        ("time_ns", 1 << 63, "time is 9223372036854775808 ns"),
        ("linktype", 65536, "link type 65536: expected 0 to 65535"),
        ("linktype", -1, "link type -1"),
    ],
)
def test_write_what_does_not_fit(field, value, text):
    file = io.BytesIO()
    writer = CaptureWriter(file, name="out")
    with pytest.raises(CaptureError, match=f"out: .*{text}"):
        writer.write(WRITTEN[0]._replace(**{field: value}))
    writer.write(WRITTEN[0])
    assert read(file.getvalue()) == WRITTEN[:1]
