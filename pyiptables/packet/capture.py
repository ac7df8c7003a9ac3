"""Capture files: one reader for pcap and pcapng, plain or compressed by gzip, and a writer of pcapng.

Both stream: a frame is in memory while it is looked at, and a record never takes more than a fixed bound.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from io import FileIO
from typing import BinaryIO, cast

from pyiptables.errors import CaptureError
from pyiptables.packet import pcap, pcapng
from pyiptables.packet.link import Direction, Frame

__all__ = [
    "Capture",
    "CaptureError",
    "CaptureWriter",
    "Direction",
    "Frame",
    "Source",
    "TruncatedCaptureError",
    "open_capture",
]

_CHUNK = 1 << 18
_GZIP_CHUNK = 1 << 16
_GZIP_MAGIC = b"\x1f\x8b"


class TruncatedCaptureError(CaptureError):
    """A capture ends inside a record; the frames before it have been read and are good."""


class Source:
    """The bytes of a capture, read in chunks, and the errors that name a place in them.

    ``taken`` counts the bytes handed out so far (those of the capture itself when the file is compressed),
    ``read_bytes`` those read from the file. ``limit`` is the most that a captured frame may have.
    """

    __slots__ = ("_file", "_gunzip", "_read", "name", "read_bytes", "taken")

    limit = 1 << 20

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        # A pipe gives what it has; read() would wait for a whole chunk.
        self._read = getattr(file, "read1", file.read)
        self._gunzip: _Gunzip | None = None
        self.name = name
        self.taken = 0
        self.read_bytes = 0

    def more(self, rest: bytes, need: int) -> bytes:
        """Read on: ``rest`` and what follows, ``need`` bytes or more in all; less only where the file ends."""
        pieces, have = [rest], len(rest)
        while have < need and (chunk := self._next()):
            pieces.append(chunk)
            have += len(chunk)
        return b"".join(pieces)

    def skip(self, rest: bytes, count: int, what: str) -> bytes:
        """Pass over ``count`` bytes, ``rest`` first: what was read behind them, or TruncatedCaptureError."""
        place, left = self.taken - len(rest), count - len(rest)
        chunk = b""
        while left > 0:
            chunk = self._next()
            if not chunk:
                raise self.truncated(place, f"{what} has {count - left} bytes of {count}")
            left -= len(chunk)
        return chunk[len(chunk) + left :] if left else b""

    def decompress(self, head: bytes) -> bytes:
        """Read on through gzip, ``head`` being the file's beginning so far: the beginning of what it holds."""
        self._gunzip = _Gunzip(self, head)
        self.taken = 0
        return self.more(b"", 4)

    def broken(self, place: int, text: str, *, hint: str | None = None) -> CaptureError:
        """Make the error for something wrong at byte ``place``, counted from 0."""
        return CaptureError(self._at(place, text, hint), source=self.name, hint=hint)

    def truncated(self, place: int, text: str) -> TruncatedCaptureError:
        """Make the error for a file that ends inside what began at byte ``place``."""
        return TruncatedCaptureError(self._at(place, "the capture is cut off: " + text, None), source=self.name)

    def _at(self, place: int, text: str, hint: str | None) -> str:
        where = f"at byte {place} of the decompressed capture" if self._gunzip else f"at byte {place}"
        return f"{where}: {text}; {hint}" if hint else f"{where}: {text}"

    def _next(self) -> bytes:
        chunk = self._gunzip.read() if self._gunzip else self.read_file()
        self.taken += len(chunk)
        return chunk

    def read_file(self, size: int = _CHUNK) -> bytes:
        """Read the next bytes of the file as they stand there, none at its end; CaptureError when that fails."""
        try:
            chunk: bytes = self._read(size) or b""
        except (OSError, ValueError) as error:
            raise CaptureError(f"cannot read the capture: {_reason(error)}", source=self.name) from error
        self.read_bytes += len(chunk)
        return chunk


class _Gunzip:
    """The contents of a gzip file (RFC 1952), one or more members, a bounded piece at a time."""

    __slots__ = ("_decompressor", "_pending", "_source")

    def __init__(self, source: Source, head: bytes) -> None:
        self._source = source
        self._pending = head
        self._decompressor = zlib.decompressobj(31)

    def read(self) -> bytes:
        """Read the next piece, none at the end; CaptureError when the data is broken or ends early."""
        while True:
            data = self._pending or self._source.read_file(_GZIP_CHUNK)
            if self._decompressor.eof:
                if not data:
                    return b""
                # Another member may follow; zeros only fill the file up (a tape's block).
                self._pending = data = data.lstrip(b"\0")
                if not data:
                    continue
                self._decompressor = zlib.decompressobj(31)
            try:
                piece = self._decompressor.decompress(data, _CHUNK)
            except zlib.error as error:
                raise CaptureError(f"cannot decompress the capture: {error}", source=self._source.name) from error
            ended = self._decompressor.eof
            self._pending = self._decompressor.unused_data if ended else self._decompressor.unconsumed_tail
            if piece:
                return piece
            if not data and not ended:
                text = (
                    f"the capture is cut off: the gzip file ends after {self._source.read_bytes} bytes, inside its data"
                )
                raise TruncatedCaptureError(text, source=self._source.name)


