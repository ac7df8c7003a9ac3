"""Values of a typed packet: each reader takes a text and answers the value, or says what it expected."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.addresses import from_text
from pyiptables.packet.icmp_types import ICMP_TYPES, ICMPV6_TYPES
from pyiptables.packet.names import protocol_name, protocol_number, service_port
from pyiptables.packet.notation import FLAG_LETTERS
from pyiptables.packet.transports import ICMP_PROTOCOLS

TCP_FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ECE": 64, "CWR": 128}
_LETTERS = {letter: bit for bit, letter in FLAG_LETTERS}
_OPTION_SIZES = {0: 1, 1: 1, 2: 4, 3: 3, 4: 2, 8: 10}
"""Bytes of the TCP options that have a fixed size: end, no-operation, MSS, window scale, SACK permitted, timestamps."""
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,16}")
_MAC = re.compile(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}")
_INTERFACE = re.compile(r"[^\s/:]{1,15}")

Reader = Callable[[Sequence[str], Family, int], Any]
"""Of the texts of a word, the packet's family and its protocol (-1 before that is known), the value."""


class UnreadableError(ValueError):
    """A text that is no value: what was expected, and the names that it may be a misspelling of."""

    def __init__(self, expected: str, names: Iterable[str] = ()) -> None:
        super().__init__(expected)
        self.expected = expected
        self.names = tuple(names)


def whole_number(text: str, low: int, high: int) -> int:
    """A number in a range, decimal or with 0x hexadecimal."""
    if _NUMBER.fullmatch(text):
        value = int(text, 16 if text[:2] in ("0x", "0X") else 10)
        if low <= value <= high:
            return value
    raise UnreadableError(f"one number from {low} to {high}")


def number(low: int, high: int) -> Reader:
    """A reader of :func:`whole_number`."""
    return lambda texts, family, protocol: whole_number(texts[0], low, high)


def named(names: Mapping[str, int], most: int, expected: str, shift: int = 0) -> Reader:
    """A reader of a name (any case) or of a number up to ``most``, moved up by ``shift`` bits."""
    folded = {name.lower(): value for name, value in names.items()}

    def read(texts: Sequence[str], family: Family, protocol: int) -> int:
        value = folded.get(texts[0].lower())
        if value is None:
            try:
                value = whole_number(texts[0], 0, most)
            except UnreadableError:
                raise UnreadableError(expected, names) from None
        return value << shift

    return read


def address(texts: Sequence[str], family: Family, protocol: int) -> int:
    """One address of the packet's family."""
    try:
        value, of = from_text(texts[0])
    except ValueError:
        raise UnreadableError(f"one IPv{family.version} address, not a name or a network") from None
    if of is not family:
        raise UnreadableError(f"an IPv{family.version} address")
    return value


def protocol(texts: Sequence[str], family: Family, _: int) -> int:
    """A protocol by name or number; ``icmp`` is the one of IPv4, ``ipv6-icmp`` (``icmp6``) that of IPv6."""
    text = texts[0].lower()
    value = ICMP_PROTOCOLS[Family.IPV6] if text == "icmp6" else protocol_number(text)
    if value is None:
        try:
            return whole_number(text, 0, 255)
        except UnreadableError:
            known = ("tcp", "udp", "icmp", "ipv6-icmp", "udplite", "sctp", "dccp", "gre", "esp", "ah")
            raise UnreadableError("a protocol's name, or its number from 0 to 255", known) from None
    other = Family.IPV4 if family is Family.IPV6 else Family.IPV6
    if text == "all":
        raise UnreadableError("one protocol")
    if value == ICMP_PROTOCOLS[other]:
        raise UnreadableError(
            f"{'ipv6-icmp' if family is Family.IPV6 else 'icmp'}, which is ICMP of IPv{family.version}"
        )
    return value


def port(texts: Sequence[str], family: Family, of: int) -> int:
    """A port by number or by the name of a service."""
    found = service_port(texts[0], protocol_name(of) if of >= 0 else None)
    if found is not None:
        return found
    try:
        return whole_number(texts[0], 0, 65535)
    except UnreadableError:
        raise UnreadableError("one port from 0 to 65535, or a service's name") from None


def tcp_flags(texts: Sequence[str], family: Family, of: int) -> int:
    """``SYN,ACK``, or as rules have it what to look at and what of it is set: ``SYN,ACK,RST SYN``."""
    value = 0
    for name in texts[-1].split(","):
        flag = {"ALL": 0x3F, "NONE": 0}.get(name.upper(), TCP_FLAGS.get(name.upper()))
        if flag is None:
            raise UnreadableError("TCP flags with commas between them, such as SYN,ACK", (*TCP_FLAGS, "NONE", "ALL"))
        value |= flag
    return value


