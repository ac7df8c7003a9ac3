"""The options of ``create`` and ``add``: their words read, and a set's header from them.

Source: the options that ipset 7 takes; limits of net/netfilter/ipset/ip_set_hash_gen.h and ip_set_bitmap_*.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from zlib import crc32

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.ipset.model import FULL_MASK, MAX_TIMEOUT, U64, Entry, Header, SkbInfo
from pyiptables.ipset.types import ALIASES, TYPES, SetType
from pyiptables.ipset.values import nearest, read_address, read_length, read_number, read_port_range

Words = Mapping[str, str]
"""The options of a line by name, with their value; "" for a flag."""

EXIST = ("-exist", "--exist", "-!")
_FLAGS = ("counters", "comment", "skbinfo", "forceadd")
_IGNORED = ("probes", "resize", "gc")
_FAMILIES = {
    "inet": Family.IPV4,
    "ipv4": Family.IPV4,
    "-4": Family.IPV4,
    "inet6": Family.IPV6,
    "ipv6": Family.IPV6,
    "-6": Family.IPV6,
}
_BITMAP_ELEMENTS = 65536
_COMMENT_LENGTH = 255
_SKBMARK = re.compile(r"0[xX]([0-9a-fA-F]{1,8})(?:/0[xX]([0-9a-fA-F]{1,8}))?")
_SKBPRIO = re.compile(r"([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,4})")


def read_words(words: list[str], valued: tuple[str, ...], flags: tuple[str, ...]) -> dict[str, str]:
    """The options of a line; Error for one that is not known, is there twice, or lacks its value."""
    found: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word in EXIST:
            found["exist"] = ""
            continue
        name = "family" if word in ("-4", "-6") else word.removeprefix("--")
        if name not in valued and name not in flags:
            hint = nearest(name, valued + flags)
            raise Error(f"Unknown argument: `{word}'", hint=hint or f"expected: {', '.join(valued + flags)}")
        if name in found:
            raise Error(f"Syntax error: {name} already specified", hint=f"expected: {name} once")
        value = "" if name in flags else word if word in ("-4", "-6") else next(rest, None)
        if value is None or (not value and name in valued):
            raise Error(f"Missing mandatory argument of option `{name}'", hint=f"expected: a value after {name}")
        found[name] = value
    return found


def read_type(name: str) -> SetType:
    """A type by its name or an old one."""
    kind = TYPES.get(ALIASES.get(name, name))
    if kind is None:
        raise Error(f"Syntax error: typename {name!r} is unknown", hint=nearest(name, TYPES) or ", ".join(TYPES))
    return kind


def read_header(name: str, kind: SetType, words: list[str]) -> tuple[Header, bool]:
    """What a set is created with, and whether it may be there already (``-exist``).

    A seed that is not given (``initval``) is made from the set's name, where the kernel takes a random one.
    """
    options = kind.options
    valued = tuple(option for option in options if option not in _FLAGS)
    if kind.method == "bitmap":
        valued += ("from", "to")
    found = read_words(words, valued + _IGNORED, tuple(flag for flag in _FLAGS if flag in options))
    family = kind.family
    if kind.families:
        text = found.get("family", "inet")
        if text not in _FAMILIES:
            raise Error(f"Syntax error: unknown family {text!r}", hint=nearest(text, _FAMILIES) or "inet or inet6")
        family = _FAMILIES[text]
    timeout = read_number(found["timeout"], 0, MAX_TIMEOUT) if "timeout" in found else None
    header = Header(
        kind,
        family,
        timeout=timeout,
        counters="counters" in found,
        comment="comment" in found,
        skbinfo="skbinfo" in found,
        forceadd="forceadd" in found,
    )
    if kind.method == "bitmap":
        header = _bitmap(header, found)
    elif kind.method == "list":
        header = replace(header, size=max(4, read_number(found.get("size", "8"), 0, FULL_MASK)))
    else:
        header = _hash(name, header, found)
    return header, "exist" in found


def _hash(name: str, header: Header, found: Words) -> Header:
    """The options of a hash; its size is a power of two, of its buckets' an even number."""
    size = max(64, read_number(found.get("hashsize", "1024"), 0, FULL_MASK))
    if size > 1 << 31:
        raise Error("Kernel error received: Cannot allocate memory", hint="expected: a smaller hashsize")
    bucket = read_number(found.get("bucketsize", "12"), 0, 255)
    initval = (
        read_number(found["initval"], 0, FULL_MASK) if "initval" in found else crc32(name.encode("utf-8", "replace"))
    )
    netmask, bitmask = _masks(header.family or Family.IPV4, found)
    markmask = read_number(found.get("markmask", str(FULL_MASK)), 0, FULL_MASK)
    if not markmask:
        raise Error("The value of the markmask parameter is invalid", hint="expected: a mask that is not 0")
    return replace(
        header,
        hashsize=1 << (size - 1).bit_length(),
        maxelem=read_number(found.get("maxelem", "65536"), 0, FULL_MASK),
        bucketsize=min(12, max(2, bucket + bucket % 2)),
        initval=initval,
        netmask=netmask,
        bitmask=bitmask,
        markmask=markmask,
    )


def _masks(family: Family, found: Words) -> tuple[int | None, int | None]:
    """The netmask in bits, None for all, and the bitmask."""
    if "netmask" in found and "bitmask" in found:
        raise Error("Syntax error: bitmask and netmask are mutually exclusive, provide only one")
    netmask = read_number(found["netmask"], 1, family.bits) if "netmask" in found else family.bits
    bitmask = read_address(found["bitmask"], family) if "bitmask" in found else None
    if bitmask == 0:
        raise Error("Bitmask is invalid", hint="expected: a mask that is not 0")
    return (None if netmask == family.bits else netmask), bitmask


