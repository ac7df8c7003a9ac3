"""What is expected of a packet: the keys of a case, how each is read, and how it is held against what happened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pyiptables.errors import Error
from pyiptables.extensions.targets.REJECT import NAMES as REJECTS
from pyiptables.hooks import Hook
from pyiptables.packet.addresses import from_text, to_text
from pyiptables.packet.typed_words import nearest
from pyiptables.testing.outcome import Outcome
from pyiptables.testing.rulenames import RuleName, absent, read_rule_name, step_text
from pyiptables.testing.source import Source

VERDICTS = ("ACCEPT", "DROP", "REJECT", "STOLEN", "QUEUE")
CTSTATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "SNAT", "DNAT")
REJECT_NAMES = tuple(dict.fromkeys(name for names in REJECTS.values() for name in names))


@dataclass(frozen=True, slots=True)
class Expected:
    """What one key says of a packet; ``value`` is as its reader left it."""

    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """An expectation that does not hold: what was expected, what is there, and perhaps a note."""

    key: str
    expected: str
    actual: str
    note: str = ""

    def lines(self) -> Iterator[str]:
        """As a diff."""
        yield f"- {self.key} = {self.expected}"
        yield f"+ {self.key} = {self.actual}" + (f"   ({self.note})" if self.note else "")


def expected_from(values: Mapping[str, Any]) -> tuple[Expected, ...]:
    """Read keys and values; Error for a key that is not known, or a value of the wrong kind."""
    found = []
    for key, value in values.items():
        reader = _READERS.get(key)
        if reader is None:
            raise Error(f'nothing is called "{key}"', hint=nearest(key, _READERS) or f"known are {', '.join(_READERS)}")
        found.append(Expected(key, reader(key, value)))
    return tuple(found)


def differences(expected: tuple[Expected, ...], outcome: Outcome, source: Source) -> Iterator[Difference]:
    """What of the expectations does not hold; what is unknown is a difference, too."""
    for one in expected:
        yield from _CHECKS[one.key](one, outcome, source)
    for text in outcome.unknown:
        yield Difference("known", "true", "false", f"not modelled: {text}")


# reading


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Error(f"{key} must be a text, not {kind_of(value)}")
    return value


def _flag(key: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Error(f"{key} must be true or false, not {kind_of(value)}")
    return value


def _texts(key: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, (list, tuple)) else [value]
    if not values or not all(isinstance(one, str) for one in values):
        raise Error(f"{key} must be a text or a list of texts, not {kind_of(value)}")
    return tuple(values)


def _words(known: tuple[str, ...], *, upper: bool = True) -> Callable[[str, Any], tuple[str, ...]]:
    """Reads one or several of the known words; a text may have several, parted by commas."""

    def read(key: str, value: Any) -> tuple[str, ...]:
        found = [word.strip() for text in _texts(key, value) for word in text.split(",")]
        found = [word.upper() if upper else word.lower() for word in found]
        for word in found:
            if word not in known:
                raise Error(f'{key} cannot be "{word}"', hint=nearest(word, known) or f"expected {', '.join(known)}")
        return tuple(found)

    return read


def _number(key: str, value: Any) -> int:
    if isinstance(value, str):
        with suppress(ValueError):
            value = int(value, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise Error(f"{key} must be a number from 0 to 0xffffffff, not {kind_of(value)}")
    return value


def _endpoint(key: str, value: Any) -> tuple[str, str]:
    """``192.168.1.10``, ``192.168.1.10:8443``, ``[2001:db8::1]:443``, ``:443``: address and port, either may be empty."""
    text = _text(key, value)
    address, port = text, ""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    wrong = Error(
        f'{key} cannot be "{text[:80]}"', hint="expected ADDRESS, ADDRESS:PORT or :PORT, IPv6 as [ADDRESS]:PORT"
    )
    if not (address or port) or (port and not re.fullmatch("[0-9]{1,5}", port)):
        raise wrong
    try:
        return (to_text(*from_text(address)) if address else "", port)
    except ValueError:
        raise wrong from None


def _log(key: str, value: Any) -> str | bool:
    return value if isinstance(value, bool) else _text(key, value)


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "verdict": _words(VERDICTS),
    "rule": _text,
    "matched": _texts,
    "out": _text,
    "delivered": _flag,
    "source": _endpoint,
    "destination": _endpoint,
    "ctstate": _words(CTSTATES),
    "mark": _number,
    "ctmark": _number,
    "reject": _words(REJECT_NAMES, upper=False),
    "log": _log,
    "hook": _words(tuple(hook.name for hook in Hook)),
}
KEYS = tuple(_READERS)
"""All keys that say what is expected."""


def kind_of(value: object) -> str:
    """What a TOML value is, in words, cut to a bearable length."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    try:
        text = repr(value)
    except ValueError:
        return "a very long number"
    return text if len(text) <= 60 else f"{text[:57]}..."


