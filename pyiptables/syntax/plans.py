"""What lines of one shape have in common, and how the values of one of them become its rule.

Values are read by the same readers as in the walk. Each table of values read is filled as they come; equal values give
the very same frozen part, mostly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

from pyiptables.errors import Error
from pyiptables.extensions.base import Extension, Option, OptionUses, RuleFacts
from pyiptables.ruleset.model import STANDARD_VERDICTS, AddressMatch, InterfaceMatch, RuleSpec
from pyiptables.syntax.parts import Parts
from pyiptables.syntax.reader import NO_INTERFACE, Line, Loaded
from pyiptables.syntax.uses import Context, option_words

MOST_ADDRESSES = 1 << 12
MOST_TEXTS = 1 << 14
MOST_NUMBERS = 1 << 16
"""How many are kept: numbers come again, comments and addresses seldom."""

_NONE: frozenset[str] = frozenset()
_HAVE_A_SAY = ("__init__", "read_option", "combine", "check")
Values = Sequence[str]
"""The words in which lines of one shape differ, in their order."""


class Unusual(Error):
    """A value that is left to the walk."""

    def __init__(self) -> None:
        super().__init__("not read by a plan")


class Filled(dict[Any, Any]):
    """A table that reads what it does not have yet, and begins anew when it has so many."""

    __slots__ = ("_most", "_read")

    def __init__(self, read: Callable[[Any], Any], most: int) -> None:
        self._read = read
        self._most = most

    def __missing__(self, key: Any) -> Any:
        value = self._read(key)
        if len(self) >= self._most:
            self.clear()
        self[key] = value
        return value


class PartTables:
    """Addresses and interfaces by their texts, each a table without ``!`` and one with it; those of extensions' uses."""

    def __init__(self, parts: Parts) -> None:
        self.addresses = tuple([Filled(partial(_address, parts, invert), MOST_ADDRESSES) for invert in (False, True)])
        self.extensions: dict[object, Filled] = {}
        self.interfaces = tuple(
            [Filled(partial(_interface, parts, invert), MOST_ADDRESSES) for invert in (False, True)]
        )


def _address(parts: Parts, invert: bool, text: str) -> AddressMatch | None:
    found = parts.read_addresses(text, invert)
    if len(found) != 1:
        raise Unusual
    return found[0]


def _interface(parts: Parts, invert: bool, text: str) -> InterfaceMatch:
    read = parts.interface(text, invert)
    if read.match is None or read.warning:
        raise Unusual
    return read.match


class Plan:
    """How the values of one shape become a rule.

    ``chain``: which value is the chain's name; ``refused``: chains that it cannot be because of the interfaces.
    ``target``: the name of the target, empty for a verdict.
    """

    __slots__ = (
        "_destination", "_destinations", "_fragment", "_goto", "_in", "_in_interfaces", "_jump", "_matches", "_out",
        "_out_interfaces", "_protocol", "_source", "_sources", "_target_use", "chain", "refused", "target",
    )  # fmt: skip

    def __init__(self, line: Line, spec: RuleSpec, free: Sequence[int], tables: PartTables) -> None:
        """``free``: the places of the values among the words of the line that the walk has read."""
        places, inverted = line.places, line.inverted
        at = {letter: free.index(places[letter]) if letter in places else None for letter in "sdio"}
        self.chain = free.index(places["chain"])
        self.refused = frozenset(chain for chain, letter in NO_INTERFACE.items() if letter in line.interfaces)
        self._source, self._destination, self._in, self._out = (at[letter] for letter in "sdio")
        self._sources, self._destinations = (tables.addresses[letter in inverted] for letter in "sd")
        self._in_interfaces, self._out_interfaces = (tables.interfaces[letter in inverted] for letter in "io")
        self._protocol, self._fragment, self._jump, self._goto = spec.protocol, spec.fragment, spec.jump, spec.goto
        self._matches = [_use(loaded, line, free, tables) for loaded in line.matches]
        self._target_use = _use(line.target, line, free, tables) if line.target is not None else None
        self.target = "" if spec.jump in STANDARD_VERDICTS and not spec.goto else spec.target_name

    def spec(self, values: Values, jump: str | None) -> RuleSpec:
        """The rule; ``jump`` is the chain behind ``-j`` where lines differ in it. Error: the walk must read it."""
        source, destination, in_interface, out_interface = self._source, self._destination, self._in, self._out
        target = self._target_use
        return RuleSpec(
            None if source is None else self._sources[values[source]],
            None if destination is None else self._destinations[values[destination]],
            None if in_interface is None else self._in_interfaces[values[in_interface]],
            None if out_interface is None else self._out_interfaces[values[out_interface]],
            self._protocol,
            self._fragment,
            tuple([table[key(values)] for key, table in self._matches]),
            None if target is None else target[1][target[0](values)],
            self._jump if jump is None else jump,
            self._goto,
        )


