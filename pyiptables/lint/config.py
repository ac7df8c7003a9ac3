"""Settings from a file: ``[lint]`` of ``.pyipt.toml``, or ``[tool.pyipt.lint]`` of ``pyproject.toml``."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyiptables.errors import Error
from pyiptables.lint.finding import Severity
from pyiptables.lint.services import service
from pyiptables.lint.settings import FOREIGN, Exemption, Settings
from pyiptables.packet.typed_words import nearest
from pyiptables.reports.entry import repository_path
from pyiptables.reports.positions import Positions, syntax_error

NAMES = (".pyipt.toml", "pyproject.toml")
LARGEST_FILE = 16 << 20
_CODE = re.compile(r"[A-Z]\d*|ALL")
_TABLES = ("filter", "nat", "mangle", "raw", "security")
_EXEMPTION = ("codes", "file", "table", "chain", "reason")


class ConfigError(Error):
    """A file of settings that cannot be read, or says what there is not."""


class _Wrong(Exception):
    """A value is wrong: what is, what was expected, the word of it if one is, and the keys that lead to it."""

    def __init__(self, text: str, hint: str | None = None, word: str = "", keys: tuple[str | int, ...] = ()) -> None:
        super().__init__(text)
        self.text, self.hint, self.word, self.keys = text, hint, word, keys


def find_config(start: Path) -> Path | None:
    """The nearest file of settings, from a folder upward; a ``pyproject.toml`` counts when it has ``[tool.pyipt]``."""
    for folder in (start, *start.parents):
        for name in NAMES:
            path = folder / name
            if path.is_file() and (name == NAMES[0] or _File(path).section):
                return path
    return None


def read_config(path: Path) -> tuple[Settings, dict[str, str]]:
    """The settings of a file, and its other values: ``baseline`` and ``format``, where it has them.

    The names of files in it are taken from its own folder.
    """
    return _File(path).settings()


class _File:
    """A file of settings while it is read."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, repository_path(str(path))
        self.keys = ("tool", "pyipt") if path.name == NAMES[1] else ()
        text = self._read()
        self.positions = Positions(text)
        try:
            self.values = tomllib.loads(text)
        except RecursionError as error:
            raise ConfigError("is nested too deeply", source=self.name) from error
        except ValueError as error:
            said, line, column = syntax_error(error, text)
            raise self._error(f"is no TOML: {said}", line, column) from error

    def _read(self) -> str:
        try:
            with self.path.open("rb") as file:
                data = file.read(LARGEST_FILE + 1)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "no file can have that name"
            raise ConfigError(f"cannot read {self.path}: {reason}") from error
        if len(data) > LARGEST_FILE:
            raise ConfigError("is too long for settings", source=self.name)
        try:
            return data.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            raise ConfigError(f"is no UTF-8 text (byte {error.start})", source=self.name) from error

    def _error(self, text: str, line: int | None, column: int | None, hint: str | None = None) -> ConfigError:
        snippet = self.positions.snippet(line)
        return ConfigError(text, source=self.name, line=line, column=column, snippet=snippet, hint=hint)

    @property
    def section(self) -> Any:
        """What the file says of this program, None when nothing."""
        found: Any = self.values
        for key in self.keys:
            found = found.get(key) if isinstance(found, dict) else None
        return found

    def settings(self) -> tuple[Settings, dict[str, str]]:
        """All of it; what is wrong is told with its place."""
        section = self.section
        try:
            if section is not None:
                _known(_table(section, "pyipt"), ("lint",), "expected [lint] above the settings")
            table = _table((section or {}).get("lint", {}), "lint", ("lint",))
            return _settings(table, os.path.dirname(os.path.abspath(self.path)))
        except _Wrong as error:
            raise self._placed(error) from None

    def _placed(self, error: _Wrong) -> ConfigError:
        """The error at the place that its keys lead to: the last name is a key, those before it are of tables."""
        keys = (*self.keys, *error.keys)
        index = next((key for key in keys if isinstance(key, int)), 0)
        names = [key for key in keys if isinstance(key, str)]
        line = self.positions.line(".".join(names), index)
        if line is None and names:
            line = self.positions.line(".".join(names[:-1]), index, names[-1])
        if line is None:
            line = self.positions.line(".".join(names[:-2]), 0, names[-2]) if len(names) > 1 else None
        return self._error(error.text, *self.positions.place(line, error.word), error.hint)


def _settings(table: Mapping[str, Any], folder: str) -> tuple[Settings, dict[str, str]]:
    settings, others = Settings(), {}
    _known(table, _KEYS, f"expected one of {', '.join(_KEYS)}", ("lint",))
    for key, value in table.items():
        try:
            if key == "baseline":
                others[key] = os.path.relpath(os.path.join(folder, _text(key, value)))
            elif key == "format":
                others[key] = _format(key, value)
            else:
                name, read = READERS[key]
                settings = replace(settings, **{name: read(key, value)})
        except _Wrong as error:
            raise _Wrong(error.text, error.hint, error.word, ("lint", key, *error.keys)) from None
        except Error as error:
            raise _Wrong(error.text, error.hint, keys=("lint", key)) from None
    exemptions = tuple(replace(each, folder=folder) for each in settings.exemptions)
    return replace(settings, exemptions=exemptions), others


def _known(table: Mapping[str, Any], known: tuple[str, ...], hint: str, keys: tuple[str | int, ...] = ()) -> None:
    """Complain about a key that is not known."""
    for key in table:
        if key not in known:
            raise _Wrong(f"there is no setting {key[:80]}", nearest(key, known) or hint, key, (*keys, key))


