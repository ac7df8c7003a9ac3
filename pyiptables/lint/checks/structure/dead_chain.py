"""S202."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import places, provable
from pyiptables.lint.subject import PlacedRule, Subject


class DeadChain(Check):
    """A chain to which rules jump that no packet comes to.

    The jumps stand behind rules that take everything, in chains that nobody jumps to, or their conditions cannot hold. The
    first such chain on a way is reported, with the jumps to it.

    Bad:
        -A INPUT -j DROP
        -A INPUT -p tcp -j web
        -A web -p tcp --dport 443 -j ACCEPT

    Good:
        -A INPUT -p tcp -j web
        -A INPUT -j DROP
        -A web -p tcp --dport 443 -j ACCEPT

    Suppress when:
        the jump is switched off for a while.
    """

    code = "S202"
    name = "dead-chain"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Chains with jumps to them, at least one from a chain that packets come to."""
        for family in provable(subject):
            reach = subject.reach(family)
            for table in subject.ruleset(family).tables.values():
                jumps: dict[str, list[PlacedRule]] = {}
                for chain in table.chains.values():
                    for number, rule in enumerate(chain.rules, 1):
                        if rule.spec.jump in table.chains:
                            placed = PlacedRule(family, table.name, chain.name, number, rule)
                            jumps.setdefault(rule.spec.jump or "", []).append(placed)
                for name, rules in jumps.items():
                    if subject.settings.is_foreign(name):
                        continue
                    if not table.chains[name].rules or reach.chain_arrives(table.name, name).may:
                        continue
                    alive = [rule for rule in rules if reach.chain_arrives(table.name, rule.chain).may]
                    if alive:
                        place = subject.chain_place(family, table.name, name)
                        text = f"no packet comes to {name}: no jump to it can be taken"
                        yield self.found(place, text, proof=Proof(places(subject, alive)), family=family)
