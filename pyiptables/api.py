"""The functions of the library that join its packages: load, edit, save, and describing packets in words."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Sequence

from pyiptables.errors import Error, ParameterProblem
from pyiptables.hooks import TABLES, Family
from pyiptables.packet.packet import Packet
from pyiptables.packet.typed import typed_packet
from pyiptables.render.save import save as save_lines
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import Ruleset
from pyiptables.ruleset.validity import check_table
from pyiptables.syntax.execute import execute
from pyiptables.syntax.messages import table_missing
from pyiptables.syntax.reader import Reader
from pyiptables.syntax.restore import Silent
from pyiptables.syntax.restore import load as load_lines

CHANGES = frozenset("ADIRFZNXPE")
"""The letters of commands that change a ruleset."""


def load(source: str | os.PathLike[str] | Iterable[str], family: Family = Family.IPV4) -> Ruleset:
    """Read a ruleset in iptables-save's format, counters included: from a file's path, or from lines.

    Raises Error naming file, line and column of what cannot be read or would be refused by the kernel.
    """
    if not isinstance(source, (str, os.PathLike)):
        return load_lines(source, family, "lines")
    name = os.fspath(source)
    try:
        with open(name, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            return load_lines(file, family, name)
    except OSError as error:
        raise Error(f"cannot read: {error.strerror}", source=name) from error


def save(ruleset: Ruleset, *, counters: bool = True) -> str:
    """Write a ruleset as iptables-save prints it."""
    return "".join(save_lines(ruleset, counters=counters, program=f"{ruleset.family.command}-save"))


def edit(ruleset: Ruleset, command: str | Sequence[str]) -> Ruleset:
    """Do one iptables command that changes a ruleset (``-A INPUT -j DROP``), and return the new one.

    The command is a line in shell quoting, or its words, without the program's name. Raises Error with iptables' message
    where iptables or the kernel would refuse it.
    """
    words = shlex.split(command) if isinstance(command, str) else list(command)
    read = Reader(ruleset.family).read(words)
    if read.letter not in CHANGES:
        raise ParameterProblem(
            f"{' '.join(words)!r} does not change a ruleset", hint="one of -A -D -I -R -F -Z -N -X -P -E"
        )
    if read.table not in TABLES:
        raise table_missing(ruleset.family.command, read.table)
    work = TableEdit(ruleset.table(read.table))
    execute(read, work, Silent())
    table = work.commit()
    check_table(table, ruleset.family, ruleset)
    return ruleset.with_table(table)


def parse_packet(words: str | Sequence[str], family: Family = Family.IPV4, *, time: int = 0) -> Packet:
    """Make the packet that a line of iptables' own words describes, at a time in nanoseconds.

    With ``-i`` it arrives there, without it a process of the host sends it. Raises PacketError with the wrong word's place.
    """
    return typed_packet(shlex.split(words) if isinstance(words, str) else list(words), family).packet(time, 1)
