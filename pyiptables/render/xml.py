"""A restore file as XML, as iptables-xml(1) prints it.

It knows words, not rules: a target that is no chain of the table so far is an extension, an option is what begins with a
dash, and what follows up to the next is its value. Source of the behaviour: iptables/iptables-xml.c of iptables 1.8.
Unlike there, a line may have any length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from pyiptables.errors import OperationFailed, ParameterProblem
from pyiptables.syntax.words import marked

_NAME_SIZE = 32
"""Bytes of a table's or chain's name that are printed."""
_TOKENS = re.compile(r"[^ \t\n]+")
_COUNTERS = re.compile(r"\[\s*([+-]?[0-9]+)(?::\s*([+-]?[0-9]+))?", re.ASCII)
_U64, _SIGN = (1 << 64) - 1, 1 << 63
_TARGETS = frozenset({"-j", "--jump", "-g", "--goto"})
_GOTO = frozenset({"-g", "--goto"})
_MODULES = frozenset({"-m", "--module"})
_ENDING = frozenset({"ACCEPT", "DROP", "QUEUE", "RETURN"})
_ESCAPES = {ord("&"): "&amp;", ord("<"): "&lt;", ord(">"): "&gt;", ord('"'): "&quot;"}

Word = tuple[str, bool]
"""A word, and whether it stood in quotes."""


@dataclass(slots=True)
class _Chain:
    name: str
    policy: str
    counters: tuple[int, int]
    opened: bool = False


class XmlWriter:
    """Turns the lines of one file into XML: :meth:`parts` gives the text, piece by piece.

    ``combine``: rules with the same conditions as the one before become further actions of it. ``verbose``: each line is
    repeated in a comment.
    """

    def __init__(self, *, combine: bool = False, verbose: bool = False) -> None:
        self.number = 0
        self._combine = combine
        self._verbose = verbose
        self._table = self._chain = ""
        self._chains: list[_Chain] = []
        self._counters = (0, 0)
        self._in_rule = self._in_actions = False
        self._last: Sequence[Word] = ()

    def parts(self, lines: Iterable[str]) -> Iterator[str]:
        """The whole document; OperationFailed or ParameterProblem, with what came before printed, at a bad line."""
        yield '<iptables-rules version="1.0">\n'
        for given in lines:
            self.number += 1
            text = given.partition("\0")[0]
            if text[:1] == "#":
                yield f"<!-- {_commented(text)} -->\n"
            elif text != "\n":
                if self._verbose:
                    yield f"<!-- line {self.number} {_commented(text)} -->\n"
                yield from self._line(text)
        if self._table:
            raise OperationFailed(f"COMMIT expected at line {self.number + 1}")
        yield "</iptables-rules>\n"

    def _line(self, text: str) -> Iterator[str]:
        first = text[:1]
        if text == "COMMIT\n" and self._table:
            yield from self._close_table()
        elif first == "*":
            name = next(iter(_TOKENS.findall(text[1:])), None)
            if name is None:
                raise ParameterProblem(f"iptables-xml: line {self.number} table name invalid")
            yield from self._close_table()
            self._table = _cut(name)
            yield f'  <table name="{_encoded(self._table)}" >\n'
        elif not self._table:
            raise OperationFailed(f"line {self.number} failed")
        elif first == ":":
            self._declare(_TOKENS.findall(text[1:]))
        else:
            yield from self._rule(text)

    # chains

    def _declare(self, tokens: list[str]) -> None:
        for wanted, what in enumerate(("chain name", "policy")):
            if len(tokens) <= wanted:
                raise ParameterProblem(f"iptables-xml: line {self.number} {what} invalid")
        if len(tokens) > 2:
            self._counters = _read_counters(tokens[2], self._counters)
        self._chains.append(_Chain(tokens[0], tokens[1], self._counters))

    def _open(self, chain: _Chain, empty: str = "") -> Iterator[str]:
        yield from self._close_chain()
        name = _cut(chain.name)
        policy = f'policy="{_encoded(chain.policy)}" ' if chain.policy != "-" else ""
        packets, octets = chain.counters
        yield f'    <chain name="{_encoded(name)}" {policy}packet-count="{packets}" byte-count="{octets}" {empty}>\n'
        self._chain = "" if empty else name

    def _close_chain(self) -> Iterator[str]:
        if self._chain:
            yield from self._close_rule()
            yield "    </chain>\n"
            self._chain = ""

    def _close_rule(self) -> Iterator[str]:
        if self._in_actions:
            yield "       </actions>\n\n"
        if self._in_rule:
            yield "      </rule>\n\n"
        self._in_rule = self._in_actions = False

    def _close_table(self) -> Iterator[str]:
        yield from self._close_chain()
        for chain in self._chains:
            if not chain.opened:
                yield from self._open(chain, empty="/")
        self._chains.clear()
        if self._table:
            yield "  </table>\n"
        self._table = ""

    # rules

    def _rule(self, text: str) -> Iterator[str]:
        counters = ""
        if text[:1] == "[":
            counters, text = self._rule_counters(text)
        words = marked(text)
        name = next((word for (before, _), (word, _) in pairwise(words) if before == "-A"), None)
        if name is None:
            raise OperationFailed(f"line {self.number} failed - no chain found")
        if name != self._chain:
            for chain in self._chains:
                if chain.name == name:
                    yield from self._open(chain)
                    chain.opened = True
        conditional = len(words) > 2 and words[2][0] not in _TARGETS
        jump = next((place for place in range(2, len(words)) if _is(words[place], _TARGETS)), len(words))
        if self._combine and conditional and _combines(self._last, words):
            yield "<!-- Combine action from next rule -->\n"
        else:
            yield from self._close_rule()
            yield f"      <rule {counters}>\n"
            self._in_rule = True
            if conditional:
                yield "       <conditions>\n"
                yield from self._elements(words, 2, jump)
                yield "       </conditions>\n"
        if not self._in_actions:
            yield "       <actions>\n"
            self._in_actions = True
        yield from self._elements(words, jump, len(words))
        self._last = words

    def _rule_counters(self, text: str) -> tuple[str, str]:
        """The attributes that ``[PACKETS:BYTES]`` makes, and the text behind it."""
        end, colon = text.find("]"), text.find(":")
        packets, _, rest = text[1:].lstrip(":").partition(":")
        octets = rest.lstrip("]").partition("]")[0]
        if end < 0 or (packets and not octets):
            raise ParameterProblem(f"Bad line {self.number}: need ]")
        if not packets:
            raise ParameterProblem(f"Bad line {self.number}: need :")
        return f'packet-count="{_encoded(packets)}" byte-count="{_encoded(octets)}" ', text[
            end + 1 : colon if colon > end else None
        ]

    def _elements(self, words: Sequence[Word], place: int, end: int) -> Iterator[str]:
        """The elements of conditions or of actions: a match or target around its options."""
        outer = spacer = ""
        inner: str | None = None
        inverted = False
        begin = next((text for text, _ in words[place : place + 2] if text != "!"), "")
        if begin[:1] == "-" and begin not in _TARGETS | {"-m"}:
            outer = "match"
            yield "        <match >\n"
        while place < end:
            text, quoted = words[place]
            following = words[place + 1] if place + 1 < len(words) else None
            if not quoted and text == "!":
                inverted = inverted or (following is not None and following[0][:1] == "-")
                yield "" if following is not None and following[0][:1] == "-" else f"{spacer}!"
                spacer = " "
            elif not quoted and text in _TARGETS | _MODULES:
                if following is None:
                    break
                yield from _closed(inner, outer)
                inner, spacer = None, ""
                inverted = False
                place += 1
                outer, opening = self._opened(text, following[0], words[place + 1 : place + 2])
                yield opening
            elif not quoted and text[:1] == "-":
                yield from _closed(inner, "")
                inner, spacer = text.lstrip("-"), ""
                yield f"          <{inner} "
                yield ' invert="1"' if inverted else ""
                inverted = False
                if following is None or following[0][:1] == "-":
                    inner = None
                    yield " />\n"
                else:
                    yield ">"
            else:
                mark = "&quot;" if quoted or " " in text else ""
                yield f"{spacer}{mark}{_encoded(text)}{mark}"
                spacer = " "
            place += 1
        yield from _closed(inner, outer)

    def _opened(self, option: str, name: str, after: Sequence[Word]) -> tuple[str, str]:
        """The element of a match or target, and its beginning: empty and closed where nothing follows in it."""
        if option in _TARGETS and (name == self._chain or any(chain.name == name for chain in self._chains)):
            outer = "goto" if option in _GOTO else "call"
            return outer, f"        <{outer} >\n          <{name} />\n"
        if not after or _is(after[0], _TARGETS | _MODULES):
            return "", f"        <{name}  />\n"
        return name, f"        <{name} >\n"


def _closed(inner: str | None, outer: str) -> Iterator[str]:
    if inner is not None:
        yield f"</{inner}>\n"
    if outer:
        yield f"        </{outer}>\n"


def _is(word: Word, texts: frozenset[str]) -> bool:
    return not word[1] and word[0] in texts


def _combines(old: Sequence[Word], new: Sequence[Word]) -> bool:
    """Whether two rules agree up to their targets, of which the first does not end the chain."""
    for place, ((before, _), (now, _)) in enumerate(zip(old, new, strict=False)):
        if before in _TARGETS and now in _TARGETS:
            return before not in _GOTO and not (place + 1 < len(old) and old[place + 1][0] in _ENDING)
        if before != now:
            return False
    return False


def _read_counters(text: str, before: tuple[int, int]) -> tuple[int, int]:
    """``[PACKETS:BYTES]`` as sscanf reads them; what is not there stays as it was. Printed as signed 64-bit numbers."""
    found = _COUNTERS.match(text)
    if found is None:
        return before
    return _signed(found[1]), before[1] if found[2] is None else _signed(found[2])


def _signed(digits: str) -> int:
    value = int(digits) if len(digits) <= 21 else _U64 + 1
    value = _U64 if abs(value) > _U64 else value & _U64
    return value - (value & _SIGN) * 2


def _cut(name: str) -> str:
    raw = name.encode("utf-8", "surrogateescape")
    return name if len(raw) <= _NAME_SIZE else raw[:_NAME_SIZE].decode("utf-8", "surrogateescape")


def _encoded(text: str) -> str:
    """A text for an attribute or between tags; each byte above 126 as a number."""
    if text.isascii() and "\x7f" not in text:
        return text.translate(_ESCAPES)
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(f"&#{byte};" if byte >= 127 else _ESCAPES.get(byte, chr(byte)) for byte in raw)


def _commented(text: str) -> str:
    """A text for a comment, in which no two dashes may stand together: before each comes a star, before some a blank."""
    pieces = text.removesuffix("\n").split("-")
    return pieces[0] + "".join(f"{' ' if place % 2 else ''}*-{piece}" for place, piece in enumerate(pieces[1:]))
