"""Transport headers as the kernel's log shows them, for both families.

Each function adds its words and answers whether the line goes on: the kernel leaves out user and mark behind a header
that it could not read. ``at`` is the header's place in the packet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag


class LogFlag(IntFlag):
    """What a LOG rule asks for (NF_LOG_*); TRACE asks for the first four."""

    TCP_SEQUENCE = 0x01
    TCP_OPTIONS = 0x02
    IP_OPTIONS = 0x04
    UID = 0x08
    MACDECODE = 0x20


# AE (6.15 and later) stands in the byte of the data offset, the others in the next one.
_FLAGS = (
    (0x100, "AE "),
    (0x80, "CWR "),
    (0x40, "ECE "),
    (0x20, "URG "),
    (0x10, "ACK "),
    (0x08, "PSH "),
    (0x04, "RST "),
    (0x02, "SYN "),
    (0x01, "FIN "),
)


@dataclass(frozen=True, slots=True)
class Dump:
    """A packet that is being written out: its bytes from the network header on, what to show, and the words so far."""

    data: bytes
    flags: int
    words: list[str] = field(default_factory=list)

    def add(self, words: str) -> None:
        """Add words, with the blank behind them."""
        self.words.append(words)

    def holds(self, at: int, size: int) -> bool:
        """Whether that many bytes are there (skb_header_pointer)."""
        return at + size <= len(self.data)

    def number(self, at: int, size: int) -> int:
        """An unsigned number in network byte order."""
        return int.from_bytes(self.data[at : at + size], "big")

    def incomplete(self, at: int) -> str:
        """What is said of a header that the packet ends in; the count wraps as the kernel's unsigned one does."""
        return f"INCOMPLETE [{len(self.data) - at & 0xFFFFFFFF} bytes] "


def options_text(options: bytes) -> str:
    """``OPT (020405B4) ``."""
    return f"OPT ({options.hex().upper()}) "


def tcp_header(dump: Dump, at: int, fragment: bool) -> bool:
    """A TCP header, with sequence numbers and options where the flags ask for them."""
    dump.add("PROTO=TCP ")
    if fragment:
        return True
    if not dump.holds(at, 20):
        dump.add(dump.incomplete(at))
        return False
    dump.add(f"SPT={dump.number(at, 2)} DPT={dump.number(at + 2, 2)} ")
    if dump.flags & LogFlag.TCP_SEQUENCE:
        dump.add(f"SEQ={dump.number(at + 4, 4)} ACK={dump.number(at + 8, 4)} ")
    word = dump.number(at + 12, 2)
    dump.add(f"WINDOW={dump.number(at + 14, 2)} RES=0x{(word & 0x0E00) >> 6:02x} ")
    dump.words.extend(name for bit, name in _FLAGS if word & bit)
    dump.add(f"URGP={dump.number(at + 18, 2)} ")
    size = (word >> 12) * 4
    if dump.flags & LogFlag.TCP_OPTIONS and size > 20:
        if not dump.holds(at, size):
            dump.add("OPT (TRUNCATED)")
            return False
        dump.add(options_text(dump.data[at + 20 : at + size]))
    return True


def udp_header(dump: Dump, at: int, fragment: bool, protocol: int) -> bool:
    """A UDP or UDP-Lite header."""
    dump.add("PROTO=UDP " if protocol == 17 else "PROTO=UDPLITE ")
    if fragment:
        return True
    if not dump.holds(at, 8):
        dump.add(dump.incomplete(at))
        return False
    dump.add(f"SPT={dump.number(at, 2)} DPT={dump.number(at + 2, 2)} LEN={dump.number(at + 4, 2)} ")
    return True
