"""Finding addresses and numbers in SIP messages and the SDP descriptions that they carry, as the kernel finds them.

A header begins a line; a line that begins with a blank continues the one before it. Every function is given the whole
message and a place to begin at, and answers with places in it. A :class:`Match` that is found but cannot be read has
``size`` 0, and tells where its value begins.

Source: net/netfilter/nf_conntrack_sip.c; RFC 3261, RFC 2327.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from pyiptables.conntrack.helpers.base import digits
from pyiptables.conntrack.helpers.texts import ipv4_at, ipv6_at
from pyiptables.hooks import Family

SIP_PORT = 5060
LOWEST_PORT = 1024
END, BLANK = b"\r\n", b" \t"


class Match(NamedTuple):
    """A value: where it begins, and its length."""

    at: int
    size: int


class Endpoint(NamedTuple):
    """An address with a port, where they stand, and where the search goes on behind them."""

    at: int
    size: int
    address: int
    port: int
    behind: int


class Header(NamedTuple):
    """A header: its names, what its value begins behind, and how its value is measured (length, and what to skip)."""

    name: bytes
    compact: bytes
    search: bytes
    measure: Callable[[bytes, int, Family], tuple[int, int]]


def address_at(text: bytes, at: int, family: Family, *, brackets: bool) -> tuple[int, int] | None:
    """The address at a place and where it ends; ``brackets``: an IPv6 one must stand in them (sip_parse_addr)."""
    if family is Family.IPV4:
        return ipv4_at(text, at)
    inside = text[at : at + 1] == b"["
    if brackets and not inside:
        return None
    found = ipv6_at(text, at + inside)
    if found is None:
        return None
    address, end = found
    closed = text[end : end + 1] == b"]"
    return None if brackets and not closed else (address, end + closed)


def _digits(text: bytes, at: int, family: Family) -> tuple[int, int]:
    return digits(text, at)[1] - at, 0


def _endpoint(text: bytes, at: int, family: Family) -> tuple[int, int]:
    found = address_at(text, at, family, brackets=True)
    if found is None:
        return 0, 0
    end = found[1]
    if text[end : end + 1] == b":":
        port, end = digits(text, end + 1)
        if not LOWEST_PORT <= port <= 65535:  # kernels before 6.18 find such an endpoint, and drop the message for it
            return 0, 0
    return end - at, 0


def _user_endpoint(text: bytes, at: int, family: Family) -> tuple[int, int]:
    """An endpoint behind ``user@``, if that is there on the line."""
    end = at
    while end < len(text) and text[end] not in b"@\r\n":
        end += 1
    skip = end + 1 - at if end < len(text) and text[end : end + 1] == b"@" else 0
    return _endpoint(text, at + skip, family)[0], skip


def _plain_address(text: bytes, at: int, family: Family) -> tuple[int, int]:
    found = address_at(text, at, family, brackets=False)
    return (0, 0) if found is None else (found[1] - at, 0)


def _letters(text: bytes, at: int) -> int:
    end = at
    while end < len(text) and text[end : end + 1].isalpha():
        end += 1
    return end - at


def _media(text: bytes, at: int, family: Family) -> tuple[int, int]:
    size = _letters(text, at)
    if text[at + size : at + size + 1] != b" ":
        return 0, 0
    return digits(text, at + size + 1)[1] - at, 0


CSEQ = Header(b"CSEQ", b"", b"", _digits)
FROM = Header(b"FROM", b"F", b"SIP:", _user_endpoint)
TO = Header(b"TO", b"T", b"SIP:", _user_endpoint)
CONTACT = Header(b"CONTACT", b"M", b"SIP:", _user_endpoint)
VIA_UDP = Header(b"VIA", b"V", b"UDP ", _endpoint)
VIA_TCP = Header(b"VIA", b"V", b"TCP ", _endpoint)
EXPIRES = Header(b"EXPIRES", b"", b"", _digits)
CONTENT_LENGTH = Header(b"CONTENT-LENGTH", b"L", b"", _digits)

VERSION = Header(b"V=", b"", b"", _digits)
MEDIA = Header(b"M=", b"", b"", _media)
OWNER = {
    Family.IPV4: Header(b"O=", b"", b"IN IP4 ", _plain_address),
    Family.IPV6: Header(b"O=", b"", b"IN IP6 ", _plain_address),
}
CONNECTION = {
    Family.IPV4: Header(b"C=", b"", b"IN IP4 ", _plain_address),
    Family.IPV6: Header(b"C=", b"", b"IN IP6 ", _plain_address),
}


def _continued(text: bytes, at: int) -> int | None:
    """From the end of a line to the first character of the line that continues it; None where none does."""
    at += 1
    if at < len(text) and text[at - 1 : at + 1] == END:
        at += 1
    if at >= len(text) or text[at] not in BLANK:
        return None
    while at < len(text) and text[at] in BLANK:
        at += 1
    return at


def _skip_blanks(text: bytes, at: int) -> int | None:
    """The first character of a value, over blanks; None when the value ends before it.

    Of a line that continues it the kernel skips the first character.
    """
    while at < len(text):
        if text[at] in END:
            found = _continued(text, at)
            if found is None:
                return None
            at = found
        elif text[at] not in BLANK:
            break
        at += 1
    return at


def search(text: bytes, at: int, needle: bytes, limit: int | None = None) -> int | None:
    """Where in a value some words stand, in any case of letters (ct_sip_header_search)."""
    end = (len(text) if limit is None else limit) - len(needle)
    while at < end:
        if text[at] in END:
            found = _continued(text, at)
            if found is None:
                return None
            at = found
        elif text[at : at + len(needle)].upper() == needle:
            return at
        at += 1
    return None


def _line_starts(text: bytes, at: int) -> int | None:
    """The next place behind the end of a line; None when there is none."""
    while at < len(text):
        if text[at] in END:
            at += 1
            if at < len(text) and text[at - 1 : at + 1] == END:
                at += 1
            return at if at < len(text) else None
        at += 1
    return None


def header(text: bytes, at: int, wanted: Header, family: Family) -> Match | None:
    """The first header of a kind (ct_sip_get_header)."""
    place = _line_starts(text, at)
    while place is not None:
        start = place
        if text[place] not in BLANK:
            if text[place : place + len(wanted.name)].upper() == wanted.name:
                return _value(text, place + len(wanted.name), wanted, family)
            behind = place + len(wanted.compact)
            short = wanted.compact and text[place:behind].upper() == wanted.compact
            if short and behind < len(text) and not text[behind : behind + 1].isalpha():
                return _value(text, behind, wanted, family)
        place = _line_starts(text, start + 1)
    return None


def _value(text: bytes, at: int, wanted: Header, family: Family) -> Match | None:
    """The value behind a header's name."""
    colon = _skip_blanks(text, at)
    if colon is None or text[colon : colon + 1] != b":" or colon + 1 >= len(text):
        return None
    begin = _skip_blanks(text, colon + 1)
    if begin is None:
        return None
    place = begin
    if wanted.search:
        found = search(text, begin, wanted.search)
        if found is None:
            return Match(begin, 0)
        place = found + len(wanted.search)
    size, skip = wanted.measure(text, place, family)
    return Match(place + skip, size) if size else Match(begin, 0)