def used_values(line: Line) -> Iterator[tuple[int, str]]:
    """The words of a line that the walk took for values, with their places."""
    places = line.places
    yield places["chain"], line.chain or ""
    yield from ((places[letter], text) for letter, text in line.addresses.items())
    yield from ((places[letter], match.name) for letter, match in line.interfaces.items() if match is not None)
    if "j" in places:
        yield places["j"], line.jump
    for loaded in (*line.matches, *([line.target] if line.target is not None else [])):
        for _, _, _, place, texts in loaded.steps:
            yield from enumerate(texts, place)


def _nothing(values: Values) -> tuple[str, ...]:
    return ()


def _use(loaded: Loaded, line: Line, free: Sequence[int], tables: PartTables) -> tuple[Callable[[Values], Any], Filled]:
    """What of the values an extension's options have, and the table of extensions by that."""
    places = [place for *_, start, texts in loaded.steps for place in range(start, start + len(texts)) if place in free]
    key = itemgetter(*[free.index(place) for place in places]) if places else _nothing
    table = tables.extensions.get(same := _same(loaded, line, places))
    if table is None:
        recurring = all(line.walk.words[place].isalnum() for place in places)
        table = Filled(_Use(loaded, line, places), MOST_NUMBERS if recurring else MOST_TEXTS)
        tables.extensions[same] = table
    return key, table


def _same(loaded: Loaded, line: Line, places: Sequence[int]) -> object:
    """What uses have in common that make the same of the same values."""
    words = line.walk.words
    steps = [
        (option, inverted, context, *[None if at in places else words[at] for at in range(start, start + len(texts))])
        for option, inverted, context, start, texts in loaded.steps
    ]
    return (loaded.extension, line.context, *steps)


class _Use:
    """The use of one extension in lines of one shape: makes the match or target of the values that stand in one."""

    __slots__ = ("_alone", "_extension", "_facts", "_plain", "_steps", "_warnings")

    def __init__(self, loaded: Loaded, line: Line, places: Sequence[int]) -> None:
        self._extension = loaded.extension
        self._warnings: list[str] = []
        self._facts = self._own_facts(line, line.context)
        self._alone = len(places) == 1
        self._plain = len(loaded.steps) == 1 and _says_what_it_reads(loaded.extension, loaded.steps[0][0])
        self._steps = [
            (
                option,
                inverted,
                self._own_facts(line, context),
                _texts(start, texts, places),
                option_words(option, (), inverted),
            )
            for option, inverted, context, start, texts in loaded.steps
        ]

    def _own_facts(self, line: Line, context: Context) -> RuleFacts:
        facts = line.facts(context)
        facts.warnings = self._warnings
        return facts

    def __call__(self, key: Any) -> Any:
        """The match or target; Error where the walk must read it. ``key``: its values, one alone as it is."""
        values = (key,) if self._alone else key
        return self._read_plain(values) if self._plain else self._read(values)

    def _read_plain(self, values: Values) -> Any:
        """One option and nothing else that has a say: what :meth:`_read` comes to then."""
        option, inverted, facts, texts_of, before = self._steps[0]
        texts = texts_of(values)
        facts.extension, facts.inverted = self._extension.name, inverted
        value = option.kind.parse(texts, option, facts)
        if self._warnings or (option.neutral is not None and value == option.neutral):
            self._warnings.clear()
            return self._read(values)
        attribute = option.attribute
        made = self._extension({attribute: value}, frozenset((attribute,)) if inverted else _NONE)
        made.given = before + texts
        return made

    def _read(self, values: Values) -> Any:
        uses = OptionUses(self._extension)
        given: tuple[str, ...] = ()
        for option, inverted, facts, texts_of, before in self._steps:
            texts = texts_of(values)
            uses.take(option, texts, inverted, facts)
            given += before + texts
        made = uses.make(self._facts)
        made.given = given
        if self._warnings:
            self._warnings.clear()
            raise Unusual
        return made


def _says_what_it_reads(extension: type[Extension], option: Option) -> bool:
    """Whether the option's value is all that it comes to: nothing converts, combines or checks it."""
    if option.to is not None or option.convert is not None or option.multi:
        return False
    declared = extension.__mro__[: extension.__mro__.index(Extension)]
    return not any(name in vars(each) for each in declared for name in _HAVE_A_SAY)


def _texts(start: int, texts: Sequence[str], places: Sequence[int]) -> Callable[[Any], tuple[str, ...]]:
    """What gives an option's words, which began at a place: from the values at their places, the others as they were."""
    if all(place in places for place in range(start, start + len(texts))):
        return itemgetter(slice(places.index(start), places.index(start) + len(texts)) if texts else slice(0, 0))
    at = [places.index(place) if place in places else None for place in range(start, start + len(texts))]
    return lambda values: tuple([text if i is None else values[i] for i, text in zip(at, texts, strict=True)])
