"""The option walk of getopt_long(3), as iptables uses it.

Two ways: :class:`Walk` returns words in the order they stand (optstring ``-:``), and learns new options on the way, as
``-m`` and ``-j`` bring them in; :func:`gather` is the plain way of iptables-restore, which sets other words aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pyiptables.errors import Error

NONE, REQUIRED, OPTIONAL = 0, 1, 2
"""Whether an option takes a value; an optional one must be glued to it."""

END = None
PLAIN = "word"
MISSING = "missing"
UNKNOWN = "unknown"
"""What :meth:`Walk.next` returns beside an option's meaning."""


class Known:
    """An option: what it means to the caller, and whether it takes a value."""

    __slots__ = ("argument", "meaning")

    def __init__(self, meaning: Any, argument: int) -> None:
        self.meaning = meaning
        self.argument = argument


class Misuse(Error):
    """An option that getopt_long itself refuses, in its words."""


class Walk:
    """One pass over the words.

    ``known`` maps words with their dashes (``-A``, ``--append``) to options; :meth:`learn` adds more long ones, which
    come before those learnt earlier and after the first. ``argument`` is the value of the option just returned, or the
    plain word; ``index`` is that of the next word, and may be moved on by who takes words as values.
    """

    __slots__ = ("_rest", "argument", "bad", "extra", "index", "known", "words")

    def __init__(self, words: Sequence[str], known: Mapping[str, Known]) -> None:
        self.words = words
        self.known = known
        self.extra: list[Mapping[str, Known]] = []
        self.index = 0
        self.argument: str | None = None
        self.bad = ""
        self._rest = ""

    def learn(self, options: Mapping[str, Known]) -> None:
        """Know these long options too."""
        self.extra.insert(0, options)

    def next(self) -> Any:
        """The meaning of the next option, or PLAIN, MISSING, UNKNOWN (``bad`` names it), or END."""
        if self._rest:
            return self._letter()
        index = self.index
        words = self.words
        if index >= len(words):
            return END
        word = words[index]
        self.index = index + 1
        if word[:1] != "-" or word == "-":
            self.argument = word
            return PLAIN
        found = self.known.get(word)
        if found is None:
            for options in self.extra:
                found = options.get(word)
                if found is not None:
                    break
            else:
                return self._unusual(word)
        if found.argument == REQUIRED:
            return self._following(found)
        self.argument = None
        return found.meaning

    def again(self) -> None:
        """Look at the word just refused once more: more is known now."""
        if not self._rest:
            self.index -= 1

    def _following(self, found: Known) -> Any:
        if self.index >= len(self.words):
            self.bad = self.words[self.index - 1]
            return MISSING
        self.argument = self.words[self.index]
        self.index += 1
        return found.meaning

    def _unusual(self, word: str) -> Any:
        """Abbreviated, with its value glued to it, or several letters in one word; ``--`` ends the options."""
        if word[:2] != "--":
            self._rest = word[1:]
            return self._letter()
        if word == "--":
            return END
        name, glued, value = word.partition("=")
        found = self._long(name)
        if found is None:
            self.bad = word
            return UNKNOWN
        if not glued:
            if found.argument == REQUIRED:
                return self._following(found)
            self.argument = None
            return found.meaning
        if found.argument == NONE:
            self.bad = f"-{found.meaning}" if isinstance(found.meaning, str) else word
            return UNKNOWN
        self.argument = value
        return found.meaning

    def _long(self, name: str) -> Known | None:
        tables = [self.known, *self.extra]
        for options in tables:
            if name in options:
                return options[name]
        return abbreviated(name, ((long, option) for options in tables for long, option in options.items()))

    def _letter(self) -> Any:
        letter, self._rest = self._rest[0], self._rest[1:]
        found = self.known.get("-" + letter) if letter not in "-:;" else None
        if found is None:
            self.bad = "-" + letter
            return UNKNOWN
        if found.argument == NONE:
            self.argument = None
            return found.meaning
        rest, self._rest = self._rest, ""
        if rest:
            self.argument = rest
            return found.meaning
        if found.argument == REQUIRED:
            return self._following(found)
        self.argument = None
        return found.meaning


def abbreviated(name: str, options: Iterable[tuple[str, Known]]) -> Known | None:
    """The only option that begins so (several names of one option count once), or None."""
    first: Known | None = None
    for long, option in options:
        if long.startswith(name) and long[:2] == "--":
            if first is None:
                first = option
            elif first.meaning != option.meaning or first.argument != option.argument:
                return None
    return first


def gather(
    words: Sequence[str],
    known: Mapping[str, Known],
    program: str,
    take: Callable[[str, str | None], object],
    greedy: str = "",
) -> list[str]:
    """Hand on each option with its value as it is met; the other words. Misuse with getopt_long's own message.

    Options in ``greedy`` take the next word as their value where none is glued to them and it begins with neither ``-``
    nor ``!``, as iptables itself does for ``-w`` and ``-W``.
    """
    walk = Walk(words, known)
    others: list[str] = []
    while (found := walk.next()) is not END:
        if found == PLAIN:
            others.append(walk.argument or "")
        elif found == MISSING:
            raise Misuse(f"{program}: {_wanting(walk)}")
        elif found == UNKNOWN:
            raise Misuse(f"{program}: {refusal(walk, known)}")
        else:
            value = walk.argument
            if (
                value is None
                and found in greedy
                and words[walk.index : walk.index + 1]
                and words[walk.index][:1] not in ("-", "!")
            ):
                value = words[walk.index]
                walk.index += 1
            take(found, value)
    return others + list(words[walk.index :])


def _wanting(walk: Walk) -> str:
    if walk.bad[:2] != "--":
        return f"option requires an argument -- '{walk.bad[-1]}'"
    full = next((name for name in walk.known if name.startswith(walk.bad)), walk.bad)
    return f"option '{full}' requires an argument"


def refusal(walk: Walk, known: Mapping[str, Known]) -> str:
    """What getopt_long says of the option that it has just refused as UNKNOWN."""
    word = walk.words[walk.index - 1]
    if word[:2] != "--":
        return f"invalid option -- '{walk.bad[-1]}'"
    name, _, _ = word.partition("=")
    fitting = [long for long in known if long[:2] == "--" and long.startswith(name)]
    if not fitting:
        return f"unrecognized option '{word}'"
    if len(fitting) > 1 and name not in known:
        return f"option '{name}' is ambiguous; possibilities: " + " ".join(f"'{long}'" for long in fitting)
    return f"option '{name if name in known else fitting[0]}' doesn't allow an argument"