class Capture:
    """An open capture: iterate over it once for its frames; use it in a ``with``, or close it.

    ``name`` is what errors call it, ``size`` the file's bytes where it is a regular file, else None.
    """

    __slots__ = ("_file", "_frames", "_owned", "_source", "name", "size")

    def __init__(self, file: BinaryIO, name: str, *, owned: bool) -> None:
        self._file = file
        self._owned = owned
        self._source = Source(file, name)
        self.name = name
        self.size = _size(file)
        self._frames = _frames(self._source)

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __next__(self) -> Frame:
        return next(self._frames)

    def __enter__(self) -> Capture:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def position(self) -> int:
        """Bytes of the file that have been read so far, for showing progress; runs ahead of the frames by a chunk."""
        return self._source.read_bytes

    def close(self) -> None:
        """Close the file, unless the caller opened it."""
        if self._owned:
            self._file.close()


def open_capture(file: str | os.PathLike[str] | BinaryIO, *, name: str | None = None) -> Capture:
    """Open a capture, a path or a binary stream, and say what it is by its first bytes.

    Iterating yields :class:`Frame` after Frame. CaptureError here or while iterating: the file cannot be read, is
    empty, is neither pcap nor pcapng (or gzip of them), or breaks its format; TruncatedCaptureError: it ends inside a
    record.
    ``name`` is what errors call it; by default the path or the stream's own name. A stream is not closed.
    """
    if not isinstance(file, str | os.PathLike):
        return Capture(file, name or str(getattr(file, "name", "capture")), owned=False)
    name = name or os.fsdecode(file)
    try:
        opened = FileIO(file)  # unbuffered: the reader has its own chunks
    except (OSError, ValueError) as error:
        raise CaptureError(f"cannot open the capture: {_reason(error)}", source=name) from error
    try:
        return Capture(cast(BinaryIO, opened), name, owned=True)
    except CaptureError:
        opened.close()
        raise


def _frames(source: Source) -> Iterator[Frame]:
    """Choose the reader for what the source begins with."""
    data = source.more(b"", 4)
    if not data:
        raise CaptureError("the capture is empty: 0 bytes, expected pcap or pcapng", source=source.name)
    if data[:2] == _GZIP_MAGIC:
        data = source.decompress(data)
    if data[:4] == pcapng.MAGIC:
        return pcapng.frames(source, data)
    if data[:4] in pcap.VARIANTS:
        return pcap.frames(source, data)
    text = f"not a capture: begins with {data[:4].hex(' ') or 'nothing'}, expected pcap or pcapng (or gzip of them)"
    raise CaptureError(text, source=source.name)


class CaptureWriter:
    """Writes frames to a binary stream as pcapng: one section, nanoseconds, an interface described when first used.

    Interfaces differ by name or link type. Of a frame the number is not written. CaptureError when the stream cannot be
    written, or a frame has a value that the format has no room for.
    """

    __slots__ = ("_interfaces", "_name", "_write")

    def __init__(self, file: BinaryIO, *, name: str | None = None) -> None:
        self._write = file.write
        self._name = name or str(getattr(file, "name", "capture"))
        self._interfaces: dict[tuple[str, int], int] = {}
        self._put(pcapng.section_header())

    def write(self, frame: Frame) -> None:
        """Append one frame."""
        _, time_ns, interface, linktype, direction, data, original = frame
        which = self._interfaces.get((interface, linktype))
        if which is None:
            which = self._add_interface(interface, linktype)
        if not 0 <= time_ns <= pcapng.MOST_TIME:
            raise CaptureError(f"cannot write a frame whose time is {time_ns} ns after 1970", source=self._name)
        self._put(pcapng.enhanced_packet(which, time_ns, direction, data, original))

    def _add_interface(self, interface: str, linktype: int) -> int:
        if not 0 <= linktype <= 0xFFFF:
            raise CaptureError(f"cannot write link type {linktype}: expected 0 to 65535", source=self._name)
        self._put(pcapng.interface_description(interface, linktype))
        which = self._interfaces[interface, linktype] = len(self._interfaces)
        return which

    def _put(self, block: bytes) -> None:
        try:
            self._write(block)
        except (OSError, ValueError) as error:
            raise CaptureError(f"cannot write the capture: {_reason(error)}", source=self._name) from error


def _size(file: BinaryIO) -> int | None:
    try:
        found = os.fstat(file.fileno())
    except (OSError, AttributeError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
