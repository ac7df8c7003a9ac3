"""What the machines say to each other: just enough DNS, HTTP, DHCP, NTP and syslog for a dissector to know it."""

from __future__ import annotations

import socket
import struct

HELLO = b"hello\n"


def http_question(host: str, path: str = "/") -> bytes:
    """Ask for a page."""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: example\r\nConnection: close\r\n\r\n".encode()


def http_answer(body: bytes = HELLO) -> bytes:
    """Give a page."""
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


HTTP = (http_question("www.example.com"), http_answer())
"""Question and answer of a page."""
SSH = (b"SSH-2.0-client\r\n", b"SSH-2.0-server\r\n")
"""The versions that two ends of an SSH connection tell each other."""
NTP = (b"\x23" + bytes(47), b"\x24\x02" + bytes(46))
"""Question and answer of a time server."""


def _query(name: str, ident: int, flags: int, counts: tuple[int, int]) -> bytes:
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", ident, flags, 1, counts[0], 0, counts[1]) + labels + b"\0" + struct.pack(">HH", 1, 1)


def dns(name: str, address: str, ident: int) -> tuple[bytes, bytes]:
    """Ask for a name's address, and answer."""
    record = struct.pack(">HHHIH", 0xC00C, 1, 1, 300, 4) + socket.inet_aton(address)
    return _query(name, ident, 0x0100, (0, 0)), _query(name, ident, 0x8180, (1, 0)) + record


def long_dns(name: str, ident: int, size: int) -> tuple[bytes, bytes]:
    """Ask for a name's texts with room for a long answer (EDNS), and answer with about ``size`` bytes of them."""
    room = b"\0" + struct.pack(">HHIH", 41, 4096, 0, 0)
    text = b"\xff" + b"v=example " * 25 + b"....."
    record = struct.pack(">HHHIH", 0xC00C, 16, 1, 300, len(text)) + text
    count = size // len(record)
    question = _query(name, ident, 0x0100, (0, 1))[:-4] + struct.pack(">HH", 16, 1)
    answer = _query(name, ident, 0x8180, (count, 0))[:-4] + struct.pack(">HH", 16, 1)
    return question + room, answer + record * count


def dhcp_discover(mac: str) -> bytes:
    """Ask whoever hears it for an address (RFC 2131)."""
    hardware = bytes.fromhex(mac.replace(":", ""))
    head = struct.pack(">BBBBIHHIIII", 1, 1, 6, 0, 0x1D0C0DE5, 0, 0x8000, 0, 0, 0, 0)
    return head + hardware.ljust(16, b"\0") + bytes(192) + b"\x63\x82\x53\x63" + b"\x35\x01\x01\xff"