def _bitmap(header: Header, found: Words) -> Header:
    """A bitmap's range, and with ``netmask`` how many bits of an address it looks at."""
    text = found.get("range", "-".join(found[end] for end in ("from", "to") if end in found))
    if not text:
        raise Error("Mandatory option `range' is missing", hint="expected: range FROM-TO")
    if header.type.parts == ("port",):
        if "-" not in text:
            raise Error(f"Syntax error: a range of ports must be specified: {text}", hint="expected: PORT-PORT")
        first, last = read_port_range(text.removeprefix("tcp:"))
        return replace(header, first=first, last=last)
    first, last = _address_range(text)
    if "netmask" not in found:
        if last - first >= _BITMAP_ELEMENTS:
            raise Error("The range you specified exceeds the size limit of the set type", hint="at most 65536")
        return replace(header, first=first, last=last)
    netmask = read_number(found["netmask"], 1, 32)
    hosts = (1 << 32 - netmask) - 1
    first, last = first & ~hosts, last | hosts
    length = next((bits for bits in range(31, 0, -1) if last >> 32 - bits << 32 - bits == first), 0)
    if (not length and (first or last != FULL_MASK)) or netmask <= length:
        raise Error("Element is out of the range of the set", hint="expected: a range that is one network")
    if 1 << netmask - length > _BITMAP_ELEMENTS:
        raise Error("The range you specified exceeds the size limit of the set type", hint="at most 65536")
    return replace(header, first=first, last=last, netmask=None if netmask == 32 else netmask)


def _address_range(text: str) -> tuple[int, int]:
    if "/" in text:
        address, _, length = text.partition("/")
        hosts = (1 << 32 - read_length(length, Family.IPV4)) - 1
        first = read_address(address, Family.IPV4) & ~hosts
        return first, first | hosts
    low, hyphen, high = text.partition("-")
    if not hyphen:
        raise Error(f"Syntax error: IP/cidr or IP-IP range must be specified: {text}", hint="expected: IP-IP")
    ends = read_address(low, Family.IPV4), read_address(high, Family.IPV4)
    return min(ends), max(ends)


_UNSUPPORTED = {
    "timeout": ("timeout", "Timeout cannot be used: set was created without timeout support"),
    "packets": ("counters", "Packet/byte counters cannot be used: set was created without counter support"),
    "bytes": ("counters", "Packet/byte counters cannot be used: set was created without counter support"),
    "comment": ("comment", "Comment cannot be used: set was created without comment support"),
    "skbmark": ("skbinfo", "Skbinfo mapping cannot be used: set was created without skbinfo support"),
    "skbprio": ("skbinfo", "Skbinfo mapping cannot be used: set was created without skbinfo support"),
    "skbqueue": ("skbinfo", "Skbinfo mapping cannot be used: set was created without skbinfo support"),
}


def element_words(header: Header, words: list[str]) -> dict[str, str]:
    """The options behind an element, those that its set does not support refused."""
    if not words:
        return {}
    valued = tuple(_UNSUPPORTED)
    flags: tuple[str, ...] = ("nomatch",) if header.type.nomatch else ()
    if "iface" in header.type.parts:
        flags += ("wildcard",)
    if header.type.method == "list":
        valued += ("before", "after")
    found = read_words(words, valued, flags)
    for option, (needed, text) in _UNSUPPORTED.items():
        support = getattr(header, needed)  # a timeout of 0 is support too
        if option in found and (support is None or support is False):
            raise Error(text, hint=f"expected: a set created with {needed}")
    return found


def read_entry(header: Header, found: Words, now: int) -> Entry:
    """What an element carries."""
    entry = Entry(nomatch="nomatch" in found, wildcard="wildcard" in found)
    if header.timeout is not None:
        entry.stored = read_number(found["timeout"], 0, MAX_TIMEOUT) if "timeout" in found else header.timeout
        entry.start(entry.stored, now)
    entry.comment = comment = found.get("comment", "")
    if not found:
        return entry
    entry.packets = read_number(found.get("packets", "0"), 0, U64 - 1)
    entry.bytes = read_number(found.get("bytes", "0"), 0, U64 - 1)
    if '"' in comment:
        raise Error('Syntax error: " character is not permitted in comments')
    if len(comment.encode("utf-8", "surrogateescape")) > _COMMENT_LENGTH:
        raise Error(f"Syntax error: Comment is longer than the maximum allowed {_COMMENT_LENGTH} characters")
    if header.skbinfo:
        entry.skbinfo = _skbinfo(found)
    return entry


def _skbinfo(found: Words) -> SkbInfo:
    mark = markmask = priority = 0
    if "skbmark" in found:
        match = _SKBMARK.fullmatch(found["skbmark"])
        if match is None:
            raise Error("Syntax error: Invalid skbmark format", hint="expected: 0xMARK/0xMASK or 0xMARK")
        mark, markmask = int(match[1], 16), FULL_MASK if match[2] is None else int(match[2], 16)
    if "skbprio" in found:
        match = _SKBPRIO.fullmatch(found["skbprio"])
        if match is None:
            raise Error("Syntax error: Invalid skbprio format", hint="expected: MAJOR:MINOR")
        priority = int(match[1], 16) << 16 | int(match[2], 16)
    return SkbInfo(mark, markmask, priority, read_number(found.get("skbqueue", "0"), 0, 65535))
