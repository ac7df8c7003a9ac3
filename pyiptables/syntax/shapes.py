"""Rules of a shape that has been met before, read without walking their words again.

Most lines of a large ruleset differ in addresses, ports, names and comments alone. The *form* of a line is its words
without those that may be such values: words that begin with a letter or digit and stand behind an option, unless that
option decides which options there are (``-p``, ``-m``, ``-j``, ``-g``); what stands behind these is told apart by name,
but for chains behind ``-j``. The option walk looks at a value only to hand it to the value's reader: it goes the same
way through all lines of one form with the same names. What it found in the first of them is the *plan* for the others:
which word is the value of which option. There is a plan only where the walk took every word left out as a value.

The walk remains the definition. It reads the first line of each shape, and whatever is unusual in a later one: what
cannot be read, what is warned about, lists of addresses, targets that are chains. Values are read by the same readers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

from pyiptables.errors import Error
from pyiptables.extensions.base import OptionUses, RuleFacts
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import STANDARD_VERDICTS, ZERO, AddressMatch, InterfaceMatch, RuleSpec
from pyiptables.syntax import numbers
from pyiptables.syntax.commands import Command
from pyiptables.syntax.parts import Parts
from pyiptables.syntax.reader import NO_INTERFACE, Line, Loaded
from pyiptables.syntax.uses import Context, option_words

_VALUES_FROM = "."
"""Words that sort before this stay in a form: those that begin with ``-`` or ``!`` among others, and the empty one."""
_JUMPS = ("-j", "--jump")
_NAMING = frozenset((*_JUMPS, "-g", "--goto", "-p", "--protocol", "-m", "--match"))
_MOST_PLANS = 1 << 10
_MOST_KEPT = 1 << 16

Value = tuple[int, bool]
"""Where a value stands among the words, and whether ``!`` stands before its option."""


class _Unusual(Error):
    """A value that is left to the walk."""

    def __init__(self) -> None:
        super().__init__("not read by a plan")


class Shapes:
    """The shapes met in one table of a restore file.

    ``announced``: the chains, each under its own name, that are taken for no extension behind ``-j``.
    """

    def __init__(self, parts: Parts, announced: Mapping[str, str]) -> None:
        self._parts = parts
        self._announced = announced
        self._forms: dict[tuple[str | None, ...], _Form] = {}
        self._count = 0
        self._new: tuple[_Form, object] | None = None

    def append(self, words: Sequence[str], counters: tuple[str, str] | None, edit: TableEdit, number: int) -> bool:
        """Append the rule that the words say, if there is a plan for them; else do nothing, and the walk must read it.

        ``counters``, and the ``number`` of the line, become the rule's.
        """
        kept = tuple([word if word < _VALUES_FROM else None for word in words])
        form = self._forms.get(kept)
        if form is None:
            form = self._forms[kept] = _Form(words)
        target = words[form.jump] if form.jump else ""
        jump = self._announced.get(target) if target else None
        key = (form.names(words), target if jump is None else None)
        plan = form.plans.get(key)
        if plan is None:
            self._new = None if key in form.plans else (form, key)
            return False
        self._new = None
        try:
            spec = plan.spec(words, jump, self._parts)
            chain = words[plan.chain]
            if chain in plan.refused:
                return False
            target = plan.target if jump is None else jump
            if target and edit.is_chain(target) is not (spec.target is None):  # not what the walk took it for
                return False
            edit.append(chain, spec, ZERO if counters is None else numbers.counters(*counters), number)
        except Error:  # the walk meets it again, and says where
            return False
        return True

    def learn(self, line: Line, command: Command) -> None:
        """Make a plan of what the walk has found in the words that :meth:`append` has just left to it."""
        if self._new is None or (command.specs and (len(command.specs) > 1 or None in line.interfaces.values())):
            return
        form, key = self._new
        if self._count >= _MOST_PLANS:
            self._forms.clear()
            self._count = 0
        self._count += 1
        form.plans[key] = Plan(line, command.specs[0]) if command.letter == "A" and _explained(line, form) else None


class _Form:
    """What lines of one form share.

    ``free``: places of the words left out; ``names`` gives those that must be equal all the same; ``jump``: the place of
    the word behind ``-j``, 0 for none; ``plans``: by names and jump, None where the walk must read all.
    """

    __slots__ = ("free", "jump", "names", "plans")

    def __init__(self, words: Sequence[str]) -> None:
        hidden = [place for place, word in enumerate(words) if word >= _VALUES_FROM]
        before = {place: words[place - 1] if place else "" for place in hidden}
        self.jump = next((place for place in hidden if before[place] in _JUMPS), 0)
        self.free = {place for place in hidden if before[place][:1] == "-" and before[place] not in _NAMING}
        self.names = _words_at([place for place in hidden if place not in self.free and place != self.jump])
        self.plans: dict[object, Plan | None] = {}


def _words_at(places: Sequence[int]) -> Callable[[Sequence[str]], object]:
    return itemgetter(*places) if places else lambda words: None


def _explained(line: Line, form: _Form) -> bool:
    """Whether the walk took all free words as values, and all values as words of their own."""
    words = line.walk.words
    values = dict(_values(line))
    return form.free | {form.jump} - {0} <= values.keys() and all(words[at] == text for at, text in values.items())


def _values(line: Line) -> Iterator[tuple[int, str]]:
    """The values of a line with their places."""
    places = line.places
    yield places["chain"], line.chain or ""
    yield from ((places[letter], text) for letter, text in line.addresses.items())
    yield from ((places[letter], match.name) for letter, match in line.interfaces.items() if match is not None)
    if "j" in places:
        yield places["j"], line.jump
    for loaded in (*line.matches, *([line.target] if line.target is not None else [])):
        for _, _, _, place, texts in loaded.steps:
            yield from enumerate(texts, place)


class Plan:
    """How the words of one shape become a rule.

    ``chain``: where the chain's name stands; ``refused``: chains that it cannot be because of the interfaces.
    ``target``: the name of the target, empty for a verdict. The others are parts of the rule.
    """

    __slots__ = (
        "chain", "destination", "fragment", "goto", "in_interface", "jump", "matches", "out_interface", "protocol",
        "refused", "source", "target", "target_use",
    )  # fmt: skip

    def __init__(self, line: Line, spec: RuleSpec) -> None:
        self.chain = line.places["chain"]
        self.refused = frozenset(chain for chain, letter in NO_INTERFACE.items() if letter in line.interfaces)
        self.source, self.destination, self.in_interface, self.out_interface = (
            (line.places[letter], letter in line.inverted) if letter in line.places else None for letter in "sdio"
        )
        self.protocol, self.fragment, self.jump, self.goto = spec.protocol, spec.fragment, spec.jump, spec.goto
        self.matches = tuple([_Use(loaded, line) for loaded in line.matches])
        self.target_use = _Use(line.target, line) if line.target is not None else None
        self.target = "" if spec.jump in STANDARD_VERDICTS and not spec.goto else spec.target_name

    def spec(self, words: Sequence[str], jump: str | None, parts: Parts) -> RuleSpec:
        """The rule; ``jump`` is the chain behind ``-j`` where lines differ in it. Error: the walk must read it."""
        return RuleSpec(
            _address(words, self.source, parts) if self.source is not None else None,
            _address(words, self.destination, parts) if self.destination is not None else None,
            _interface(words, self.in_interface, parts) if self.in_interface is not None else None,
            _interface(words, self.out_interface, parts) if self.out_interface is not None else None,
            self.protocol,
            self.fragment,
            tuple([use.read(words) for use in self.matches]),
            self.target_use.read(words) if self.target_use is not None else None,
            self.jump if jump is None else jump,
            self.goto,
        )


def _address(words: Sequence[str], value: Value, parts: Parts) -> AddressMatch | None:
    place, inverted = value
    found = parts.addresses(words[place], inverted)
    if len(found) != 1:
        raise _Unusual
    return found[0]


def _interface(words: Sequence[str], value: Value, parts: Parts) -> InterfaceMatch:
    place, inverted = value
    read = parts.interface(words[place], inverted)
    if read.match is None or read.warning:
        raise _Unusual
    return read.match


class _Use:
    """The use of one extension in lines of one shape. Equal words give the very same match or target, mostly."""

    __slots__ = ("_extension", "_facts", "_made", "_steps", "_texts", "_warnings")

    def __init__(self, loaded: Loaded, line: Line) -> None:
        self._extension = loaded.extension
        self._warnings: list[str] = []
        self._facts = self._own_facts(line, line.context)
        self._steps = [
            (option, slice(place, place + len(texts)), inverted, self._own_facts(line, context))
            for option, inverted, context, place, texts in loaded.steps
        ]
        self._texts = _words_at([place for _, part, *_ in self._steps for place in range(part.start, part.stop)])
        self._made: dict[object, Any] = {}

    def _own_facts(self, line: Line, context: Context) -> RuleFacts:
        facts = line.facts(context)
        facts.warnings = self._warnings
        return facts

    def read(self, words: Sequence[str]) -> Any:
        """The match or target with the values that stand among the words; Error where the walk must read them."""
        texts = self._texts(words)
        found = self._made.get(texts)
        if found is not None:
            return found
        uses = OptionUses(self._extension)
        given: tuple[str, ...] = ()
        for option, part, inverted, facts in self._steps:
            values = words[part]
            uses.take(option, values, inverted, facts)
            given += option_words(option, values, inverted)
        found = uses.make(self._facts)
        found.given = given
        if self._warnings:
            self._warnings.clear()
            raise _Unusual
        if len(self._made) >= _MOST_KEPT:
            self._made.clear()
        self._made[texts] = found
        return found
