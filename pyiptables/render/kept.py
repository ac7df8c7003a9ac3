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
from pyiptables.ruleset.model import RuleSpec, Table
from pyiptables.syntax.reader import Reader
from pyiptables.syntax.words import split


class KeptRules:
    """Writes the rules of one table."""

    def __init__(self, table: Table, family: Family) -> None:
        self._table = table.name
        self._family = family
        self._reader = Reader(family)
        self._reader.announced.update(table.chains)
        self._as_given: dict[int, bool] = {}

    def text(self, spec: RuleSpec, chain: str) -> str:
        """A rule's line, without its line break, which read again gives the same rule."""
        printed = rule_text(spec, chain, self._family, self._table, word=readable, whole=True)
        if self._says_all(spec) or self._gives(printed, spec):
            return printed
        return rule_text(spec, chain, self._family, self._table, word=readable, options=_given, whole=True)

    def _says_all(self, spec: RuleSpec) -> bool:
        """Whether what is printed of each extension are the very words that it was given."""
        if not spec.matches and spec.target is None:
            return True
        facts = spec.facts(self._family, self._table)
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
        try:
            return self._reader.read(split(text, limited=False), self._table).specs == (spec,)
        except Error:
            return False


def _given(extension: Extension, facts: RuleFacts) -> str:
    """The options with the words that they were given; as they are printed where none are known."""
    if not extension.given:
        return extension.save(facts)
    return "".join(f" {readable(word)}" for word in extension.given)
