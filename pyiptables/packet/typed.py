"""A packet typed in iptables' own words: ``-i eth0 -p tcp -s 198.51.100.7 -d 192.0.2.1 --dport 443 --syn``.

The words are those that rules match packets with; here each says what the packet is. The table of them, and what a
packet has where nothing is said, is in :mod:`pyiptables.packet.typed_words`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.packet.typed_packet import TypedPacket, assemble
from pyiptables.packet.typed_words import LONG, SHORT, Given, Word, find, nearest, refusal


def typed_packet(words: Sequence[str], family: Family) -> TypedPacket:
    """The packet that the words describe; PacketError with the place of the wrong word in the line of all of them."""
    line = " ".join(words)
    given = tuple(_Walk(words, line).given())
    return assemble(given, family, line)


class _Walk:
    """The words one after the other, as getopt_long takes them; ``column`` counts from 1 in the line of them all."""

    def __init__(self, words: Sequence[str], line: str) -> None:
        self.words = words
        self.line = line
        self.at = 0
        self.column = 1

    def given(self) -> Iterator[Given]:
        """Each word of the table with its values."""
        while self.at < len(self.words):
            text, column = self._next()
            if text.startswith("--") and len(text) > 2:
                name, equals, value = text.partition("=")
                word = find(name)
                if word is None:
                    raise self._unknown(name, column)
                yield self._with_values(word, name, value if equals else None, column)
            elif text.startswith("-") and len(text) > 1:
                yield from self._short(text, column)
            else:
                raise self._stray(text, column)

    def _short(self, text: str, column: int) -> Iterator[Given]:
        """``-p tcp``, ``-ptcp``, ``-fp tcp``."""
        rest = text[1:]
        while rest:
            name, rest = f"-{rest[0]}", rest[1:]
            word = SHORT.get(name)
            if word is None:
                raise self._unknown(name, column)
            value = (rest.removeprefix("=") or None) if word.values else None
            rest = "" if word.values else rest
            yield self._with_values(word, name, value, column)

    def _with_values(self, word: Word, name: str, attached: str | None, column: int) -> Given:
        if not word.values:
            if attached is not None:
                raise PacketError(f"{name} takes no value", column=column, snippet=self.line)
            return Given(word, name, (), column)
        if attached is not None:
            return Given(word, name, (attached,), column)
        if self.at >= len(self.words):
            raise PacketError(f"{name} needs a value", column=column, snippet=self.line, hint=f"{name} {word.metavar}")
        values = [self._next()[0]]
        if word.values > 1 and self.at < len(self.words) and not self.words[self.at].startswith(("-", "!")):
            values.append(self._next()[0])
        return Given(word, name, tuple(values), column)

    def _next(self) -> tuple[str, int]:
        text, column = self.words[self.at], self.column
        self.at += 1
        self.column += len(text) + 1
        return text, column

    def _unknown(self, name: str, column: int) -> PacketError:
        return PacketError(
            f'a packet has no "{name}"',
            column=column,
            snippet=self.line,
            hint=refusal(name) or nearest(name, LONG),
        )

    def _stray(self, text: str, column: int) -> PacketError:
        hint = (
            "a packet has one value for each; leave out the !"
            if text == "!"
            else "expected a word such as -p or --dport"
        )
        return PacketError(f'unexpected "{text}"', column=column, snippet=self.line, hint=hint)
