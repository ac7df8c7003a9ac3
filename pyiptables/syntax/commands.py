"""A command line of iptables as data: which command, on which chain, with which rules.

Source of the behaviour: iptables/xshared.c (do_parse) of iptables 1.8.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Extension, Target
from pyiptables.extensions.kinds.numbers import whole_number
from pyiptables.extensions.loading import find_target, names
from pyiptables.hooks import Family
from pyiptables.ruleset.model import STANDARD_VERDICTS, Counters, RuleSpec
from pyiptables.syntax.getopt import NONE, OPTIONAL, REQUIRED, Known

NAME_SIZE = 29
"""Bytes of a chain's, match's or target's name in the kernel, its end included."""
_BLANKS = frozenset(" \t\n\v\f\r")
_MOST_NUMBER = 2**31 - 1

OPTION_NAMES = {
    "n": "--numeric",
    "s": "--source",
    "d": "--destination",
    "p": "--protocol",
    "j": "--jump",
    "v": "--verbose",
    "x": "--exact",
    "i": "--in-interface",
    "o": "--out-interface",
    "0": "--line-numbers",
    "c": "--set-counters",
    "f": "--fragments",
}
"""What messages call the options, in the order in which they are held against the command."""
_RULE_COMMANDS = frozenset("IDRAC")
ALLOWED_WITH = {
    **dict.fromkeys("sdpjiof", _RULE_COMMANDS),
    **dict.fromkeys("nx0", frozenset("L")),
    "c": frozenset("IRAP"),
}
"""Which commands an option may stand with; ``-v`` with all."""
INVERTIBLE = frozenset("sdpiof")

_LONG = {
    "append": ("A", REQUIRED),
    "delete": ("D", REQUIRED),
    "check": ("C", REQUIRED),
    "insert": ("I", REQUIRED),
    "replace": ("R", REQUIRED),
    "list": ("L", OPTIONAL),
    "list-rules": ("S", OPTIONAL),
    "flush": ("F", OPTIONAL),
    "zero": ("Z", OPTIONAL),
    "new-chain": ("N", REQUIRED),
    "delete-chain": ("X", OPTIONAL),
    "rename-chain": ("E", REQUIRED),
    "policy": ("P", REQUIRED),
    "source": ("s", REQUIRED),
    "destination": ("d", REQUIRED),
    "src": ("s", REQUIRED),
    "dst": ("d", REQUIRED),
    "protocol": ("p", REQUIRED),
    "in-interface": ("i", REQUIRED),
    "jump": ("j", REQUIRED),
    "table": ("t", REQUIRED),
    "match": ("m", REQUIRED),
    "numeric": ("n", NONE),
    "out-interface": ("o", REQUIRED),
    "verbose": ("v", NONE),
    "wait": ("w", OPTIONAL),
    "wait-interval": ("W", OPTIONAL),
    "exact": ("x", NONE),
    "fragments": ("f", NONE),
    "version": ("V", NONE),
    "help": ("h", OPTIONAL),
    "line-numbers": ("0", NONE),
    "modprobe": ("M", REQUIRED),
    "set-counters": ("c", REQUIRED),
    "goto": ("g", REQUIRED),
    "ipv4": ("4", NONE),
    "ipv6": ("6", NONE),
}
_KNOWN = {f"--{name}": Known(*meaning) for name, meaning in _LONG.items()}
_KNOWN |= {f"-{letter}": Known(letter, argument) for letter, argument in _LONG.values() if letter != "0"}
OPTIONS = {
    Family.IPV4: _KNOWN,
    Family.IPV6: {name: known for name, known in _KNOWN.items() if name != "--fragments"},
}
"""The options of each program; ``-f`` ip6tables knows as one that it has not."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command that has been read.

    ``letter``: that of the command, ``h`` and ``V`` for help and version, empty for a line that is for the other family.
    ``zero``: what ``-Z`` beside ``-L`` or ``-S`` asks for: ``""``, ``"all"`` or ``"rule"``.
    ``chain`` None means all chains; ``number`` 0 means none was given. ``specs``: one rule for each pair of addresses;
    their ``jump`` may be a chain or a name that does not exist, which only the table can tell.
    ``wait``: seconds to wait for the lock, below 0 for ever, None when ``-w`` was not given.
    ``verbose``: how often ``-v`` was given.
    ``extensions``: those that help was asked about.
    """

    letter: str
    table: str = "filter"
    chain: str | None = None
    number: int = 0
    zero: str = ""
    new_name: str | None = None
    policy: str | None = None
    specs: tuple[RuleSpec, ...] = ()
    counters: Counters | None = None
    verbose: int = 0
    numeric: bool = False
    exact: bool = False
    line_numbers: bool = False
    inverted: bool = False
    extensions: tuple[type[Extension], ...] = ()
    wait: int | None = None


def rule_number(text: str) -> int:
    """A rule's number, from 1; ParameterProblem when it is none."""
    value = whole_number(text, 1, _MOST_NUMBER)
    if value is None:
        raise ParameterProblem(f"Invalid rule number `{text}'")
    return value


def deleted_number(text: str) -> int:
    """A rule's number as ``-D`` reads it: decimal."""
    if ":" in text:
        raise ParameterProblem("Rule ranges are not supported")
    digits = text.lstrip(" \t\n\v\f\r").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or not digits.strip("0"):
        raise ParameterProblem(f"Invalid rule number `{text}'")
    return min(int(digits[:40]), _MOST_NUMBER)


def check_chain_name(name: str, family: Family) -> None:
    """What a new chain may not be called: ParameterProblem."""
    check_length(name)
    if name[:1] in ("-", "!") and name:
        raise ParameterProblem(f"chain name not allowed to start with `{name[0]}'")
    if not name or name in STANDARD_VERDICTS or find_target(name, family):
        raise ParameterProblem("chain name may not clash with target name")
    if not _BLANKS.isdisjoint(name):
        raise ParameterProblem(f"Invalid chain name `{name}'")


def check_length(name: str) -> None:
    """ParameterProblem when a chain's name is too long."""
    if too_long(name):
        raise ParameterProblem(f"chain name `{name}' too long (must be under {NAME_SIZE} chars)")


def too_long(name: str) -> bool:
    """Whether the kernel cannot hold the name."""
    return len(name) >= NAME_SIZE or (not name.isascii() and len(name.encode("utf-8", "surrogateescape")) >= NAME_SIZE)


def check_target_name(name: str) -> None:
    """What cannot stand after ``-j`` or ``-g``: ParameterProblem."""
    if not name:
        raise ParameterProblem("Invalid target name (too short)")
    if too_long(name):
        raise ParameterProblem(f"Invalid target name `{name}' ({NAME_SIZE - 1} chars max)")
    if not _BLANKS.isdisjoint(name):
        raise ParameterProblem(f"Invalid target name `{name}'")


def target_names() -> list[str]:
    """All that may stand after ``-j``, chains apart."""
    return [*STANDARD_VERDICTS, *names(Target)]
