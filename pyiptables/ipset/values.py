"""The parts of an element as ``ipset`` writes them: numbers, addresses, ports, MAC addresses.

A reader raises :class:`~pyiptables.errors.Error` that says what was expected. Nothing is looked up in the DNS.

Source: the texts that ipset 7 takes and prints.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from functools import cache

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.ipset.packets import ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE
from pyiptables.packet import names
from pyiptables.packet.addresses import to_text
from pyiptables.packet.icmp_types import ICMP_TYPES, ICMPV6_TYPES

WITH_PORTS = {TCP: "tcp", UDP: "udp", SCTP: "sctp", UDPLITE: "udplite"}
"""Protocols whose elements have a port, as services name them."""

_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,20}|0[0-7]{0,24}|[1-9][0-9]{0,20}")
_MAC = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}")
_IPV4 = re.compile(r"[0-9a-fA-FxX]+(\.[0-9a-fA-FxX]+){0,3}")
_GROUPS = frozenset(
    ("any", "destination-unreachable", "redirect", "time-exceeded", "ttl-exceeded", "parameter-problem")
)
_UNNAMED = _GROUPS | {"info-request", "info-reply"}
_UNNAMED6 = _GROUPS - {"redirect"} | {"beyond-scope", "failed-policy", "reject-route"}
_UNNAMED_PREFIXES = ("mld-", "neighbor-")


@cache
def _icmp_names(protocol: int) -> Mapping[str, int]:
    """ICMP's types and codes by those names that ipset knows, as one number (type above code)."""
    known, unnamed = (ICMP_TYPES, _UNNAMED) if protocol == ICMP else (ICMPV6_TYPES, _UNNAMED6)
    return {
        name: kind << 8 | code
        for name, (kind, code, _) in known.items()
        if not name.startswith(_UNNAMED_PREFIXES) and name not in unnamed
    }


@cache
def _icmp_texts(protocol: int) -> Mapping[int, str]:
    found: dict[int, str] = {}
    for name, number in _icmp_names(protocol).items():
        found.setdefault(number, name)
    return found


def nearest(word: str, known: Mapping[str, object] | tuple[str, ...] | list[str]) -> str | None:
    """A hint with the known word that looks most like this one, or None."""
    from difflib import get_close_matches

    near = get_close_matches(word[:64], list(known), 1)
    return f"nearest: {near[0]}" if near else None


def read_number(text: str, low: int, high: int) -> int:
    """A decimal, hexadecimal (0x) or octal (0) number in a range."""
    if not _NUMBER.fullmatch(text):
        raise Error(f"Syntax error: {text!r} is invalid as number", hint=f"expected: a number {low}-{high}")
    number = int(text, 16 if text[:2] in ("0x", "0X") else 8 if text[0] == "0" else 10)
    if not low <= number <= high:
        raise Error(f"Syntax error: {text!r} is out of range {low}-{high}", hint=f"expected: a number {low}-{high}")
    return number


def read_address(text: str, family: Family) -> int:
    """An address of the family, as a number."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        if family is Family.IPV6:
            return int.from_bytes(socket.inet_pton(socket.AF_INET6, text), "big")
        if _IPV4.fullmatch(text):
            return int.from_bytes(socket.inet_aton(text), "big")
    except (OSError, ValueError):
        pass
    version = "IPv4" if family is Family.IPV4 else "IPv6"
    raise Error(
        f"Syntax error: cannot parse {text}: it is not an {version} address", hint=f"expected: {version} address"
    )


def read_length(text: str, family: Family) -> int:
    """A prefix length of the family."""
    return read_number(text, 0, family.bits)


def read_mac(text: str) -> int:
    """A MAC address as a number."""
    if not _MAC.fullmatch(text):
        raise Error(f"Syntax error: cannot parse ethernet address {text!r}", hint="expected: aa:bb:cc:dd:ee:ff")
    return int.from_bytes(bytes(int(byte, 16) for byte in text.split(":")), "big")


def mac_text(mac: int) -> str:
    """A MAC address as ipset prints it, in capitals."""
    return mac.to_bytes(6, "big").hex(":").upper()


def read_protocol(text: str, family: Family | None) -> int:
    """A protocol by name or number, never 0; ICMP's only in its own family."""
    number = names.protocol_number(text) if not _NUMBER.fullmatch(text) else read_number(text, 0, 255)
    if not number:
        raise Error(
            f"Syntax error: cannot parse {text!r} as a protocol",
            hint=nearest(text, names.KNOWN_PROTOCOLS) or "expected: a protocol",
        )
    if number == ICMP and family is Family.IPV6:
        raise Error("Syntax error: Protocol ICMP can be used with family inet only", hint="expected: icmpv6")
    if number == ICMPV6 and family is Family.IPV4:
        raise Error("Syntax error: Protocol ICMPv6 can be used with family inet6 only", hint="expected: icmp")
    return number


def read_port(text: str, protocol: int) -> int:
    """A port by number or by the name of its service."""
    if text.isascii() and text.isdigit():
        return read_number(text, 0, 65535)
    found = names.service_port(text, WITH_PORTS[protocol])
    return read_number(text, 0, 65535) if found is None else found


def read_icmp(text: str, protocol: int) -> int:
    """ICMP's ``type/code`` or their name, as one number."""
    known = _icmp_names(protocol)
    if text in known:
        return known[text]
    kind, slash, code = text.partition("/")
    if not slash:
        name = "an ICMP" if protocol == ICMP else "an ICMPv6"
        raise Error(
            f"Cannot parse {text} as {name} type/code.", hint=nearest(text, known) or "expected: TYPE/CODE or a name"
        )
    return read_number(kind, 0, 255) << 8 | read_number(code, 0, 255)


def read_ports(text: str, family: Family | None) -> tuple[int, int, int]:
    """``[PROTOCOL:]PORT[-PORT]`` as protocol, lowest and highest port; ICMP's type and code count as a port."""
    name, colon, rest = text.partition(":")
    protocol = read_protocol(name, family) if colon else TCP
    value = rest if colon else text
    if protocol in (ICMP, ICMPV6):
        number = read_icmp(value, protocol)
        return protocol, number, number
    if protocol not in WITH_PORTS:
        if value != "0":
            raise Error(f"Syntax error: Protocol {name} can be used with pseudo port value 0 only.", hint=f"{name}:0")
        return protocol, 0, 0
    return protocol, *read_port_range(value, protocol)


def read_port_range(text: str, protocol: int = TCP) -> tuple[int, int]:
    """``PORT[-PORT]``, the lower one first; a service whose name has a hyphen cannot be named."""
    low, hyphen, high = text.partition("-")
    if hyphen:
        ends = read_port(low, protocol), read_port(high, protocol)
        return min(ends), max(ends)
    only = read_port(text, protocol)
    return only, only


def port_text(protocol: int, port: int) -> str:
    """Protocol and port as ipset prints them."""
    name = names.protocol_name(protocol) or str(protocol)
    if protocol in (ICMP, ICMPV6):
        return f"{name}:{_icmp_texts(protocol).get(port) or f'{port >> 8}/{port & 255}'}"
    return f"{name}:{port}"


def network_text(address: int, length: int, family: Family) -> str:
    """A network, a whole address without its length."""
    text = to_text(address, family)
    return text if length == family.bits else f"{text}/{length}"
