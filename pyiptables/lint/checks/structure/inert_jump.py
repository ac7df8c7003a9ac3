"""S206."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.checks.structure.no_target import notes
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import Subject
from pyiptables.ruleset.model import Table


class InertJump(Check):
    """A jump to a chain that does nothing.

    It has rules, but none of them, nor of the chains that they jump to, decides, changes, logs or notes anything: each
    packet comes back as it went.

    Bad:
        -A INPUT -j web
        -A web -p tcp --dport 443 -j RETURN

    Good:
        -A INPUT -j web
        -A web -p tcp --dport 443 -j ACCEPT

    Suppress when:
        the chain is there for its counters.
    """

    code = "S206"
    name = "jump-without-effect"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Jumps to such chains that are not empty: these are S203's."""
        for family in subject.families:
            for table in subject.ruleset(family).tables.values():
                if not subject.whole_table(family, table.name):
                    continue
                inert = _inert(table)
                for rule in subject.rules:
                    if (rule.family, rule.table) != (family, table.name) or rule.spec.goto:
                        continue
                    to = rule.spec.jump or ""
                    if to in inert and table.chains[to].rules and not subject.settings.is_foreign(to):
                        yield self.at(subject, rule, f"nothing in {to} decides or does anything", word=to)


def _inert(table: Table) -> set[str]:
    """The chains without an effect: found by taking away those with one, until none is left to take."""
    inert = {name for name, chain in table.chains.items() if not chain.built_in}
    changed = True
    while changed:
        changed = False
        for name in sorted(inert):
            for rule in table.chains[name].rules:
                spec = rule.spec
                quiet = spec.target is None and (spec.jump in (None, "RETURN") or spec.jump in inert) and not spec.goto
                if not quiet or any(map(notes, spec.matches)):
                    inert.discard(name)
                    changed = True
                    break
    return inert
