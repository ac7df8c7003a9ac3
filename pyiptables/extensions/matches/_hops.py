"""What ``-m ttl`` and ``-m hl`` share: the time to live compared with a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts
from pyiptables.packet.fields import ip
from pyiptables.predicate import Predicate


class HopsMatch(Match):
    """Match the time to live. A declaration sets the options ``lt``, ``gt``, ``eq``, and ``word``, what ``-L`` calls it."""

    lt: Any
    gt: Any
    eq: Any
    word: ClassVar[str]
    missing: ClassVar[str]

    def check(self, facts: RuleFacts) -> None:
        """One of the three must be there."""
        if not self.values:
            raise ParameterProblem(self.missing)

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``TTL match TTL == 42``."""
        ((attribute, value),) = self.values.items()
        sign = {"lt": "<", "gt": ">"}.get(attribute) or ("!=" if self.inverted else "==")
        return f" {self.word} match {self.word} {sign} {value}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The comparison."""
        cls = type(self)
        yield self.wants(cls.lt, facts, lambda _: ip.ttl.within((0, self.lt - 1)))
        yield self.wants(cls.gt, facts, lambda _: ip.ttl.within((self.gt + 1, 0xFF)))
        yield self.wants(cls.eq, facts, lambda negate: ip.ttl.equals(self.eq, negate=negate))
