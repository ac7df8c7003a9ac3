"""N404."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import Subject


class TranslatesAll(Check):
    """MASQUERADE or SNAT for everything that leaves, wherever it goes.

    Without ``-o``, ``-s`` or any other condition the addresses of clients that come in are rewritten too: servers behind
    the router see the router's address in all their logs, and their own rules about sources no longer hold.

    Bad:
        -A POSTROUTING -j MASQUERADE

    Good:
        -A POSTROUTING -s 10.0.0.0/8 -o eth0 -j MASQUERADE

    Suppress when:
        that is what is wanted, as in a proxy that must see the answers.
    """

    code = "N404"
    name = "translates-all"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Such rules in POSTROUTING itself, unless a rule before them has conditions that spare some."""
        for rule in subject.using("MASQUERADE", "SNAT"):
            if rule.table != "nat" or rule.chain != Hook.POSTROUTING.name or not rule.unconditional:
                continue
            chain = subject.ruleset(rule.family).tables["nat"].chains[rule.chain]
            if not any(each.spec.jump in ("RETURN", "ACCEPT") for each in chain.rules[: rule.number - 1]):
                text = "everything that leaves gets another source, what clients outside send to hosts inside too"
                yield self.at(subject, rule, text, word=rule.spec.target_name)
