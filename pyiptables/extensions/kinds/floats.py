"""Floating-point numbers, as strtod(3) reads them in the C locale."""

from __future__ import annotations

import re

_NUMBER = re.compile(
    r"[ \t\n\v\f\r]*"
    r"([+-]?(?:(?P<hex>0x(?:[0-9a-f]+\.?[0-9a-f]*|\.[0-9a-f]+)(?:p[+-]?[0-9]+)?)"
    r"|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan))(?:(?<=nan)\(\w*\))?",
    re.IGNORECASE | re.ASCII,
)


def strtod(text: str) -> tuple[float, str] | None:
    """The number at the front of a text and what follows it; None when there is none. Too large ones are infinite."""
    found = _NUMBER.match(text)
    if found is None:
        return None
    try:
        value = float.fromhex(found[1]) if found["hex"] else float(found[1])
    except OverflowError:
        value = float("-inf" if found[1].startswith("-") else "inf")
    return value, text[found.end() :]
