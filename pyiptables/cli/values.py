"""Values of the options of ``pyipt trace``, and the files that they name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pyiptables.errors import Error
from pyiptables.packet.link import Frame


def read_time_zone(text: str) -> int:
    """``+HH:MM`` or ``-HH:MM``, as minutes west of Greenwich, which is how the kernel keeps its time zone."""
    sign, hours, colon, minutes = text[:1], text[1:3], text[3:4], text[4:]
    if sign not in ("+", "-") or colon != ":" or not (hours.isdecimal() and minutes.isdecimal() and len(minutes) == 2):
        raise Error(f"--kernel-time-zone {text}: expected +HH:MM or -HH:MM")
    offset = int(hours) * 60 + int(minutes)
    return -offset if sign == "+" else offset


def read_owner(text: str) -> tuple[int, int]:
    """``UID[:GID]`` in numbers; the group is the user's number where it is not said."""
    uid, _, gid = text.partition(":")
    if not uid.isdecimal() or (gid and not gid.isdecimal()) or max(int(uid), int(gid or 0)) >= 2**32:
        raise Error(f"--owner {text}: expected UID or UID:GID in numbers")
    return int(uid), int(gid or uid)


def peeked(frames: Iterator[Frame], count: int) -> tuple[list[Frame], Iterator[Frame]]:
    """The first frames, and an iterator over all of them."""
    first: list[Frame] = []
    broken: Error | None = None
    try:
        for frame in frames:
            first.append(frame)
            if len(first) >= count:
                break
    except Error as error:
        broken = error

    def until_broken() -> Iterator[Frame]:
        yield from first
        if broken is not None:
            raise broken

    return first, chain(until_broken(), frames)
