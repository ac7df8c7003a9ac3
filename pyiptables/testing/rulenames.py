"""Rules as expectations name them: by comment, by the text that made them, or by their place.

``NAS: web`` is the comment of a rule (or of several). What begins with a dash is the rule or policy itself, in iptables'
words: ``-A INPUT -p tcp --dport 22 -j ACCEPT``, ``-P INPUT DROP``, ``-t nat -A POSTROUTING -j MASQUERADE``; it need not be
spelled as it is saved. ``filter INPUT 3`` is a place, which moves when rules are inserted; number 0 is the policy.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyiptables.errors import Error
from pyiptables.hooks import TABLES, Family
from pyiptables.packet.typed_words import nearest
from pyiptables.render.rules import rule_text
from pyiptables.ruleset.model import Ruleset, RuleSpec
from pyiptables.syntax.reader import Reader
from pyiptables.testing.outcome import Step

_PLACE = re.compile(rf"({'|'.join(TABLES)}) (\S+) (?:rule )?(\d{{1,9}})")


@dataclass(frozen=True, slots=True)
class RuleName:
    """A rule as it was named. ``table`` is empty where the text does not say it; ``spec`` is None but for a rule's text."""

    text: str
    comment: str | None = None
    table: str = ""
    chain: str = ""
    number: int | None = None
    policy: str = ""
    spec: RuleSpec | None = None

    def fits(self, step: Step) -> bool:
        """Whether that rule or policy is meant."""
        if self.comment is not None:
            return self.comment in comments(step.spec)
        if self.table not in ("", step.table) or self.chain != step.chain:
            return False
        if self.number is not None:
            return self.number == step.number
        if self.policy:
            return not step.number and self.policy == step.policy
        return step.spec is not None and self.spec == step.spec.comparable


def read_rule_name(text: str, family: Family) -> RuleName:
    """The rule that a text names; Error where it begins like a rule and is none."""
    place = _PLACE.fullmatch(text)
    if place is not None:
        return RuleName(text, table=place[1], chain=place[2], number=int(place[3]))
    if not text.startswith("-"):
        return RuleName(text, comment=text)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise Error(f"a quote is not closed in {text!r}") from error
    command = Reader(family).read(words)
    named = any(word == "-t" or word.startswith("--t") for word in words)
    table = command.table if named else ""
    if command.letter == "P":
        return RuleName(text, table=table, chain=command.chain or "", policy=command.policy or "")
    if command.letter != "A" or len(command.specs) != 1:
        raise Error(f"{text!r} does not name one rule", hint='expected "-A CHAIN ...", "-P CHAIN POLICY" or a comment')
    return RuleName(text, table=table, chain=command.chain or "", spec=command.specs[0].comparable)


def comments(spec: RuleSpec | None) -> Iterator[str]:
    """The comments of a rule."""
    for match in spec.matches if spec is not None else ():
        if match.name == "comment":
            comment: Any = match.values.get("comment")
            yield str(comment)


def step_text(step: Step | None, family: Family) -> str:
    """A rule or policy in words: its place and its text."""
    if step is None:
        return "no rule"
    if step.spec is None:
        return f"-P {step.chain} {step.policy} (policy of {step.table} {step.chain})"
    return f"{rule_text(step.spec, step.chain, family, step.table)} ({step.table} {step.chain} rule {step.number})"


def absent(name: RuleName, ruleset: Ruleset) -> str:
    """What to say where the ruleset has no such rule at all; empty where it has one."""
    known: dict[str, None] = {}
    for table, chain, number, rule in ruleset.rules():
        if name.fits(Step(table.name, chain.name, number, rule.spec)):
            return ""
        known.update(dict.fromkeys(comments(rule.spec)))
    if name.policy or name.number == 0:
        return ""
    what = "comment" if name.comment is not None else "rule"
    hint = nearest(name.comment, known) if name.comment is not None else None
    return f"the ruleset has no such {what}" + (f", {hint}" if hint else "")
