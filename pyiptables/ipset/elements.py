"""Elements of sets as text: which elements a text stands for, ranges and prefixes spread out as the kernel does it.

Source: the ``uadt`` functions of net/netfilter/ipset/ip_set_*.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import Any

from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.ipset.model import FULL_MASK, Header, Refusal
from pyiptables.ipset.store import Key
from pyiptables.ipset.values import (
    WITH_PORTS,
    mac_text,
    network_text,
    port_text,
    read_address,
    read_length,
    read_mac,
    read_number,
    read_port_range,
    read_ports,
    read_protocol,
)
from pyiptables.packet.addresses import to_text

Choice = Sequence[Key]
"""The values that one part of an element's text stands for."""

_INVALID_LENGTH = "The value of the CIDR parameter of the IP address is invalid"
_NAME_LENGTH = 15


def _range(text: str, family: Family, *, ranges: bool, lengths: bool) -> tuple[int, int, int | None]:
    """``IP``, ``IP/LENGTH`` or ``IP-IP`` as both ends, the lower one first, and the prefix length if it has one."""
    first, slash, length = text.partition("/")
    if slash:
        bits = read_length(length, family)
        if not lengths and bits != family.bits:
            raise Error(f"Syntax error: plain IP address must be supplied: {text}", hint="expected: IP")
        address = read_address(first, family)
        return address, address, bits
    if "-" in text and not (text.startswith("[") and text.endswith("]")):
        low, _, high = text.partition("-")
        if not ranges:
            expected = "IP address or IP/cidr" if lengths else "plain IP address"
            raise Error(f"Syntax error: {expected} must be supplied: {text}", hint=f"expected: {expected}")
        return read_address(low, family), read_address(high, family), None
    address = read_address(text, family)
    return address, address, None


def _spread(address: int, length: int, bits: int) -> tuple[int, int]:
    """The first and last address of a prefix."""
    hosts = (1 << bits - length) - 1
    return address & ~hosts, address | hosts


def networks(low: int, high: int, limit: int) -> list[tuple[int, int]]:
    """The IPv4 prefixes that make up a range, the largest that fits first (ip_set_range_to_cidr).

    The kernel compares with a sign: while more than 2**31 addresses are left it takes single ones.
    """
    half = 1 << 31
    if high - low - half > limit:
        raise Error(Refusal.FULL.value, hint="expected: a range of at most 2147483648 addresses")
    found = []
    while low <= high:
        length = next((bits for bits in range(1, 32) if _prefix_fits(low, 1 << 32 - bits, high, half)), 32)
        found.append((low, length))
        low += 1 << 32 - length
    return found


def _prefix_fits(low: int, size: int, high: int, half: int) -> bool:
    return not low & size - 1 and 0 <= high - (low + size - 1) < half


def _addresses(header: Header, text: str, *, ranges: bool) -> range:
    """The addresses of an ip part. A mask holds for the first address only, as in the kernel; netmask also steps."""
    family = header.family or Family.IPV4
    ranges = ranges and family is Family.IPV4
    low, high, length = _range(text, family, ranges=ranges, lengths=ranges)
    if length == 0:
        raise Error(_INVALID_LENGTH)
    name = header.type.name
    if header.mask is not None and header.type.method == "hash":
        # A single address is masked as a whole, a range from its first address on.
        low, high = low & header.mask, high if "-" in text else low & header.mask
    if name in ("hash:ip", "hash:ip,port") and not low:
        raise Error(Refusal.NULL.value)
    if length is not None:
        low, high = _spread(low, length, family.bits)
    low, high = min(low, high), max(low, high)
    step = 1 << family.bits - (header.netmask or family.bits) if name in ("hash:ip", "bitmap:ip") else 1
    return range(low, high + 1, step)


def _networks(header: Header, text: str, limit: int) -> list[Key]:
    """The networks of a net part, each with its prefix length."""
    family = header.family or Family.IPV4
    low, high, length = _range(text, family, ranges=family is Family.IPV4, lengths=True)
    if length == 0 and header.type.name != "hash:net,iface":
        raise Error(_INVALID_LENGTH)
    if length is None and low != high:
        low, high = min(low, high), max(low, high)
        if low == 0 and high == FULL_MASK:
            raise Error("Invalid range, covers the whole address space")
        return list(networks(low, high, limit))
    bits = family.bits if length is None else length
    first, _ = _spread(low, bits, family.bits)
    if header.mask is not None:
        first &= header.mask
    return [(first, bits)]


