"""R303."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from pyiptables.lint.alike import placed
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.subject import Subject


class AfterTerminal(Check):
    """Rules behind one that takes every packet.

    A rule without conditions that accepts, drops, rejects, returns, goes to another chain or translates ends its chain:
    what stands behind it sees no packet. Rules are reported together, at the first of them.

    Bad:
        -A INPUT -j DROP
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -p tcp --dport 22 -j ACCEPT
        -A INPUT -j DROP

    Suppress when:
        the chain is switched off for a while by the rule before.
    """

    code = "R303"
    name = "after-terminal"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """For each chain, the first rule behind such a one."""
        for family, table, chain in subject.chains():
            if not subject.readings[family].complete:
                continue
            rules = placed(family, table, chain)
            for rule, following in pairwise(rules):
                if not (rule.unconditional and rule.ends):
                    continue
                if following.rule.line == rule.rule.line and following.rule.line:
                    break
                dead = len(rules) - rule.number
                does = f"-g {rule.spec.jump}" if rule.spec.goto else rule.spec.target_name
                many = "this rule" if dead == 1 else f"this rule and {dead - 1} more"
                text = f"no packet comes to {many}: rule {rule.number} of {chain.name} takes every one ({does})"
                yield self.at(subject, following, text, proof=Proof((subject.place(rule),)))
                break
