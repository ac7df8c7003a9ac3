"""The parts of a rule that are no extension: protocol, interfaces, addresses. Each distinct text is read once.

Source of the behaviour: iptables/xshared.c and libxtables/xtables.c of iptables 1.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.kinds.addresses import parse_addresses
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.hooks import Family
from pyiptables.packet import names
from pyiptables.ruleset.model import AddressMatch, InterfaceMatch, ProtocolMatch
from pyiptables.syntax.messages import Misspelt

_Read = TypeVar("_Read")

_MOST_KEPT = 1 << 12
_NAME_SIZE = 16
_EXTENSION_HEADERS = (43, 44, 51, 60)
"""Protocol numbers that IPv6 has as extension headers: routing, fragment, AH, destination options."""


@dataclass(frozen=True, slots=True)
class ReadProtocol:
    """``-p`` as read: the condition (None for ``all``), the name as given in lower case, and a warning to print."""

    match: ProtocolMatch | None
    name: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class ReadInterface:
    """``-i`` or ``-o`` as read, and a warning to print; no condition for ``+``, which is any, and is never saved."""

    match: InterfaceMatch | None
    warning: str = ""


class Parts:
    """Reader of the parts of rules of one family. Equal texts give the very same value."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._protocols: dict[tuple[str, bool], ReadProtocol] = {}
        self._interfaces: dict[tuple[str, bool], ReadInterface] = {}
        self._addresses: dict[tuple[str, bool], tuple[AddressMatch | None, ...]] = {}

    def protocol(self, text: str, invert: bool) -> ReadProtocol:
        """``-p``: a number to 255 or a name; ParameterProblem when it is neither, or can never match."""
        found = self._protocols.get((text, invert))
        if found is None:
            found = self._protocol(_lower(text), invert)
            _keep(self._protocols, (text, invert), found)
        return found

    def interface(self, text: str, invert: bool) -> ReadInterface:
        """``-i`` or ``-o``: a name, ``+`` at its end for any; ParameterProblem when it is empty or too long."""
        found = self._interfaces.get((text, invert))
        if found is None:
            found = _interface(text, invert)
            _keep(self._interfaces, (text, invert), found)
        return found

    def addresses(self, text: str, invert: bool) -> tuple[AddressMatch | None, ...]:
        """``-s`` or ``-d``: one condition for each address of the list; None for one that every packet fulfils."""
        found = self._addresses.get((text, invert))
        if found is None:
            found = self.read_addresses(text, invert)
            _keep(self._addresses, (text, invert), found)
        return found

    def read_addresses(self, text: str, invert: bool) -> tuple[AddressMatch | None, ...]:
        """The same, read anew each time."""
        pairs = parse_addresses(text, self.family)
        if len(pairs) == 1 and pairs[0][1]:
            return (AddressMatch(*pairs[0], invert),)
        return tuple([AddressMatch(address, mask, invert) if mask or invert else None for address, mask in pairs])

    def _protocol(self, text: str, invert: bool) -> ReadProtocol:
        number = whole_number(text, 0, 255)
        if number is None:
            number = names.protocol_number(text)
        if number is None:
            raise Misspelt(
                f'unknown protocol "{text}" specified', text, "protocol", lambda: sorted(names.KNOWN_PROTOCOLS)
            )
        if number == 0 and invert:
            raise ParameterProblem("rule would never match protocol")
        warning = ""
        if self.family is Family.IPV6 and number in _EXTENSION_HEADERS and not invert:
            warning = f"Warning: never matched protocol: {text}. use extension match instead.\n"
        return ReadProtocol(ProtocolMatch(number, invert) if number else None, text, warning)


def _interface(text: str, invert: bool) -> ReadInterface:
    if not text:
        raise ParameterProblem("Empty interface is likely to be undesired")
    if len(text.encode("utf-8", "surrogateescape")) >= _NAME_SIZE:
        raise ParameterProblem(f"interface name `{text}' must be shorter than {_NAME_SIZE} characters")
    warning = ""
    if "/" in text or " " in text:
        warning = f"Warning: weird character in interface `{text}' ('/' and ' ' are not allowed by the kernel).\n"
    return ReadInterface(InterfaceMatch(text, invert), warning)


def _lower(text: str) -> str:
    """ASCII letters in lower case, as tolower(3) in the C locale."""
    return text.lower() if text.isascii() else "".join(c.lower() if c.isascii() else c for c in text)


def _keep(cache: dict[tuple[str, bool], _Read], key: tuple[str, bool], value: _Read) -> None:
    if len(cache) >= _MOST_KEPT:
        cache.clear()
    cache[key] = value