def _ports(header: Header, text: str) -> Choice:
    if header.type.method == "bitmap":
        name, colon, rest = text.partition(":")
        if colon and read_protocol(name, None) not in WITH_PORTS:
            raise Error(f"Syntax error: {name} has no ports", hint="expected: PORT, tcp:PORT or udp:PORT")
        low, high = read_port_range(rest if colon else text)
        return _Tuples((), range(low, high + 1))
    protocol, low, high = read_ports(text, header.family)
    return _Tuples((protocol,), range(low, high + 1))


def _interface(text: str) -> Key:
    physical = text.startswith("physdev:")
    name = text.removeprefix("physdev:")
    if len(name.encode("utf-8", "surrogateescape")) > _NAME_LENGTH:
        raise Error(f"Syntax error: interface name {name!r} is longer than {_NAME_LENGTH} characters")
    return physical, name


class _Tuples(Sequence[Key]):
    """A range of numbers as values behind a fixed head, made when they are asked for."""

    def __init__(self, head: Key, numbers: range) -> None:
        self._head, self._numbers = head, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, at: Any) -> Any:
        return (*self._head, self._numbers[at])


def _choices(header: Header, texts: list[str], limit: int) -> list[Choice]:
    """What each part of an element's text stands for."""
    found: list[Choice] = []
    for place, (part, text) in enumerate(zip(header.type.parts, texts, strict=False)):
        if part == "ip":
            ranges = place == 0 and "mac" not in header.type.parts
            found.append(_Tuples((), _addresses(header, text, ranges=ranges)))
        elif part == "net":
            found.append(_networks(header, text, limit))
        elif part == "port":
            found.append(_ports(header, text))
        elif part == "mac":
            found.append([(read_mac(text),)])
        elif part == "mark":
            found.append([(read_number(text, 0, FULL_MASK) & header.markmask,)])
        else:
            found.append([_interface(text)])
    return found


def read_element(header: Header, text: str, limit: int) -> tuple[Iterable[Key], int]:
    """The elements that a text stands for, as the store keeps them, and how many; Error for more than ``limit``.

    A bitmap:ip,mac's MAC, which is no part of its key, is the second value of the tuple where the text has one.
    """
    parts = header.type.parts
    texts = text.split(",")
    if len(texts) > len(parts):
        supports = "none" if len(parts) == 1 else f"{len(parts)} parts"
        raise Error(
            f"Syntax error: Elem separator in {text}, but settype {header.type.name} supports {supports}.",
            hint=f"expected: {','.join(parts)}",
        )
    optional = header.type.name == "bitmap:ip,mac"
    if (len(texts) < len(parts) and not optional) or not all(texts):
        number = ("First", "Second", "Third")[texts.index("") if "" in texts else len(texts)]
        raise Error(f"Syntax error: {number} element is missing from {text}.", hint=f"expected: {','.join(parts)}")
    choices = _choices(header, texts, limit)
    _check_range(header, choices[0])
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > limit:
        raise Error(f"{text} stands for {count} elements, more than can be kept", hint=f"expected: at most {limit}")
    return _joined(header, choices), count


def _check_range(header: Header, choice: Choice) -> None:
    """Refuse what lies outside a bitmap's range, before anything of it is added."""
    if header.type.method != "bitmap":
        return
    if choice[0][0] < header.first or choice[len(choice) - 1][0] > header.last:
        raise Error(Refusal.RANGE.value, hint="expected: what the set's range holds")


def _joined(header: Header, choices: list[Choice]) -> Iterable[Key]:
    """All combinations, prefix lengths last."""
    nets = [place for place, part in enumerate(header.type.parts) if part == "net"]
    mask = header.mask if header.type.method == "bitmap" else None
    for values in product(*choices):
        if mask is not None:
            yield (values[0][0] & mask,)
            continue
        flat = [value for place, part in enumerate(values) for value in (part[:1] if place in nets else part)]
        yield (*flat, *(values[place][1] for place in nets))


def element_text(header: Header, key: Key, mac: int | None = None) -> str:
    """An element as ``ipset save`` prints it; ``mac`` is that of a bitmap:ip,mac."""
    family = header.family or Family.IPV4
    found: list[str] = []
    lengths = list(key[-header.type.parts.count("net") :])
    values = iter(key)
    for part in header.type.parts:
        if part == "ip":
            found.append(to_text(next(values), family))
        elif part == "net":
            found.append(network_text(next(values), lengths.pop(0), family))
        elif part == "port":
            first = next(values)
            found.append(str(first) if header.type.method == "bitmap" else port_text(first, next(values)))
        elif part == "mark":
            found.append(f"0x{next(values):08x}")
        elif part == "mac":
            number = mac if header.type.method == "bitmap" else next(values)
            found += [] if number is None else [mac_text(number)]
        elif part == "iface":
            found.append(("physdev:" if next(values) else "") + next(values))
        else:
            found.append(str(next(values)))
    return ",".join(found)
