"""What ``-m mark`` and ``-m connmark`` share: a mark under a mask."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.marks import MARK_MASK
from pyiptables.predicate import Field, Predicate


class MarkedMatch(Match):
    """Match a mark. A declaration sets ``field``, and ``words``: what ``-L`` prints before the value, also inverted."""

    field: ClassVar[Field]
    words: ClassVar[tuple[str, str]]

    mark = opt("--mark", kind=MARK_MASK, invertible=True, required=True, help="mark, under a mask")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``mark match 0x1/0xff``."""
        return f" {self.words[self.inverts(self.options['mark'])]}{MARK_MASK.save(self.mark, facts)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The mark under the mask; a value with bits outside of the mask is never met."""
        value, mask = self.mark
        yield self.wants(self.options["mark"], facts, lambda negate: self.field.masked(mask, value, negate=negate))
