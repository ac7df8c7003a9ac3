"""Bytes to look for in packets, typed as text or in hexadecimal.

Source of the behaviour: extensions/libxt_string.c (parse_hex_string, print_string).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts

LONGEST = 128
_HEX = "0123456789abcdefABCDEF"


class Pattern(Kind):
    """A text of at most 128 bytes."""

    metavar = "text"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its bytes."""
        raw = texts[0].encode("utf-8", "surrogateescape")
        if len(raw) > LONGEST:
            raise ParameterProblem(f'STRING too long "{texts[0]}"')
        return raw

    @staticmethod
    def needs_hexadecimal(value: bytes) -> bool:
        """Whether bytes cannot be printed as a text."""
        return not all(32 <= byte < 127 for byte in value) or value.endswith(b"\\")

    def save(self, value: Any, facts: RuleFacts) -> str:
        """In quotes: as text, or all of it in hexadecimal between bars."""
        if self.needs_hexadecimal(value):
            return f'"|{value.hex()}|"'
        return '"' + re.sub(r'(["\\])', r"\\\1", value.decode("ascii")) + '"'


class HexPattern(Pattern):
    """A text with bytes in hexadecimal between bars; a backslash takes the next character as it is."""

    metavar = "text|hex hex|text"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its bytes."""
        raw = texts[0].encode("utf-8", "surrogateescape")
        if not raw:
            raise ParameterProblem("STRING must contain at least one char")
        found, at, between = bytearray(), 0, False
        while at < len(raw):
            if len(found) >= LONGEST:
                raise ParameterProblem(f'STRING too long "{texts[0]}"')
            literal = raw[at] == 0x5C
            if literal and between:
                raise ParameterProblem("Cannot include literals in hex data")
            if raw[at] == 0x7C:
                between = not between
                while between and raw[at + 1 : at + 2] == b" ":
                    at += 1
                at += 1
                if at >= len(raw):
                    break
            if literal:
                if at + 1 >= len(raw):
                    raise ParameterProblem("Bad literal placement at end of string")
                found.append(raw[at + 1])
                at += 2
            elif between:
                at = _digits(raw, at, found)
            else:
                found.append(raw[at])
                at += 1
        return bytes(found)


def _digits(raw: bytes, at: int, found: bytearray) -> int:
    """Take two digits, and a blank behind them; where it goes on."""
    if at + 1 >= len(raw):
        raise ParameterProblem("Odd number of hex digits")
    if at + 2 >= len(raw):
        raise ParameterProblem("Invalid hex block")
    for byte in raw[at : at + 2]:
        if chr(byte) not in _HEX:
            character = bytes([byte]).decode("utf-8", "surrogateescape")
            raise ParameterProblem(f"Invalid hex char '{character}'")
    found.append(int(raw[at : at + 2], 16))
    return at + (3 if raw[at + 2] == 0x20 else 2)