def flag_letters(texts: Sequence[str], family: Family, of: int) -> int:
    """Flags as tcpdump writes them: ``S``, ``S.``, ``none``."""
    return 0 if texts[0] == "none" else sum(_LETTERS[letter] for letter in set(texts[0]))


def icmp_type(texts: Sequence[str], family: Family, of: int) -> tuple[int, int]:
    """Type and code: ``echo-request``, a name's beginning when it is the only one, ``8``, ``3/1``."""
    names = {
        name: value for name, value in (ICMP_TYPES if family is Family.IPV4 else ICMPV6_TYPES).items() if name != "any"
    }
    text = texts[0].lower()
    matching = {value for name, value in names.items() if name.lower() == text}
    matching = matching or {value for name, value in names.items() if text and name.lower().startswith(text)}
    if len(matching) == 1:
        kind, low, _ = matching.pop()
        return kind, low
    kind_text, slash, code = text.partition("/")
    try:
        return whole_number(kind_text, 0, 255), whole_number(code, 0, 255) if slash else 0
    except UnreadableError:
        what = "one of the types that begin so" if matching else "a type's name, or TYPE or TYPE/CODE"
        raise UnreadableError(what, names) from None


def hexadecimal(text: str) -> bytes:
    """Bytes in hexadecimal, ``hex:`` before them or not."""
    try:
        return bytes.fromhex(text.removeprefix("hex:"))
    except ValueError:
        raise UnreadableError("bytes in hexadecimal, two digits each") from None


def payload(texts: Sequence[str], family: Family, of: int) -> bytes:
    """``hex:`` and bytes in hexadecimal, or text."""
    if texts[0].startswith("hex:"):
        return hexadecimal(texts[0])
    try:
        return texts[0].encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise UnreadableError("text, or hex: and bytes in hexadecimal") from None


def tcp_option(texts: Sequence[str], family: Family, of: int) -> bytes:
    """An option of that kind, ``KIND`` or ``KIND:HEX``; a known kind without value gets zeros, an unknown one none."""
    kind_text, colon, value = texts[0].partition(":")
    kind = whole_number(kind_text, 0, 255)
    size = _OPTION_SIZES.get(kind, 2)
    if colon and size == 1:
        raise UnreadableError("no value: this kind of option is a single byte")
    content = hexadecimal(value) if colon else bytes(max(0, size - 2))
    return bytes((kind,)) if size == 1 else bytes((kind, len(content) + 2 & 255)) + content


def mss(texts: Sequence[str], family: Family, of: int) -> bytes:
    """The option that gives the maximum segment size."""
    return bytes((2, 4)) + whole_number(texts[0], 0, 65535).to_bytes(2, "big")


def mac(texts: Sequence[str], family: Family, of: int) -> bytes:
    """Six bytes in hexadecimal with colons."""
    if not _MAC.fullmatch(texts[0]):
        raise UnreadableError("an Ethernet address such as 02:00:00:00:00:01")
    return bytes(int(part, 16) for part in texts[0].split(":"))


def interface(texts: Sequence[str], family: Family, of: int) -> str:
    """An interface's name: up to 15 characters, no blank, slash or colon (dev_valid_name)."""
    if not _INTERFACE.fullmatch(texts[0]) or texts[0] in (".", "..") or texts[0].endswith("+"):
        raise UnreadableError("the name of one interface")
    return texts[0]


def ident(texts: Sequence[str], family: Family, of: int) -> int:
    """A datagram's identification: 16 bits, or 32 in IPv6's fragment header."""
    return whole_number(texts[0], 0, 0xFFFF if family is Family.IPV4 else 0xFFFFFFFF)


def frag_offset(texts: Sequence[str], family: Family, of: int) -> int:
    """A fragment's place in bytes."""
    value = whole_number(texts[0], 0, 65528)
    if value % 8:
        raise UnreadableError("a multiple of 8 (bytes)")
    return value


def raw_packet(texts: Sequence[str], family: Family, of: int) -> bytes:
    """A whole network packet in hexadecimal."""
    data = hexadecimal(texts[0])
    if len(data) < 20 or data[0] >> 4 not in (4, 6) or (data[0] >> 4 == 6 and len(data) < 40):
        raise UnreadableError("the bytes of an IPv4 or IPv6 packet in hexadecimal")
    return data


def present(texts: Sequence[str], family: Family, of: int) -> bool:
    """A word that says it all by being there."""
    return True
