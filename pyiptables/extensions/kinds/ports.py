"""Ports and ranges of ports, by number or by service name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.extensions.kinds.numbers import signed_int, whole_number
from pyiptables.packet import names

ANY_PORT = (0, 0xFFFF)


def parse_port(text: str, protocol: str | None) -> int:
    """A port as xtables_parse_port reads it: decimal, octal, hexadecimal, or a service of /etc/services."""
    value = whole_number(text, 0, 0xFFFF)
    if value is None:
        value = names.service_port(text, protocol)
    if value is None:
        raise ParameterProblem(f"invalid port/service `{text}' specified")
    return value


def resolve_port(text: str) -> int:
    """A port as the guided parser reads it (getaddrinfo): decimal, cut to 16 bits, or a service name; nothing is 0."""
    value = signed_int(text, decimal=True) if text else 0
    if value is None or value < 0:
        value = names.service_port(text)
    if value is None:
        raise ParameterProblem(f'Port "{text}" does not resolve to anything.\n')
    return value & 0xFFFF


def list_port(port: int, protocol: str | None, numeric: bool) -> str:
    """A port in ``-L``: the service's name, unless ``-n`` or there is none."""
    return (None if numeric else names.service_name(port, protocol)) or str(port)


class _PortRange(Kind):
    metavar = "port[:port]"

    def __init__(self, protocol: str | None) -> None:
        self.protocol = protocol

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``A`` or ``A:B``, in numbers."""
        low, high = value
        return str(low) if low == high else f"{low}:{high}"

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """``A`` or ``A:B``, by service name without ``-n``."""
        low, high = value
        first = list_port(low, self.protocol, numeric)
        return first if low == high else f"{first}:{list_port(high, self.protocol, numeric)}"


class PortRange(_PortRange):
    """``PORT[:PORT]`` with either end open, as tcp and sctp read it themselves."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The two ends; a single port gives both."""
        first, colon, last = texts[0].partition(":")
        if not colon:
            port = parse_port(first, self.protocol)
            return (port, port)
        low = parse_port(first, self.protocol) if first else 0
        high = parse_port(last, self.protocol) if last else 0xFFFF
        if low > high:
            raise ParameterProblem("invalid portrange (min > max)")
        return (low, high)


class GuidedPortRange(_PortRange):
    """``PORT[:PORT]`` with either end open, as the guided parser reads it (XTTYPE_PORTRC)."""

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The two ends; a single port gives both."""
        first, colon, rest = texts[0].partition(":")
        low = resolve_port(first)
        if not colon:
            return (low, low)
        last, more, _ = rest.partition(":")
        high = resolve_port(last) if last else 0xFFFF
        if low > high:
            raise ParameterProblem(f"Port range {low}-{high} is negative.\n")
        if more:
            raise ParameterProblem(f'{facts.extension}: Too many components for option "{option.names[0]}" (max: 2)\n')
        return (low, high)
