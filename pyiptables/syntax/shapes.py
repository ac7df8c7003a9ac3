"""Rules of a shape that has been met before, read without walking their words again.

Most lines of a large ruleset differ in addresses, ports, names and comments alone. The *form* of a line is its words
without those that may be such values: words that begin with a letter or digit and stand behind an option, unless that
option decides which options there are (``-p``, ``-m``, ``-j``, ``-g``); what stands behind these is told apart by name,
but for chains behind ``-j``. The option walk looks at a value only to hand it to the value's reader: it goes the same
way through all lines of one form with the same names. What it found in the first of them is the *plan* for the others:
which word is the value of which option. There is a plan only where the walk took every word left out as a value.

The walk remains the definition. It reads the first line of each shape, and whatever is unusual in a later one: what
cannot be read, what is warned about, lists of addresses, targets that are chains.

Where lines of a shape keep coming, their texts are read by a regular expression: see syntax/spellings.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter

from pyiptables.errors import Error
from pyiptables.ruleset.edits import TableEdit
from pyiptables.ruleset.model import ZERO, Counters
from pyiptables.syntax import numbers
from pyiptables.syntax.commands import Command
from pyiptables.syntax.parts import Parts
from pyiptables.syntax.plans import PartTables, Plan, Values, used_values
from pyiptables.syntax.reader import Line
from pyiptables.syntax.spellings import Spellings

VALUES_FROM = "."
"""Words that sort before this stay in a form: those that begin with ``-`` or ``!`` among others, and the empty one."""
_JUMPS = ("-j", "--jump")
_NAMING = frozenset((*_JUMPS, "-g", "--goto", "-p", "--protocol", "-m", "--match"))
_MOST_PLANS = 1 << 10


class Shapes:
    """The shapes met in one table of a restore file.

    ``announced``: the chains, each under its own name, that are taken for no extension behind ``-j``.
    """

    def __init__(self, parts: Parts, announced: Mapping[str, str]) -> None:
        self._announced = announced
        self._tables = PartTables(parts)
        self._forms: dict[tuple[str | None, ...], _Form] = {}
        self._count = 0
        self._new: tuple[_Form, object] | None = None
        self._spellings = Spellings()

    def append_text(self, text: str, edit: TableEdit, number: int, counting: bool) -> bool:
        """Append the rule of a whole line, if it is spelt as many before; else do nothing.

        ``counting``: whether counters that stand before the rule are taken.
        """
        found = self._spellings.read(text)
        if found is None:
            return False
        plan, values, jumps, packets, octets = found
        jump = None
        if jumps is not None:
            jump = self._announced.get(values[jumps])
            if jump is None:
                return False
        try:
            counters = numbers.counters(packets, octets) if counting else ZERO
            return _append(plan, values, jump, counters, edit, number)
        except Error:  # the walk meets it again, and says where
            return False

    def append(
        self, words: Sequence[str], counters: tuple[str, str] | None, edit: TableEdit, number: int, text: str = ""
    ) -> bool:
        """Append the rule that the words say, if there is a plan for them; else do nothing, and the walk must read it.

        ``counters``, and the ``number`` of the line, become the rule's. ``text`` is what the words were split from.
        """
        kept = tuple([word if word < VALUES_FROM else None for word in words])
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
        values = form.values(words)
        try:
            seen = ZERO if counters is None else numbers.counters(*counters)
            done = _append(plan, values, jump, seen, edit, number)
        except Error:
            return False
        if done:
            named, jumps = (form.jump, 0) if jump is None else (0, form.jump)
            self._spellings.note(plan, text, words, form.free, named, jumps)
        return done

    def learn(self, line: Line, command: Command) -> None:
        """Make a plan of what the walk has found in the words that :meth:`append` has just left to it."""
        if self._new is None or (command.specs and (len(command.specs) > 1 or None in line.interfaces.values())):
            return
        form, key = self._new
        if self._count >= _MOST_PLANS:
            self._forms.clear()
            self._count = 0
        self._count += 1
        known = command.letter == "A" and not command.verbose and _explained(line, form)
        form.plans[key] = Plan(line, command.specs[0], form.free, self._tables) if known else None


def _append(plan: Plan, values: Values, jump: str | None, counters: Counters, edit: TableEdit, number: int) -> bool:
    """Append the rule of a plan, unless the chain or the target are not what the walk took them for."""
    chain = values[plan.chain]
    if chain in plan.refused:
        return False
    spec = plan.spec(values, jump)
    target = plan.target if jump is None else jump
    if target and edit.is_chain(target) is not (spec.target is None):
        return False
    edit.append(chain, spec, counters, number)
    return True


class _Form:
    """What lines of one form share.

    ``free``: places of the words left out, and of the word behind ``-j``, which is ``jump``, 0 for none; ``values`` gives
    the words there, ``names`` those that must be equal all the same. ``plans``: by names and jump, None where the walk
    must read all.
    """

    __slots__ = ("free", "jump", "names", "plans", "values")

    def __init__(self, words: Sequence[str]) -> None:
        hidden = [place for place, word in enumerate(words) if word >= VALUES_FROM]
        before = {place: words[place - 1] if place else "" for place in hidden}
        self.jump = next((place for place in hidden if before[place] in _JUMPS), 0)
        free = {place for place in hidden if before[place][:1] == "-" and before[place] not in _NAMING}
        self.free = sorted(free | {self.jump} - {0})
        self.values = _words_at(self.free)
        self.names = _words_at([place for place in hidden if place not in self.free])
        self.plans: dict[object, Plan | None] = {}


def _words_at(places: Sequence[int]) -> Callable[[Sequence[str]], Values]:
    return itemgetter(*places) if len(places) > 1 else lambda words: tuple([words[place] for place in places])


def _explained(line: Line, form: _Form) -> bool:
    """Whether the walk took all free words as values, and all values as words of their own, those of options free."""
    words = line.walk.words
    values = dict(used_values(line))
    own = {line.places[letter] for letter in ("chain", *"sdio") if letter in line.places}
    return own <= set(form.free) <= values.keys() and all(words[at] == text for at, text in values.items())
