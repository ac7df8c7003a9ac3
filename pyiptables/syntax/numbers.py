"""Numbers of the command line as the C library reads them: counters, seconds, microseconds."""

from __future__ import annotations

import re

from pyiptables.errors import ParameterProblem
from pyiptables.ruleset.model import ZERO, Counters

_UNSIGNED = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-9]+)")
_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")
_TO_EIGHT_BYTES = 2**64 - 1
_LONGEST = 30


def counters(packets: str, octets: str) -> Counters:
    """The two values of ``--set-counters``; ParameterProblem when one is no number."""
    if packets == octets == "0":
        return ZERO
    values = []
    for text, name in ((packets, "packet"), (octets, "byte")):
        value = unsigned(text)
        if value is None:
            raise ParameterProblem(f"--set-counters {name} counter not numeric")
        values.append(value)
    return Counters(*values)


def unsigned(text: str) -> int | None:
    """The decimal number at the front of a text, as sscanf(3) reads ``%llu``: 64 bits; None when there is none."""
    found = _UNSIGNED.match(text)
    if found is None:
        return None
    value = min(int(found[2]) if len(found[2]) < _LONGEST else _TO_EIGHT_BYTES, _TO_EIGHT_BYTES)
    return -value & _TO_EIGHT_BYTES if found[1] == "-" else value


def wait_seconds(text: str) -> int:
    """The seconds of ``-w``; ParameterProblem when the text begins with no number."""
    found = _INTEGER.match(text)
    if found is None:
        raise ParameterProblem("wait seconds not numeric")
    value = int(found[2], 16) if found[2] else int(found[3], 8) if found[3] else int(found[4])
    value = min(value, 2**31 - 1)
    return -value if found[1] == "-" else value


def check_wait_interval(text: str | None) -> str:
    """The warning that ``-W`` is answered with; ParameterProblem when its value is none."""
    if text is None:
        raise ParameterProblem("wait interval value required")
    value = unsigned(text)
    if value is None:
        raise ParameterProblem("wait interval not numeric")
    if value > 999999:
        raise ParameterProblem(f"too long usec wait {value & 0xFFFFFFFF} > 999999 usec")
    return "Ignoring deprecated --wait-interval option.\n"
