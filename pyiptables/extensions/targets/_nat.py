"""What DNAT, SNAT, MASQUERADE and REDIRECT share: ranges of addresses and ports, and how they print.

Source: extensions/libxt_NAT.c. The text is not one grammar but a few cuts, whose order shows in the messages.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, Services, Target
from pyiptables.extensions.effects import NatRequest
from pyiptables.extensions.kinds.numbers import strtoul, whole_number
from pyiptables.hooks import Family
from pyiptables.packet import names
from pyiptables.packet.addresses import to_text

MOST = 0xFFFF
WITH_PORTS = frozenset({1, 6, 17, 33, 132})
"""Protocols that a range of ports may be given for; ICMP's are identifiers."""


class PortRange(Kind):
    """``PORT[-PORT[/PORT]]``; ``shifted`` says whether the port after the slash counts, or only that it was there."""

    metavar = "port[-port]"

    def __init__(self, *, shifted: bool = False) -> None:
        self.shifted = shifted

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """A request without addresses."""
        return self.cut(read_ports(texts[0], facts.protocol in WITH_PORTS))

    def cut(self, request: NatRequest) -> NatRequest:
        """The request as the kernel's structure holds it: where it has no place for the base port, that is 0."""
        return request if self.shifted or request.base_port is None else replace(request, base_port=0)

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``ADDRESS[-ADDRESS][:PORT[-PORT[/PORT]]]``, the parts that there are; IPv6 with ports in brackets."""
        text = ""
        if value.addresses is not None:
            text = "-".join(to_text(address, facts.family) for address in dict.fromkeys(value.addresses))
            if facts.family is Family.IPV6 and value.ports is not None:
                text = f"[{text}]"
        if value.ports is not None:
            text += ":" + "-".join(str(port) for port in dict.fromkeys(value.ports))
        return text if value.base_port is None else f"{text}/{value.base_port}"


class AddressRange(PortRange):
    """``[ADDRESS[-ADDRESS]][:PORT[-PORT[/PORT]]]``, IPv6 with ports in brackets."""

    metavar = "[address[-address]][:port[-port]]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """A request with what was given."""
        return self.cut(read_range(texts[0], facts.protocol in WITH_PORTS, facts.family))


@lru_cache(maxsize=1024)
def read_range(text: str, ported: bool, family: Family) -> NatRequest:
    """Addresses and ports; ParameterProblem where they are none, or ports stand with a protocol that has none."""
    start = text.find("[")
    if start >= 0:
        end = text.find("]", start)
        if end < 0 or family is Family.IPV4:
            raise ParameterProblem("Invalid address format")
        colon, address = text.find(":", end), text[start + 1 : end]
    else:
        colon = text.find(":") if text.count(":") == 1 else -1
        address = text if colon < 0 else text[:colon]
    request = NatRequest() if colon < 0 else read_ports(text[colon + 1 :], ported)
    if colon in (0, 2):  # nothing or "[]" before it, or whatever else has two characters
        return request
    low, dash, high = address.partition("-")
    first = read_address(low, family)
    last = read_address(high, family) if dash else first
    return NatRequest((first, last), request.ports, request.base_port)


def read_address(text: str, family: Family) -> int:
    """An address, as inet_pton(3) reads it."""
    kind = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
    try:
        return int.from_bytes(socket.inet_pton(kind, text), "big")
    except (OSError, ValueError) as error:
        raise ParameterProblem(f'Bad IP address "{text}"') from error


@lru_cache(maxsize=1024)
def read_ports(text: str, ported: bool) -> NatRequest:
    """``PORT[-PORT[/PORT]]``: the single port and the base may be service names."""
    if not ported:
        raise ParameterProblem("Need TCP, UDP, SCTP or DCCP with port specification")
    low, rest = strtoul(text, MOST) or (_service(text), "")
    if not rest:
        return NatRequest(ports=(low, low))
    if rest[0] != "-":
        raise ParameterProblem(
            "Invalid port:port syntax - use dash" if rest[0] == ":" else f"Garbage after port value: `{rest}'"
        )
    found = strtoul(rest[1:], MOST)
    if found is None:
        raise ParameterProblem(f"Port `{rest[1:]}' not valid")
    if found[0] < low:
        raise ParameterProblem(f"Port range `{rest[1:]}' funky")
    high, rest = found
    if rest and rest[0] != "/":
        raise ParameterProblem(f"Garbage after port range: `{rest}'")
    return NatRequest(ports=(low, high), base_port=_base(rest[1:]) if rest else None)


def _base(text: str) -> int:
    """The port behind the slash; what follows a number is not looked at."""
    found = strtoul(text, MOST)
    return found[0] if found is not None and found[0] else _service(text)


def _service(text: str) -> int:
    port = None if whole_number(text, 0, MOST) is not None else names.service_port(text)
    if port is None:
        raise ParameterProblem(f"Port `{text}' not valid")
    return port


class NatTarget(Target):
    """A target of the nat table. A declaration sets ``to`` to the option of its range, with ``list_as``."""

    tables = frozenset({"nat"})
    terminal = True

    to: Any
    flags: ClassVar[tuple[str, ...]] = ("random", "random_fully", "persistent")

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    @property
    def request(self) -> NatRequest:
        """The range with the flags that were given."""
        return replace(self.to or NatRequest(), **{flag: True for flag in self.flags if flag in self.values})

    def open(self, services: Services) -> NatRequest:
        """The request, made once."""
        return self.request

    def save(self, facts: RuleFacts) -> str:
        """The range, then the flags."""
        return self._text(f"{self.options['to'].save_as} ", "--", facts)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``to:192.0.2.1 random``."""
        return self._text(self.options["to"].list_as or "", "", facts)

    def _text(self, word: str, dashes: str, facts: RuleFacts) -> str:
        option = self.options["to"]
        flags = "".join(f" {dashes}{flag.replace('_', '-')}" for flag in self.flags if flag in self.values)
        if not self.has(option):
            return flags
        text = option.kind.save(self.to, facts)
        return f" {word}{text if isinstance(option.kind, AddressRange) else text[1:]}{flags}"
