"""Ethernet addresses (XTTYPE_ETHERMAC)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts
from pyiptables.packet.addresses import mac_to_text

_BYTE = re.compile(r"(?:[ \t\n\v\f\r]*([+-]?[0-9a-fA-F]+))?\Z")


class Mac(Kind):
    """Six bytes in hexadecimal with colons, each of at most two characters, as a number of 48 bits."""

    metavar = "xx:xx:xx:xx:xx:xx"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The address; a byte may be empty (0) or have a sign, as strtoul(3) reads it."""
        parts = texts[0].split(":")
        found = [match for part in parts if len(part) <= 2 and (match := _BYTE.match(part))]
        if len(parts) != 6 or len(found) != 6:
            raise ParameterProblem("Invalid MAC address specified.")
        return int.from_bytes(bytes(int(match[1] or "0", 16) & 0xFF for match in found), "big")

    def save(self, value: Any, facts: RuleFacts) -> str:
        """``aa:bb:cc:dd:ee:ff``."""
        return mac_to_text(value.to_bytes(6, "big"))


MAC = Mac()
