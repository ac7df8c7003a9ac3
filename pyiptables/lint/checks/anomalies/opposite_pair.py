"""R308."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.alike import condition, constant, placed
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.subject import PlacedRule, Subject

OPPOSITES = frozenset(("ACCEPT", "DROP", "REJECT"))


class OppositePair(Check):
    """Two rules of a chain that match the same and decide the opposite.

    Every packet that the later one is about has been decided by the earlier. One of the two is a mistake. Rules that keep
    state, or whose matches could change between them, are not compared.

    Bad:
        -A INPUT -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT
        -A INPUT -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j DROP

    Good:
        -A INPUT -s 192.0.2.7/32 -p tcp -m tcp --dport 22 -j ACCEPT

    Suppress when:
        never: the later rule does nothing.
    """

    code = "R308"
    name = "opposite-pair"
    severity = Severity.ERROR

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The later of each pair, with the earlier as proof; those without conditions are R303's."""
        for family, table, chain in subject.chains():
            if not subject.readings[family].complete:
                continue
            first: dict[object, PlacedRule] = {}
            for rule in placed(family, table, chain):
                spec = rule.spec
                if spec.target_name not in OPPOSITES or rule.unconditional or not constant(spec, table):
                    continue
                before = first.setdefault(condition(spec), rule)
                if before is rule or (before.spec.target_name == "ACCEPT") is (spec.target_name == "ACCEPT"):
                    continue
                text = f"rule {before.number} decides {before.spec.target_name} about the very same packets"
                yield self.at(subject, rule, text, word=spec.target_name, proof=Proof((subject.place(before),)))
