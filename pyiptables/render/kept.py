"""Rules as the file holds them that a ruleset lives in: as iptables-save prints them, where that says all.

The kernel keeps more than iptables can print: ``-p ipcomp -m ipcomp --ipcompspi :`` is printed without its range, names
with blanks without quotes, rates rounded. Such a rule stands in the file with the words that it was given.
"""

from __future__ import annotations

from pyiptables.errors import Error
from pyiptables.extensions.base import Extension, RuleFacts
from pyiptables.hooks import Family
from pyiptables.render.rules import rule_text
from pyiptables.render.words import readable
from pyiptables.ruleset.model import ANY_INTERFACE, STANDARD_VERDICTS, RuleSpec, Table
from pyiptables.syntax.reader import Reader
from pyiptables.syntax.words import split


class KeptForm:
    """What is written in this form; ``printed``: whether iptables-save prints the very same lines, so far."""

    __slots__ = ("printed",)

    def __init__(self) -> None:
        self.printed = True

    def word(self, text: str) -> str:
        """A name so that it can be read again."""
        shown = readable(text)
        if shown != text:
            self.printed = False
        return shown


class KeptRules:
    """Writes the rules of one table."""

    def __init__(self, table: Table, family: Family, form: KeptForm | None = None) -> None:
        self._form = form or KeptForm()
        self._table = table.name
        self._family = family
        self._reader = Reader(family)
        self._reader.announced.update(table.chains)
        self._facts = RuleFacts(family, table.name)
        self._as_given: dict[int, bool] = {}
        self._read_again: set[object] = set()

    def text(self, spec: RuleSpec, chain: str) -> str:
        """A rule's line, without its line break, which read again gives the same rule."""
        form = self._form
        printed = rule_text(spec, chain, self._family, self._table, word=form.word, whole=True, facts=self._facts)
        if "\n" in printed or ANY_INTERFACE in (spec.in_interface, spec.out_interface):
            form.printed = False  # a line that is more than one, or says what is not printed
        if self._says_all(spec) or self._gives(printed, spec):
            return printed
        form.printed = False
        return rule_text(spec, chain, self._family, self._table, word=readable, options=_given, whole=True)

    def _says_all(self, spec: RuleSpec) -> bool:
        """Whether what is printed of each extension are the very words that it was given."""
        if not spec.matches and spec.target is None:
            return True
        facts = self._facts  # told about this rule when its text was made
        extensions = spec.matches if spec.target is None else (*spec.matches, spec.target)
        return all(self._is_as_given(extension, facts) for extension in extensions)

    def _is_as_given(self, extension: Extension, facts: RuleFacts) -> bool:
        found = self._as_given.get(id(extension))  # rules that say the same share their extensions
        if found is None:
            text = extension.save(facts)
            words = tuple(split(text, limited=False)) if '"' in text else tuple(text.split())
            found = self._as_given[id(extension)] = words == extension.given
        return found

    def _gives(self, text: str, spec: RuleSpec) -> bool:
        """Whether the text, read, gives the rule: one of many that differ in what is read by itself is read for all."""
        alike = self._alike(spec)
        if alike in self._read_again:
            return True
        try:
            same = self._reader.read(split(text, limited=False), self._table).specs == (spec,)
        except Error:
            return False
        if same and alike is not None:
            self._read_again.add(alike)
        return same

    def _alike(self, spec: RuleSpec) -> object:
        """What rules share of which all can be read again or none; None where it is not told by this.

        Of extensions that print the words that they were given only the options count, of others each by itself.
        """
        first, last, jump = spec.in_interface, spec.out_interface, spec.jump
        names = [name for name in (jump, first and first.name, last and last.name) if name]
        if not all(name.isascii() and name.replace("-", "").isalnum() and name[0] != "-" for name in names):
            return None
        return (
            *[None if end is None else (end.mask, end.invert) for end in (spec.source, spec.destination)],
            *[None if end is None else end.invert for end in (first, last)],
            *(spec.protocol, spec.fragment, spec.goto, jump if jump in STANDARD_VERDICTS else jump is None),
            *[self._use(match) for match in spec.matches],
            None if spec.target is None else self._use(spec.target),
        )

    def _use(self, extension: Extension) -> object:
        if self._is_as_given(extension, self._facts):
            return (extension.__class__, *extension.values, extension.inverted)
        return id(extension)


def _given(extension: Extension, facts: RuleFacts) -> str:
    """The options with the words that they were given; as they are printed where none are known."""
    if not extension.given:
        return extension.save(facts)
    return "".join(f" {readable(word)}" for word in extension.given)
