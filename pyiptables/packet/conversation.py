"""Several packets in one line, one after the other: ``eth0: 192.0.2.7:40000 > 192.0.2.1:22 tcp S ; 192.0.2.1:22 > ...``.

A semicolon between blanks parts them; in quotes it parts nothing. Each packet is as in
:mod:`pyiptables.packet.typed_notation`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pyiptables.errors import PacketError
from pyiptables.packet.typed_notation import parse_notation, to_notation
from pyiptables.packet.typed_packet import TypedPacket

MOST_PACKETS = 100_000
"""How many packets a line may have."""
_PART = re.compile(r'(?:"(?:[^"\\]|\\.)*"|(?!\s;(?:\s|$)).)*', re.DOTALL)


def is_notation(text: str) -> bool:
    """Whether a text is meant as the notation, and not as iptables' words or a file's name."""
    return not text.startswith("-") and (" > " in text or re.match(r"(?:[^\s/:]{1,15}:\s+)?raw\s", text) is not None)


def split_conversation(text: str) -> list[tuple[str, int]]:
    """The packets' texts, each with its place in the line, from 0."""
    parts: list[tuple[str, int]] = []
    at = 0
    while at <= len(text) and len(parts) < MOST_PACKETS:
        found = _PART.match(text, at)
        end = found.end() if found is not None else len(text)
        part = text[at:end]
        parts.append((part.strip(), at + len(part) - len(part.lstrip())))
        at = end + 2
        if end >= len(text):
            return parts
    raise PacketError(f"a conversation has at most {MOST_PACKETS} packets")


def parse_conversation(text: str) -> tuple[TypedPacket, ...]:
    """The packets of a line; PacketError with the column in the whole line."""
    packets = []
    for part, place in split_conversation(text):
        try:
            packets.append(parse_notation(part))
        except PacketError as error:
            column = None if error.column is None else error.column + place
            raise PacketError(error.text, column=column, snippet=text, hint=error.hint) from None
    return tuple(packets)


def to_conversation(packets: Iterable[TypedPacket]) -> str:
    """The line that :func:`parse_conversation` reads as these packets."""
    return " ; ".join(to_notation(packet) for packet in packets)