# holding it against what happened


def _named(one: Expected, actual: str) -> Iterator[Difference]:
    if actual not in one.value:
        yield Difference(one.key, _shown(one.value), actual or "none")


def _verdict(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    if outcome.verdict not in one.value:
        by = step_text(outcome.decider, outcome.family) if outcome.decider else outcome.reason
        yield Difference("verdict", _shown(one.value), outcome.verdict, f"by {by}" if outcome.decider else by)


def _rule(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    name = read_rule_name(one.value, outcome.family)
    if outcome.decider is None or not name.fits(outcome.decider):
        actual = step_text(outcome.decider, outcome.family) if outcome.decider else f"no rule: {outcome.reason}"
        yield Difference("rule", one.value, actual, absent(name, source.ruleset(outcome.family)))


def _matched(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    for text in one.value:
        name: RuleName = read_rule_name(text, outcome.family)
        if not any(name.fits(step) for step in outcome.matched):
            yield Difference("matched", text, "it did not match", absent(name, source.ruleset(outcome.family)))


def _out(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    if one.value != outcome.out:
        yield Difference("out", one.value, outcome.out or _nowhere(outcome))


def _nowhere(outcome: Outcome) -> str:
    return "none, a process of the host got it" if outcome.delivered else f"none, its verdict is {outcome.verdict}"


def _delivered(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    if one.value != outcome.delivered:
        where = f"sent out of {outcome.out}" if outcome.out else f"its verdict is {outcome.verdict}"
        yield Difference("delivered", _shown((one.value,)), _shown((outcome.delivered,)), where)


def _end(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    address, port = one.value
    text = outcome.source if one.key == "source" else outcome.destination
    has_address, has_port = _parts(text)
    if (address and address != has_address) or (port and port != has_port):
        six = ":" in address
        wanted = f"[{address}]:{port}" if six and port else f"{address}:{port}" if port else address
        yield Difference(one.key, wanted, text)


def _parts(text: str) -> tuple[str, str]:
    """Address and port of an endpoint's text."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]:")
        return address, port
    return (text, "") if text.count(":") > 1 else (text.partition(":")[0], text.partition(":")[2])


def _ctstate(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    if not set(one.value) <= set(outcome.ctstate):
        actual = ",".join(outcome.ctstate) or "none"
        yield Difference(
            "ctstate", ",".join(one.value), actual, "" if outcome.ctstate else "connections are not tracked"
        )


def _mark(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    actual = outcome.mark if one.key == "mark" else outcome.ctmark
    if one.value != actual:
        yield Difference(one.key, f"{one.value:#x}", f"{actual:#x}")


def _reject(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    if outcome.reject not in one.value:
        yield Difference("reject", _shown(one.value), outcome.reject or f"none, its verdict is {outcome.verdict}")


def _logged(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    actual = ", ".join(repr(prefix) for prefix in outcome.logged) or "not logged"
    if isinstance(one.value, bool):
        if one.value != bool(outcome.logged):
            yield Difference("log", _shown((one.value,)), actual)
    elif not any(prefix.strip() == one.value.strip() for prefix in outcome.logged):
        yield Difference("log", repr(one.value), actual)


def _hook(one: Expected, outcome: Outcome, source: Source) -> Iterator[Difference]:
    yield from _named(one, outcome.hook)


def _shown(values: tuple[Any, ...]) -> str:
    return " or ".join(str(value).lower() if isinstance(value, bool) else str(value) for value in values)


_CHECKS: dict[str, Callable[[Expected, Outcome, Source], Iterator[Difference]]] = {
    "verdict": _verdict,
    "rule": _rule,
    "matched": _matched,
    "out": _out,
    "delivered": _delivered,
    "source": _end,
    "destination": _end,
    "ctstate": _ctstate,
    "mark": _mark,
    "ctmark": _mark,
    "reject": _reject,
    "log": _logged,
    "hook": _hook,
}
