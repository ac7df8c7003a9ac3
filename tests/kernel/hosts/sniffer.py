"""Capturing on all interfaces of the host at once, with their names and directions, as `tcpdump -i any` does.

The packet socket has a ring in shared memory: the kernel copies a frame into it as the frame passes. A socket without
one shows frames as they are when they are read, and by then a fragment may have been changed on its way through.
Source: Documentation/networking/packet_mmap.rst, include/uapi/linux/if_packet.h (TPACKET_V2).
"""

from __future__ import annotations

import mmap
import socket
import struct
from typing import NamedTuple

from hosts.lab import Lab, within
from hosts.plan import HOST
from pyiptables.packet.link import IPV4, Direction

_ALL_PROTOCOLS = 3
_SOL_PACKET, _RX_RING, _STATISTICS, _VERSION, _TPACKET_V2 = 263, 5, 6, 10, 1
_FRAME, _FRAMES, _BLOCK = 4096, 4096, 1 << 16
_HEADER = struct.Struct("=IIIHHII")
"""struct tpacket2_hdr as far as it is needed: status, length, snaplen, where the frame begins, net, seconds, ns."""
_ADDRESS = struct.Struct("=HHiHB")
"""struct sockaddr_ll: family, protocol in network order, interface, hardware type, packet type."""
_ADDRESS_AT = 32
_TO_USER, _TO_KERNEL = 1, 0
_OUTGOING = 4
_SECOND = 1_000_000_000


class Sniffed(NamedTuple):
    """A frame that passed an interface of the host, at a time in nanoseconds."""

    time_ns: int
    interface: str
    direction: Direction
    data: bytes


class Sniffer:
    """A packet socket on every interface; only IPv4 frames are kept, as nothing else meets iptables' rules."""

    def __init__(self, lab: Lab) -> None:
        with within(lab.namespace(HOST)):
            self._names = dict(socket.if_nameindex())
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
            ring = struct.pack("IIII", _BLOCK, _FRAME * _FRAMES // _BLOCK, _FRAME, _FRAMES)
            self._socket.setsockopt(_SOL_PACKET, _VERSION, _TPACKET_V2)
            self._socket.setsockopt(_SOL_PACKET, _RX_RING, ring)
            self._ring = mmap.mmap(self._socket.fileno(), _FRAME * _FRAMES)
        self._next = 0

    def __enter__(self) -> Sniffer:
        return self

    def __exit__(self, *_: object) -> None:
        self._ring.close()
        self._socket.close()

    def drain(self) -> list[Sniffed]:
        """Take the frames that came since the last call, in the order in which the kernel saw them."""
        frames = []
        while self._status() & _TO_USER:
            frame, protocol = self._read()
            if protocol == IPV4:
                frames.append(frame)
            struct.pack_into("=I", self._ring, self._next * _FRAME, _TO_KERNEL)
            self._next = (self._next + 1) % _FRAMES
        lost = struct.unpack("II", self._socket.getsockopt(_SOL_PACKET, _STATISTICS, 8))[1]
        if lost:
            raise RuntimeError(f"{lost} frames were lost: the ring of {_FRAMES} is too small")
        return frames

    def _status(self) -> int:
        return int(_HEADER.unpack_from(self._ring, self._next * _FRAME)[0])

    def _read(self) -> tuple[Sniffed, int]:
        """Read the next frame, and its protocol number."""
        at = self._next * _FRAME
        _, length, captured, begin, _, seconds, nanoseconds = _HEADER.unpack_from(self._ring, at)
        _, protocol, index, _, kind = _ADDRESS.unpack_from(self._ring, at + _ADDRESS_AT)
        if captured < length:
            raise RuntimeError(f"a frame of {length} bytes does not fit the ring's {_FRAME}")
        direction = Direction.OUTBOUND if kind == _OUTGOING else Direction.INBOUND
        data = self._ring[at + begin : at + begin + captured]
        return Sniffed(seconds * _SECOND + nanoseconds, self._names[index], direction, data), socket.ntohs(protocol)
