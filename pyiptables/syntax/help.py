"""What ``-h`` prints: the commands and options, then those of the extensions that the command line has named."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from pyiptables.extensions.base import Extension, Match, Option
from pyiptables.extensions.description import evaluation, places, remarks, synopsis
from pyiptables.hooks import Family
from pyiptables.syntax.messages import VERSION

_TEXT = Path(__file__).parent.parent / "data" / "help.txt"
_COLUMN = 32
_WIDTH = 80


def help_text(program: str, family: Family, extensions: Iterable[type[Extension]] = ()) -> str:
    """The help of a program; ``-f`` and the answers to ``-4`` and ``-6`` depend on the family."""
    v4 = family is Family.IPV4
    lines = _TEXT.read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line.removeprefix("{fragment}") for line in lines if v4 or not line.startswith("{fragment}"))
    answers = ("Nothing", "Error") if v4 else ("Error", "Nothing")
    text = text.format(program=program, version=VERSION, ipv4=answers[0], ipv6=answers[1])
    return text + "".join(f"{line}\n" for extension in extensions for line in _extension(extension, family))


def _extension(extension: type[Extension], family: Family) -> Iterator[str]:
    """An empty line, the head, the options, what it does, and where it may stand."""
    yield ""
    if extension.options:
        yield f"{extension.name} {'match' if issubclass(extension, Match) else 'target'} options:"
        for option in extension.options.values():
            yield from _option(extension, option, family)
    else:
        yield f"{extension.name} does not take any options"
    yield from _wrapped((extension.__doc__ or "").replace("``", ""), _WIDTH)
    for label, text in (*places(extension), *(("pyipt trace", phrase) for phrase in evaluation(extension))):
        yield from _wrapped(f"{label}: {text}", _WIDTH, "  ")


def _option(extension: type[Extension], option: Option, family: Family) -> Iterator[str]:
    """The option, its other names each on a line of its own, and what it says, beside the option where there is room."""
    first = synopsis(option)
    more = remarks(extension, option, family)
    lines = _wrapped(f"{option.help} ({more})" if more else option.help, _WIDTH - _COLUMN)
    if lines and len(option.names) == 1 and len(first) < _COLUMN:
        first = f"{first:<{_COLUMN}}{lines.pop(0)}"
    yield first
    yield from (f" {name} ..." for name in option.names[1:])
    yield from (" " * _COLUMN + line for line in lines)


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(" ".join(text.split()), width, subsequent_indent=indent, break_on_hyphens=False)
