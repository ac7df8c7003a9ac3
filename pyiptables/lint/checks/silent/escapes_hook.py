"""W113."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.subject import TERMINAL, Subject
from pyiptables.ruleset.model import Chain, Rule, Table
from pyiptables.ruleset.validity import LOOP
from pyiptables.syntax.recovery import accepted


class EscapesHookCheck(Check):
    """A rule that the kernel would refuse if it could be reached.

    The kernel looks at the places of matches and targets only as far as packets can come. Behind an unconditional ACCEPT,
    DROP or RETURN a rule is taken that belongs to another hook. When the rule before it goes, nothing loads any more.

    Bad:
        *mangle
        -A INPUT -j ACCEPT
        -A INPUT -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu

    Good:
        *mangle
        -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu

    Suppress when:
        never: the rule does nothing, and is in the way.
    """

    code = "W113"
    name = "escapes-hook-check"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """What the kernel refuses once nothing stands before it."""
        for family in subject.families:
            for table in subject.ruleset(family).tables.values():
                opened = _opened(table)
                if opened is None:
                    continue
                _, refused = accepted(opened, family)
                for each in refused:
                    if each.text == LOOP:
                        continue
                    source = subject.source(family, table.name)
                    text = source.line(each.line or 0)
                    place = subject.line_place(source, each.line or 1, 1, len(text) + 1, table.name, each.chain)
                    note = "it is taken only because no packet comes to it"
                    yield self.found(place, each.hint or each.text, proof=Proof(note=note), family=family)


def _opened(table: Table) -> Table | None:
    """The table without verdicts behind which other rules stand; None where there are none."""
    chains: dict[str, Chain] = {}
    changed = False
    for name, chain in table.chains.items():
        kept = tuple(rule for rule in chain.rules[:-1] if not _stops(rule)) + chain.rules[-1:]
        changed = changed or len(kept) < len(chain.rules)
        chains[name] = Chain(name, kept, chain.policy, chain.counters)
    return Table(table.name, MappingProxyType(chains)) if changed else None


def _stops(rule: Rule) -> bool:
    return rule.spec.unconditional and rule.spec.jump in TERMINAL
