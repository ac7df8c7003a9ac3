"""Reading values that somebody else wrote: files within bounds, and fields of the type they must have."""

from __future__ import annotations

import difflib
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pyiptables.errors import HostError
from pyiptables.hooks import Family
from pyiptables.packet.addresses import from_text

LARGEST_FILE = 256 << 20
"""Bytes; an ``ip -j route`` of a full Internet table has about 150 MB."""


def read_text(path: Path) -> str:
    """Read a whole UTF-8 file; HostError when it cannot be, is not a plain file, or is absurdly large."""
    source = str(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise HostError("this is not a plain file", source=source)
        if status.st_size > LARGEST_FILE:
            raise HostError(f"the file is larger than {LARGEST_FILE >> 20} MB", source=source)
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise HostError(f"this is not UTF-8 text (byte {error.start})", source=source) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise HostError(f"cannot read it: {reason}", source=source) from error


def shown(value: object) -> str:
    """Show a value in a message, cut to a bearable length."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    try:
        text = repr(value)
    except ValueError:
        return "a very long number"
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Propose the nearest of some spellings, or None."""
    found = difflib.get_close_matches(word[:80], list(known), n=1)
    return f"did you mean {found[0]!r}?" if found else None


class Fields:
    """An object of a JSON or TOML file, read field by field; every complaint says where it stands."""

    __slots__ = ("_values", "source", "where")

    def __init__(self, values: object, where: str, source: str) -> None:
        self.where = where
        self.source = source
        if not isinstance(values, dict):
            raise self.error(f"expected an object, not {shown(values)}")
        self._values: dict[str, Any] = values

    def error(self, text: str, hint: str | None = None) -> HostError:
        """Make the complaint about this object."""
        return HostError(f"{self.where}: {text}" if self.where else text, source=self.source, hint=hint)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def only(self, known: Iterable[str]) -> None:
        """Complain about a key that is not known."""
        known = tuple(known)
        for key in self._values:
            if key not in known:
                hint = nearest(key, known) or "known are " + ", ".join(known)
                raise self.error(f"unknown key {shown(key)}", hint)

    def text(self, key: str, default: str = "") -> str:
        """Read a text."""
        value = self._values.get(key, default)
        if not isinstance(value, str):
            raise self.error(f"{key} must be a text, not {shown(value)}")
        return value

    def integer(self, key: str, default: int = 0, low: int = 0, high: int = 0xFFFFFFFF) -> int:
        """Read a number between ``low`` and ``high``; a text of digits, or of hex digits after 0x, is one too."""
        value = self._values.get(key, default)
        if isinstance(value, str):
            value = number(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            said = shown(self._values.get(key))
            raise self.error(f"{key} must be a number from {low} to {high}, not {said}")
        return value

    def flag(self, key: str, default: bool = False) -> bool:
        """Read a truth value; a key without value (null) is true, as ``ip -j`` prints ``not``."""
        value = self._values.get(key, default)
        if value is None:
            return True
        if not isinstance(value, bool):
            raise self.error(f"{key} must be true or false, not {shown(value)}")
        return value

    def items(self, key: str) -> list[Any]:
        """Read a list; absent is empty."""
        value = self._values.get(key, [])
        if not isinstance(value, list):
            raise self.error(f"{key} must be a list, not {shown(value)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Read a list of texts."""
        values = self.items(key)
        for value in values:
            if not isinstance(value, str):
                raise self.error(f"{key} must be a list of texts, not of {shown(value)}")
        return tuple(values)

    def objects(self, key: str) -> list[Fields]:
        """Read a list of objects."""
        return [
            Fields(value, f"{self.where}, {key} {n}".removeprefix(", "), self.source)
            for n, value in enumerate(self.items(key), 1)
        ]

    def mapping(self, key: str) -> Mapping[str, Any]:
        """Read an object whose keys are names; absent is empty."""
        return Fields(self._values.get(key, {}), f"{self.where}, {key}".removeprefix(", "), self.source)._values

    def value(self, key: str) -> object:
        """Give the raw value, or None."""
        return self._values.get(key)

    def address(self, key: str, family: Family | None = None) -> tuple[int, Family]:
        """Read an address, of a given family where it must be."""
        text = self.text(key)
        try:
            found = from_text(text)
        except ValueError:
            raise self.error(f"{key} must be an IP address, not {shown(text)}") from None
        if family is not None and found[1] is not family:
            raise self.error(f"{key} must be an IPv{family.version} address, not {shown(text)}")
        return found

    def mac(self, key: str) -> bytes:
        """Read a link-layer address; empty when absent, or when it is not of six bytes (a tunnel's end, say)."""
        return mac_bytes(self.text(key)) or b""


def number(text: str) -> int | None:
    """Read decimal digits, or hex digits after 0x; None for anything else."""
    if len(text) > 20 or not text.isascii():
        return None
    try:
        return int(text, 16 if text[:2].lower() == "0x" else 10)
    except ValueError:
        return None


def mac_bytes(text: str) -> bytes | None:
    """Read aa:bb:cc:dd:ee:ff (or with dashes); None for anything else."""
    parts = text.replace("-", ":").split(":")
    if len(parts) != 6 or not all(1 <= len(part) <= 2 and part.isalnum() and part.isascii() for part in parts):
        return None
    try:
        return bytes(int(part, 16) for part in parts)
    except ValueError:
        return None


def prefix(text: str) -> tuple[int, int, Family]:
    """Read address/length, or an address alone as its own prefix; ValueError otherwise."""
    address, slash, length = text.partition("/")
    value, family = from_text(address)
    if not slash:
        return value, family.bits, family
    if not (length.isascii() and length.isdecimal() and len(length) <= 3 and int(length) <= family.bits):
        raise ValueError(f"{text!r} is not an IP prefix")
    return value, int(length), family
