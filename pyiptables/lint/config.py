"""Settings from a file: ``[lint]`` of ``.pyipt.toml``, or ``[tool.pyipt.lint]`` of ``pyproject.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyiptables.errors import Error
from pyiptables.lint.finding import Severity
from pyiptables.lint.settings import FOREIGN, Exemption, Settings

NAMES = (".pyipt.toml", "pyproject.toml")
_CODE = re.compile(r"[A-Z]\d*|ALL")


class ConfigError(Error):
    """A file of settings that cannot be read, or says what there is not."""


def find_config(start: Path) -> Path | None:
    """The nearest file of settings, from a folder upward; a ``pyproject.toml`` counts when it has ``[tool.pyipt]``."""
    for folder in (start, *start.parents):
        for name in NAMES:
            path = folder / name
            if path.is_file() and (name == NAMES[0] or "pyipt" in _toml(path).get("tool", {})):
                return path
    return None


def read_config(path: Path) -> tuple[Settings, dict[str, str]]:
    """The settings of a file, and its other values: ``baseline`` and ``format``, where it has them."""
    values = _toml(path)
    if path.name == "pyproject.toml":
        values = values.get("tool", {}).get("pyipt", {})
    table = values.get("lint", {})
    if not isinstance(table, dict):
        raise ConfigError("lint is no table", source=str(path))
    return _settings(table, str(path))


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"is no TOML: {error}", source=str(path)) from error
    except RecursionError as error:
        raise ConfigError("is nested too deeply", source=str(path)) from error


def _settings(table: Mapping[str, Any], source: str) -> tuple[Settings, dict[str, str]]:
    settings, others = Settings(), {}
    for key, value in table.items():
        if key in ("baseline", "format"):
            others[key] = _text(key, value, source)
        elif key in _READERS:
            name, read = _READERS[key]
            settings = replace(settings, **{name: read(key, value, source)})
        else:
            raise ConfigError(f"there is no setting {key}", source=source, hint=f"expected one of {', '.join(_KEYS)}")
    return settings, others


def _text(key: str, value: Any, source: str) -> str:
    if not isinstance(value, str):
        raise ConfigError(f"{key} is no text", source=source)
    return value


def _flag(key: str, value: Any, source: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{key} is neither true nor false", source=source)
    return value


def _texts(key: str, value: Any, source: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ConfigError(f"{key} is no list of texts", source=source)
    return tuple(value)


def _codes(key: str, value: Any, source: str) -> tuple[str, ...]:
    return codes(",".join(_texts(key, value, source)), source)


def codes(text: str, source: str | None = None) -> tuple[str, ...]:
    """Codes, beginnings of codes or names, parted by commas; ConfigError when there is no check that begins so."""
    from pyiptables.lint.check import all_checks, find_check

    found: list[str] = []
    for word in filter(None, (each.strip() for each in text.split(","))):
        code = word.upper()
        named = find_check(word)
        if named is not None:
            found.append(named.code)
        elif _CODE.fullmatch(code) and (code == "ALL" or any(check.code.startswith(code) for check in all_checks())):
            found.append(code)
        else:
            raise ConfigError(f"there is no check {word}", source=source, hint="pyipt rule lists all of them")
    return tuple(found)


def severity(key: str, value: Any, source: str | None = None) -> Severity:
    """A severity by its word; ConfigError when there is none."""
    for each in Severity:
        if value == each.label:
            return each
    raise ConfigError(f"{key} is no severity", source=source, hint="expected info, warning or error")


def _severities(key: str, value: Any, source: str) -> dict[str, Severity]:
    if not isinstance(value, dict):
        raise ConfigError(f"{key} is no table", source=source, hint='expected S201 = "warning"')
    return {
        code: severity(f"{key}.{name}", level, source) for name, level in value.items() for code in codes(name, source)
    }


def kernel(key: str, value: Any, source: str | None = None) -> tuple[int, int]:
    """A kernel's version, ``6.1``; ConfigError when it is none."""
    found = re.match(r"(\d{1,3})\.(\d{1,3})(?:[.-]|$)", value) if isinstance(value, str) else None
    if found is None:
        raise ConfigError(f"{key} is no version of Linux", source=source, hint='expected "6.1"')
    return int(found[1]), int(found[2])


def _exemptions(key: str, value: Any, source: str) -> tuple[Exemption, ...]:
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise ConfigError(f"{key} is no list of tables", source=source, hint=f"expected [[lint.{key}]]")
    found = []
    for each in value:
        unknown = each.keys() - {"codes", "file", "table", "chain", "reason"}
        if unknown or "codes" not in each:
            about = f"has no setting {min(unknown)}" if unknown else "has no codes"
            raise ConfigError(f"{key} {about}", source=source, hint="expected codes, file, table, chain, reason")
        texts = {name: _text(f"{key}.{name}", each[name], source) for name in each.keys() - {"codes"}}
        found.append(Exemption(_codes(f"{key}.codes", each["codes"], source), **texts))
    return tuple(found)


def _foreign(key: str, value: Any, source: str) -> tuple[str, ...]:
    return FOREIGN + _texts(key, value, source)


_READERS: dict[str, tuple[str, Callable[[str, Any, str], Any]]] = {
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
    "required": ("required", _texts),
    "known-extensions": ("extensions", _texts),
    "must-reach": ("must_reach", _texts),
    "listening": ("listening", _texts),
}
_KEYS = (*_READERS, "baseline", "format")
