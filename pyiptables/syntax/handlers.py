"""What each option of the command line does to the line that is being read.

A handler gets the line and the option's value, or None. A Command that it returns ends the line at once.
Source of the behaviour: iptables/xshared.c (do_parse) of iptables 1.8.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match
from pyiptables.extensions.loading import find_match, find_target, names
from pyiptables.hooks import Family
from pyiptables.ruleset.model import STANDARD_VERDICTS
from pyiptables.syntax import commands, numbers
from pyiptables.syntax.commands import NAME_SIZE, Command
from pyiptables.syntax.messages import Misspelt, WrongFamily

if TYPE_CHECKING:
    from pyiptables.syntax.reader import Line

_ICMP6 = frozenset(("icmpv6", "ipv6-icmp", "icmp6"))


def match_name(name: str) -> str:
    """The name under which a match is looked for: ICMPv6 has three."""
    return "icmp6" if name in _ICMP6 else name


def _with_chain(letter: str) -> Callable[[Line, Any], None]:
    def handle(line: Line, value: Any) -> None:
        line.add_command(letter)
        line.chain = value
        line.places["chain"] = line.walk.index - 1

    return handle


def _delete(line: Line, value: Any) -> None:
    _with_chain("D")(line, value)
    if line.has_value():
        line.number = commands.deleted_number(line.take())
        line.command = "d"


def _insert(line: Line, value: Any) -> None:
    _with_chain("I")(line, value)
    line.number = commands.rule_number(line.take()) if line.has_value() else 1


def _replace(line: Line, value: Any) -> None:
    _with_chain("R")(line, value)
    if not line.has_value():
        raise ParameterProblem("-R requires a rule number")
    line.number = commands.rule_number(line.take())


def _optional_chain(letter: str, beside: str = "", numbered: bool = False) -> Callable[[Line, Any], None]:
    def handle(line: Line, value: Any) -> None:
        line.add_command(letter, beside)
        if value is not None:
            line.chain = value
        elif line.has_value():
            line.chain = line.take()
        line.places["chain"] = line.walk.index - 1
        if numbered and line.has_value():
            line.number = commands.rule_number(line.take())
            if letter == "Z":
                line.command = "z"

    return handle


def _new(line: Line, value: Any) -> None:
    commands.check_chain_name(value, line.reader.family)
    _with_chain("N")(line, value)


def _rename(line: Line, value: Any) -> None:
    _with_chain("E")(line, value)
    if not line.has_value():
        raise ParameterProblem("-E requires old-chain-name and new-chain-name")
    line.new_name = line.take()
    commands.check_chain_name(line.new_name, line.reader.family)


def _policy(line: Line, value: Any) -> None:
    line.add_command("P")
    if not line.has_value():
        raise ParameterProblem("-P requires a chain and a policy")
    line.chain = value
    line.places["chain"] = line.walk.index - 1
    line.policy = line.take()


def _help(line: Line, value: Any) -> Command:
    if not line.matches and line.protocol is not None and (match := line.protocol_match()):
        line.load(match)
    target = (line.target.extension,) if line.target is not None else ()
    return Command("h", line.table, extensions=(*target, *(loaded.extension for loaded in line.matches)))


def _version(line: Line, value: Any) -> Command:
    return Command("V", line.table, inverted=line.invert)


def _protocol(line: Line, value: Any) -> None:
    line.option("p", line.invert)
    read = line.protocol = line.reader.parts.protocol(value, line.invert)
    if read.warning:
        line.reader.warnings.append(read.warning)
    line.places["p"] = line.walk.index - 1
    line.set_context()


def _address(letter: str) -> Callable[[Line, Any], None]:
    def handle(line: Line, value: Any) -> None:
        line.option(letter, line.invert)
        line.addresses[letter] = value
        line.places[letter] = line.walk.index - 1

    return handle


def _interface(letter: str) -> Callable[[Line, Any], None]:
    def handle(line: Line, value: Any) -> None:
        parts = line.reader.parts
        if not value:
            parts.interface(value, False)
        line.option(letter, line.invert)
        read = parts.interface(value, line.invert)
        if read.warning:
            line.reader.warnings.append(read.warning)
        line.interfaces[letter] = read.match
        line.places[letter] = line.walk.index - 1
        line.set_context()

    return handle


def _fragment(line: Line, value: Any) -> None:
    if line.reader.family is Family.IPV6:
        raise ParameterProblem("`-f' is not supported in IPv6, use -m frag instead")
    line.option("f", line.invert)
    line.fragment = not line.invert


def _jump(line: Line, value: Any) -> None:
    line.option("j", line.invert)
    line.places["j"] = line.walk.index - 1
    if value == "CONTINUE":
        return
    if value in STANDARD_VERDICTS or value in line.reader.announced:
        line.jump = value
        return
    commands.check_target_name(value)
    line.jump = value
    found = find_target(value, line.reader.family)
    if found is not None:
        if found.retired:
            line.reader.tell_retired(found.name)
        line.target = line.load(found)


def _goto(line: Line, value: Any) -> None:
    line.option("j", line.invert)
    line.places["j"] = line.walk.index - 1
    line.context = (*line.context[:5], True)
    commands.check_target_name(value)
    line.jump = value


def _match(line: Line, value: Any) -> None:
    if line.invert:
        raise ParameterProblem("unexpected ! flag before --match")
    if commands.too_long(value):
        raise ParameterProblem(f'Invalid match name "{value}" ({NAME_SIZE - 1} chars max)')
    name = match_name(value)
    found = find_match(name, line.reader.family)
    if found is None:
        raise Misspelt(f"Couldn't load match `{name}':No such file or directory\n", name, "match", lambda: names(Match))
    line.load(found)


def _verbose(line: Line, value: Any) -> None:
    if not line.verbose:
        line.option("v", line.invert)
    line.verbose += 1


def _flag(letter: str) -> Callable[[Line, Any], None]:
    def handle(line: Line, value: Any) -> None:
        line.option(letter, line.invert)
        line.places[letter] = line.walk.index - 1

    return handle


def _table(line: Line, value: Any) -> None:
    if line.invert:
        raise ParameterProblem("unexpected ! flag before --table")
    if line.reader.restore:
        raise ParameterProblem(f"The -t option cannot be used in {line.reader.program}.\n")
    line.table = value
    line.context = (value, *line.context[1:])


def _wait(line: Line, value: Any) -> None:
    if line.reader.restore:
        raise ParameterProblem("You cannot use `-w' from iptables-restore")
    line.wait = numbers.wait_seconds(value if value is not None else line.take() if line.has_value() else "-1")


def _wait_interval(line: Line, value: Any) -> None:
    if line.reader.restore:
        raise ParameterProblem("You cannot use `-W' from iptables-restore")
    text = value if value is not None else line.take() if line.has_value() else None
    line.reader.warnings.append(numbers.check_wait_interval(text))
    line.wait_interval = True


def _set_counters(line: Line, value: Any) -> None:
    line.option("c", line.invert)
    line.places["c"] = line.walk.index - 1
    packets, comma, octets = value.partition(",")
    if not comma:
        if not line.has_value():
            raise ParameterProblem("--set-counters requires packet and byte counter")
        octets = line.take()
    line.counters = numbers.counters(packets, octets)


def _family(letter: str, family: Family) -> Callable[[Line, Any], Command | None]:
    def handle(line: Line, value: Any) -> Command | None:
        if line.reader.family is family:
            return None
        if line.reader.restore:
            return Command("", line.table)
        raise WrongFamily(f"-{letter} is for {family.command}")

    return handle


def _nothing(line: Line, value: Any) -> None:
    """``--modprobe``: there is no kernel to load modules into."""


HANDLERS: dict[str, Callable[[Line, Any], Command | None]] = {
    "A": _with_chain("A"),
    "C": _with_chain("C"),
    "D": _delete,
    "I": _insert,
    "R": _replace,
    "L": _optional_chain("L", "Zz", numbered=True),
    "S": _optional_chain("S", "Zz", numbered=True),
    "F": _optional_chain("F"),
    "Z": _optional_chain("Z", "LS", numbered=True),
    "X": _optional_chain("X"),
    "N": _new,
    "E": _rename,
    "P": _policy,
    "h": _help,
    "V": _version,
    "p": _protocol,
    "s": _address("s"),
    "d": _address("d"),
    "i": _interface("i"),
    "o": _interface("o"),
    "f": _fragment,
    "j": _jump,
    "g": _goto,
    "m": _match,
    "v": _verbose,
    "n": _flag("n"),
    "x": _flag("x"),
    "0": _flag("0"),
    "t": _table,
    "w": _wait,
    "W": _wait_interval,
    "M": _nothing,
    "c": _set_counters,
    "4": _family("4", Family.IPV4),
    "6": _family("6", Family.IPV6),
}