def _next_value(text: bytes, at: int, wanted: Header, family: Family) -> Match | None:
    """The next of values that commas part (ct_sip_next_header)."""
    comma = search(text, at, b",")
    place = None if comma is None else search(text, comma, wanted.search)
    if place is None:
        return None
    place += len(wanted.search)
    size, skip = wanted.measure(text, place, family)
    return Match(place + skip, size) if size else Match(place, 0)


def _walk(text: bytes, at: int, wanted: Header, family: Family, *, inside: bool) -> Match | None:
    """The next value that can be read; ``inside``: a header of the kind was read up to here (ct_sip_walk_headers)."""
    while inside:
        found = _next_value(text, at, wanted, family)
        if found is None:
            break
        if found.size:
            return found
        at += found.at
    while True:
        found = header(text, at, wanted, family)
        if found is None or found.size:
            return found
        at += found.at


def endpoint(
    text: bytes, wanted: Header, family: Family, at: int = 0, *, inside: bool = False
) -> Endpoint | Literal[False] | None:
    """The endpoint that a header names; None when there is no such header, False when its port or address is wrong."""
    found = _walk(text, at, wanted, family, inside=inside)
    if found is None:
        return None
    named = address_at(text, found.at, family, brackets=True)
    if named is None:
        return False
    return _with_port(text, found.at, found.size, *named)


def _with_port(text: bytes, at: int, size: int, address: int, end: int) -> Endpoint | Literal[False]:
    """An address with the port behind it; size 0: up to the end of both."""
    port = SIP_PORT
    if text[end : end + 1] == b":":
        port, end = digits(text, end + 1)
        if not LOWEST_PORT <= port <= 65535:
            return False
    return Endpoint(at, size or end - at, address, port, end)


def request(text: bytes, family: Family) -> Endpoint | None:
    """The endpoint in the request line, or None (ct_sip_parse_request)."""
    at = _letters(text, 0) + 1
    if at == 1 or at >= len(text):
        return None
    while at < len(text) - 4:
        if text[at] in END:
            return None
        if text[at : at + 4].upper() == b"SIP:":
            at += 4
            break
        at += 1
    size, skip = _user_endpoint(text, at, family)
    named = address_at(text, at + skip, family, brackets=True) if size else None
    return (_with_port(text, at + skip, 0, *named) or None) if named is not None else None


def parameter(text: bytes, at: int, name: bytes) -> int | None:
    """Where the value of a parameter begins, up to the next comma (ct_sip_parse_param)."""
    found = search(text, at, name, search(text, at, b","))
    return None if found is None else found + len(name)


def whole(text: bytes, at: int) -> int | None:
    """The decimal number of 32 bits at a place; None where there is none, or it is larger."""
    value, end = digits(text[: at + 11], at)
    return None if end == at or value > 0xFFFFFFFF else value


def sdp(text: bytes, at: int, wanted: Header, family: Family, until: Header | None = None) -> Match | None:
    """The first SDP line of a kind, before any of the kind ``until`` (ct_sip_get_sdp_header)."""
    place = _line_starts(text, at)
    while place is not None:
        begin = text[place : place + 2].upper()
        if until is not None and begin == until.name:
            return None
        if begin == wanted.name:
            value = place + 2
            if wanted.search:
                ends = [each for each in (text.find(b"\r", value), text.find(b"\n", value)) if each >= 0]
                found = text.find(wanted.search, value, min([len(text) - 1, *ends]))
                if found < 0:
                    return None
                value = found + len(wanted.search)
            size, _ = wanted.measure(text, value, family)
            return Match(value, size) if size else None
        place = _line_starts(text, place + 1)
    return None
