"""What ``-h`` prints: the commands and options, then those of the extensions that the command line has named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pyiptables.extensions.base import Extension, Match
from pyiptables.hooks import Family
from pyiptables.syntax.messages import VERSION

_TEXT = Path(__file__).parent.parent / "data" / "help.txt"
_COLUMN = 32


def help_text(program: str, family: Family, extensions: Iterable[type[Extension]] = ()) -> str:
    """The help of a program; ``-f`` and the answers to ``-4`` and ``-6`` depend on the family."""
    v4 = family is Family.IPV4
    lines = _TEXT.read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line.removeprefix("{fragment}") for line in lines if v4 or not line.startswith("{fragment}"))
    answers = ("Nothing", "Error") if v4 else ("Error", "Nothing")
    text = text.format(program=program, version=VERSION, ipv4=answers[0], ipv6=answers[1])
    return (
        text
        + "".join(f"\n{line}" for extension in extensions for line in _extension(extension))
        + ("\n" if tuple(extensions) else "")
    )


def _extension(extension: type[Extension]) -> Iterator[str]:
    kind = "match" if issubclass(extension, Match) else "target"
    if not extension.options:
        yield f"\n{extension.name} does not take any options"
        return
    yield f"\n{extension.name} {kind} options:"
    for option in extension.options.values():
        mark = "[!] " if option.invertible else ""
        value = f" {option.kind.metavar}" if option.kind.words else ""
        yield f"{f'{mark}{option.names[0]}{value}':<{_COLUMN - 1}} {option.help}".rstrip()
        for name in option.names[1:]:
            yield f" {name} ..."
