"""``pyipt xml``, ``pyipt-xml``: iptables-xml's command line."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from pyiptables.cli.store import LONGEST_FILE
from pyiptables.errors import Error
from pyiptables.hooks import Family
from pyiptables.render.xml import XmlWriter
from pyiptables.syntax.getopt import END, NONE, PLAIN, UNKNOWN, Known, Walk, refusal
from pyiptables.syntax.messages import VERSION, complaint

PROGRAM = "iptables-xml"
OPTIONS = {
    "-c": Known("c", NONE),
    "--combine": Known("c", NONE),
    "-v": Known("v", NONE),
    "--verbose": Known("v", NONE),
    "-h": Known("h", NONE),
    "--help": Known("h", NONE),
}
_USAGE = "Usage: iptables-xml [-c] [-v] [-h]\n          [--combine ]\n\t   [ --verbose ]\n\t   [ --help ]\n"


class _Refused(Error):
    """What is refused before anything is read; the text is the whole message."""


def main(words: Sequence[str], family: Family, file: str | None = None) -> int:
    """Print a restore file, or standard input, as XML; the exit status. ``file`` is read where the words name none."""
    writer: XmlWriter | None = None
    try:
        writer, source = _arguments(words, file)
        for part in writer.parts(io.StringIO(_text(source), newline="\n")):
            sys.stdout.write(part)
    except _Refused as error:
        sys.stderr.write(error.text)
        return 1
    except Error as error:
        sys.stdout.flush()
        message, status = complaint(error, PROGRAM)
        place = f"Error occurred at line: {writer.number if writer else 0}\nTry `"
        sys.stderr.write(message.replace(VERSION, VERSION.split()[0], 1).replace("Try `", place, 1))
        return status
    return 0


def _arguments(words: Sequence[str], file: str | None) -> tuple[XmlWriter, str | None]:
    """Take the options in their order; the writer they ask for, and the file to read."""
    walk = Walk(words, OPTIONS)
    given: set[str] = set()
    others: list[str] = []
    while (found := walk.next()) is not END:
        if found == PLAIN:
            others.append(walk.argument or "")
        elif found == UNKNOWN:
            sys.stderr.write(f"{PROGRAM}: {refusal(walk, OPTIONS)}\n")
        elif found == "h":
            raise _Refused(_USAGE)
        else:
            given.add(found)
            sys.stdout.write("xptables-xml\n" if found == "v" else "")
    others += walk.words[walk.index :]
    if len(others) > 1:
        raise _Refused("Unknown arguments found on commandline")
    return XmlWriter(combine="c" in given, verbose="v" in given), others[0] if others else file


def _text(source: str | None) -> str:
    """All that is to be printed."""
    try:
        if source is None or source == "-":
            raw = sys.stdin.buffer.read(LONGEST_FILE + 1) if sys.stdin is not None else b""
        else:
            with open(source, "rb") as file:
                raw = file.read(LONGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else os.strerror(2)
        raise _Refused(f"Can't open {source or 'standard input'}: {reason}") from error
    if len(raw) > LONGEST_FILE:
        raise _Refused(f"{PROGRAM}: {source or 'standard input'} is too long for a ruleset\n")
    return raw.decode("utf-8", "surrogateescape")
