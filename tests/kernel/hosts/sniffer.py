"""Capturing on all interfaces of the host at once, with their names and directions, as `tcpdump -i any` does."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

from hosts.lab import Lab
from hosts.plan import HOST

from pyiptables.packet.link import IPV4, Direction

_ALL_PROTOCOLS = 3
_SO_TIMESTAMPNS = 35
_BUFFER = 8 << 20
_PACKET_OUTGOING = 4
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
        self._socket = lab.socket(HOST, socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.setblocking(False)

    def __enter__(self) -> Sniffer:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def drain(self) -> list[Sniffed]:
        """Take the frames that came since the last call, in the order in which the kernel saw them."""
        frames = []
        while True:
            try:
                data, notes, _, sender = self._socket.recvmsg(65536, 256)
            except BlockingIOError:
                return frames
            interface, protocol, kind = sender[:3]
            if protocol == IPV4:
                direction = Direction.OUTBOUND if kind == _PACKET_OUTGOING else Direction.INBOUND
                frames.append(Sniffed(_time(notes), interface, direction, data))


def _time(notes: list[tuple[int, int, bytes]]) -> int:
    """Read the kernel's time of a frame from the message's control data."""
    for level, kind, data in notes:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("qq", data[:16])
            return int(seconds * _SECOND + nanoseconds)
    raise RuntimeError("the kernel gave a frame without its time")