def _table(value: Any, name: str, keys: tuple[str | int, ...] = ()) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(f"{name} is no table", keys=keys)
    return value


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"{key} is no text")
    return value


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong(f"{key} is neither true nor false")
    return value


def _texts(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _Wrong(f"{key} is no list of texts", f'expected {key} = ["..."]')
    return tuple(value)


def _codes(key: str, value: Any) -> tuple[str, ...]:
    return tuple(code for text in _texts(key, value) for code in _wanted(text))


def _format(key: str, value: Any) -> str:
    from pyiptables.lint.reporters import FORMATS

    if value not in FORMATS:
        raise _Wrong(f"{key} is none that there is", f"expected one of {', '.join(FORMATS)}")
    return str(value)


def codes(text: str) -> tuple[str, ...]:
    """Codes, beginnings of codes or names, parted by commas; ConfigError when there is no check that begins so."""
    try:
        return _wanted(text)
    except _Wrong as error:
        raise ConfigError(error.text, hint=error.hint) from None


def _wanted(text: str) -> tuple[str, ...]:
    from pyiptables.lint.check import all_checks, find_check, like

    found: list[str] = []
    for word in filter(None, (each.strip() for each in text.split(","))):
        code = word.upper()
        named = find_check(word)
        if named is not None:
            found.append(named.code)
        elif _CODE.fullmatch(code) and (code == "ALL" or any(check.code.startswith(code) for check in all_checks())):
            found.append(code)
        else:
            raise _Wrong(f"there is no check {word[:80]}", like(word), word)
    return tuple(found)


def severity(key: str, value: Any) -> Severity:
    """A severity by its word; ConfigError when there is none."""
    for each in Severity:
        if value == each.label:
            return each
    raise ConfigError(f"{key} is no severity", hint="expected info, warning or error")


def _severities(key: str, value: Any) -> dict[str, Severity]:
    if not isinstance(value, dict):
        raise _Wrong(f"{key} is no table", 'expected S201 = "warning"')
    found: dict[str, Severity] = {}
    for name, level in value.items():
        try:
            found.update(dict.fromkeys(_wanted(name), severity(f"{key}.{name[:80]}", level)))
        except _Wrong as error:
            raise _Wrong(error.text, error.hint, error.word, (name,)) from None
        except ConfigError as error:
            raise _Wrong(error.text, error.hint, keys=(name,)) from None
    return found


def kernel(key: str, value: Any) -> tuple[int, int]:
    """A kernel's version, ``6.1``; ConfigError when it is none."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})(?:[.-]|$)", value, re.ASCII) if isinstance(value, str) else None
    if found is None:
        raise ConfigError(f"{key} is no version of Linux", hint='expected "6.1"')
    return int(found[1]), int(found[2])


def _exemptions(key: str, value: Any) -> tuple[Exemption, ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _Wrong(f"{key} is no list of tables", f"expected [[lint.{key}]]")
    return tuple(_exemption(key, index, each) for index, each in enumerate(value))


def _exemption(key: str, index: int, values: Mapping[str, Any]) -> Exemption:
    try:
        for name in values:
            if name not in _EXEMPTION:
                hint = nearest(name, _EXEMPTION) or f"expected {', '.join(_EXEMPTION)}"
                raise _Wrong(f"{key} has no setting {name[:80]}", hint, name, (name,))
        if "codes" not in values:
            raise _Wrong(f"{key} has no codes", 'expected codes = ["S204"]')
        texts: dict[str, str] = {}
        for name, value in values.items():
            try:
                if name == "codes":
                    found = _codes(f"{key}.{name}", value)
                else:
                    texts[name] = _text(f"{key}.{name}", value)
            except _Wrong as error:
                raise _Wrong(error.text, error.hint, error.word, (name,)) from None
        return Exemption(found, **texts)
    except _Wrong as error:
        raise _Wrong(error.text, error.hint, error.word, (index, *error.keys)) from None


def _foreign(key: str, value: Any) -> tuple[str, ...]:
    return FOREIGN + _texts(key, value)


def _services(key: str, value: Any) -> tuple[str, ...]:
    found = _texts(key, value)
    for text in found:
        try:
            service(text)
        except Error as error:
            raise _Wrong(error.text, error.hint, text) from None
    return found


def _required(key: str, value: Any) -> tuple[str, ...]:
    found = _texts(key, value)
    for text in found:
        table, _, wanted = text.partition(":")
        if table not in _TABLES or not wanted.strip():
            hint = nearest(table, _TABLES) if wanted.strip() else None
            raise _Wrong(f"{key} has {text[:80]!r}", hint or "expected filter:CHAIN, or filter:-A CHAIN ...", text)
    return found


READERS: dict[str, tuple[str, Callable[[str, Any], Any]]] = {
    "select": ("select", _codes),
    "ignore": ("ignore", _codes),
    "extend-select": ("extend", _codes),
    "severity": ("floor", severity),
    "severities": ("severities", _severities),
    "except": ("exemptions", _exemptions),
    "foreign-chains": ("foreign", _foreign),
    "judge-foreign": ("judge_foreign", _flag),
    "kernel": ("kernel", kernel),
    "noflush": ("noflush", _flag),
    "required": ("required", _required),
    "known-extensions": ("extensions", _texts),
    "must-reach": ("must_reach", _services),
    "listening": ("listening", _services),
}
"""By the name of a setting: the field of :class:`Settings` that it fills, and what reads its value."""
_KEYS = (*READERS, "baseline", "format")
