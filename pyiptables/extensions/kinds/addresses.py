"""Addresses with masks, as ``-s`` and ``-d`` read them: numbers, networks, hosts, and lists of these.

Source of the behaviour: libxtables/xtables.c (xtables_ipparse_multiple and its IPv6 twin).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, lru_cache

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.hooks import Family
from pyiptables.packet import names
from pyiptables.packet.addresses import prefix_mask

LONGEST = 255
"""Bytes that one item of a list may have."""
_BLANKS = " \t\n\v\f\r"
_ALL_ONES = {family: (1 << family.bits) - 1 for family in Family}


def parse_addresses(text: str, family: Family) -> tuple[tuple[int, int], ...]:
    """The (address, mask) pairs of a comma-separated list, each address cut by its mask; a host may give several.

    ParameterProblem where an item is no number, network or host, or a mask is none.
    """
    host, slash, mask_text = text.partition("/")
    usual = _usual(host, family)
    if usual is not None:
        if not slash:
            return ((usual, _ALL_ONES[family]),)
        if "," not in mask_text and "/" not in mask_text and len(text) <= LONGEST:
            mask = parse_mask(mask_text, family)
            return ((usual & mask, mask),)
    found: list[tuple[int, int]] = []
    for item in text.split(","):
        name = item.lstrip(_BLANKS)
        if len(name) > LONGEST:
            raise ParameterProblem("Hostname too long")
        host, slash, mask_text = name.rpartition("/")
        if slash:
            mask = parse_mask(mask_text, family)
            name = host if mask else ("0.0.0.0" if family is Family.IPV4 else "::")
        else:
            mask = _ALL_ONES[family]
        found += ((address & mask, mask) for address in resolve(name, family))
    return tuple(found)


@lru_cache(maxsize=1024)
def parse_mask(text: str, family: Family) -> int:
    """A mask from a prefix length or from an address-like text; ParameterProblem when it is neither."""
    mask = numeric_mask(text, family)
    if mask is None:
        length = whole_number(text, 0, family.bits)
        if length is None:
            raise ParameterProblem(f"invalid mask `{text}' specified")
        mask = prefix_mask(length, family)
    return mask


def resolve(name: str, family: Family) -> tuple[int, ...]:
    """The addresses of a number, a network of /etc/networks, or a host; ParameterProblem when there is none."""
    number = numeric_address(name, family)
    if number is None and family is Family.IPV4:
        number = names.network_address(name)
    if number is not None:
        return (number,)
    found = names.resolve_host(name, family is Family.IPV6) if name and "\0" not in name else ()
    if not found:
        raise ParameterProblem(f"host/network `{name}' not found")
    return found


def numeric_address(text: str, family: Family) -> int | None:
    """An address in numbers: for IPv4 one to four parts of any base, the missing ones 0; or None."""
    value = _usual(text, family)
    return _dotted(text, least=1) if value is None and family is Family.IPV4 else value


def numeric_mask(text: str, family: Family) -> int | None:
    """A mask written like an address, all of its parts given, or None."""
    value = _usual(text, family)
    return _dotted(text, least=4) if value is None and family is Family.IPV4 else value


def _dotted(text: str, least: int) -> int | None:
    parts = text.split(".", 3)
    if len(parts) < least:
        return None
    value = 0
    for part in parts:
        byte = whole_number(part, 0, 255)
        if byte is None:
            return None
        value = value << 8 | byte
    return value << 8 * (4 - len(parts))


@cache
def _inet_pton() -> Callable[[int, str], bytes]:
    from socket import inet_pton  # what a listing of few rules does without

    return inet_pton


def _usual(text: str, family: Family) -> int | None:
    """The usual form, which inet_pton(3) reads: four decimal parts without leading zeros, or IPv6."""
    try:
        return int.from_bytes(_inet_pton()(family, text), "big")
    except (OSError, ValueError):
        return None
