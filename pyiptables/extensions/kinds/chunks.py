"""Chunks of SCTP packets and their flags.

Source of the behaviour: extensions/libxt_sctp.c (parse_sctp_chunk, print_chunks).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts

TYPES = {
    "DATA": 0, "INIT": 1, "INIT_ACK": 2, "SACK": 3, "HEARTBEAT": 4, "HEARTBEAT_ACK": 5, "ABORT": 6, "SHUTDOWN": 7,
    "SHUTDOWN_ACK": 8, "ERROR": 9, "COOKIE_ECHO": 10, "COOKIE_ACK": 11, "ECN_ECNE": 12, "ECN_CWR": 13,
    "SHUTDOWN_COMPLETE": 14, "I_DATA": 64, "RE_CONFIG": 130, "PAD": 132, "ASCONF": 193, "ASCONF_ACK": 128,
    "FORWARD_TSN": 192, "I_FORWARD_TSN": 194,
}  # fmt: skip
"""Types of chunks by name; a flag is kept under the place in this table, which only up to 14 is the type's number."""

NAMES = {number: name for name, number in TYPES.items()}
PLACES = {name: place for place, name in enumerate(TYPES)}
FLAGS = {"DATA": "----IUBE", "I_DATA": "----IUBE", "ABORT": "-------T", "SHUTDOWN_COMPLETE": "-------T"}
"""The letters of a type's flags, the highest bit first."""
NO_FLAGS = "--------"

MOST_WITH_FLAGS = 4
EVERY_TYPE = frozenset(range(256))


@dataclass(frozen=True, slots=True)
class Chunks:
    """``mode`` is all, any or only; ``flags`` are type, mask and value, for those types that have some."""

    mode: str
    types: frozenset[int]
    flags: tuple[tuple[int, int, int], ...] = ()

    def flags_fit(self, kind: int, flags: int) -> bool:
        """Whether the flags of a chunk of that type are as wanted."""
        return next((flags & mask == value for one, mask, value in self.flags if one == kind), True)


class ChunkList(Kind):
    """``all|any|only TYPE[:FLAGS],...``: a flag's letter is a capital where it must be set."""

    words = 2
    metavar = "all|any|only type[:flags][,...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The chunks."""
        if len(texts) < 2 or texts[1][:1] in ("-", "!"):
            raise ParameterProblem("--chunk-types requires two args")
        return _read(texts[0], texts[1])

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The same, in the order of the types' numbers."""
        return self.list(value, facts, numeric=False)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The same; the types by number with ``-n``."""
        return f"{value.mode} {self._types(value, numeric)}"

    @staticmethod
    def _types(value: Chunks, numeric: bool) -> str:
        if value.types in (frozenset(), EVERY_TYPE):
            return "ALL" if value.types else "NONE"
        letters = {kind: _letters(kind, mask, wanted) for kind, mask, wanted in value.flags}
        return ",".join(
            (f"0x{kind:04X}" if numeric else NAMES[kind]) + letters.get(kind, "") for kind in sorted(value.types)
        )


@lru_cache(maxsize=256)
def _read(mode: str, text: str) -> Chunks:
    if mode.lower() not in ("any", "all", "only"):
        raise ParameterProblem('Match type has to be one of "ALL", "ANY" or "ONLY"')
    if text.upper() in ("ALL", "NONE"):
        return Chunks(mode.lower(), EVERY_TYPE if text.upper() == "ALL" else frozenset())
    types: set[int] = set()
    flags: dict[int, tuple[int, int]] = {}
    for item in filter(None, text.split(",")):
        name, _, letters = item.partition(":")
        if name.upper() not in TYPES:
            raise ParameterProblem(f"Unknown sctp chunk `{name}'")
        types.add(TYPES[name.upper()])
        for letter in letters:
            _add_flag(flags, name.upper(), letter)
    # Flags that were kept under a place beyond the types' numbers are never looked at again.
    kept = tuple((kind, *bits) for kind, bits in sorted(flags.items()) if kind in types)
    return Chunks(mode.lower(), frozenset(types), kept)


def _add_flag(flags: dict[int, tuple[int, int]], name: str, letter: str) -> None:
    place = PLACES[name]
    at = FLAGS.get(name, NO_FLAGS).find(letter.upper())
    if at < 0:
        raise ParameterProblem(f"Invalid flags for chunk type {place}")
    if place not in flags and len(flags) == MOST_WITH_FLAGS:
        raise ParameterProblem(
            "Number of chunk types with flags exceeds currently allowed limit. Increasing this limit involves changing "
            "IPT_NUM_SCTP_FLAGS and recompiling both the kernel space and user space modules"
        )
    mask, value = flags.get(place, (0, 0))
    bit = 0x80 >> at
    flags[place] = (mask | bit, value | bit if letter.isupper() else value)


def _letters(kind: int, mask: int, value: int) -> str:
    letters = FLAGS.get(NAMES[kind], NO_FLAGS)
    wanted = (
        letter if value & 0x80 >> at else letter.lower() for at, letter in enumerate(letters) if mask & 0x80 >> at
    )
    return ":" + "".join(wanted)


CHUNKS = ChunkList()
