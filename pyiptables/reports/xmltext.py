"""Texts in XML 1.0: what it cannot hold is replaced."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}


def text(value: object) -> str:
    """As an element's content; a character that XML cannot hold becomes U+FFFD."""
    return re.sub("[&<>]", lambda found: _ENTITIES[found[0]], _FORBIDDEN.sub("\ufffd", str(value)))


def attributes(**values: object) -> str:
    """`` name="value"`` for each that is not None; a trailing underscore of a name is left out."""
    return "".join(f' {name.rstrip("_")}="{_quoted(value)}"' for name, value in values.items() if value is not None)


def _quoted(value: object) -> str:
    return re.sub('[&<>"\n\r\t]', lambda found: _ENTITIES[found[0]], _FORBIDDEN.sub("\ufffd", str(value)))
