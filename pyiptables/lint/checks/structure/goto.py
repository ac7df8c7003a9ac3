"""S207."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.subject import PlacedRule, Subject


class GotoFallsOff(Check):
    """A ``-g`` to a chain that may come to its end, with rules behind it.

    What falls off the end of a chain that was gone to does not come back behind the ``-g``, but to the last jump before
    it; from a built-in chain that is the policy. The rules behind the ``-g`` are never asked about these packets. Mostly
    ``-j`` was meant.

    Bad:
        -A INPUT -p tcp -g tcp_in
        -A INPUT -j LOG
        -A tcp_in -p tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -p tcp -j tcp_in
        -A INPUT -j LOG
        -A tcp_in -p tcp --dport 22 -j ACCEPT

    Suppress when:
        the policy is what should decide about the rest.
    """

    code = "S207"
    name = "goto-falls-off"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Such rules in built-in chains, whose last rule is another."""
        for rule in subject.rules:
            if not rule.spec.goto or rule.spec.jump is None:
                continue
            table = subject.ruleset(rule.family).tables[rule.table]
            chain = table.chains[rule.chain]
            to = table.chains.get(rule.spec.jump)
            if to is None or not chain.built_in or rule.number == len(chain.rules):
                continue
            last = PlacedRule(rule.family, rule.table, to.name, len(to.rules), to.rules[-1]) if to.rules else None
            if last is not None and last.unconditional and last.ends and last.spec.jump != "RETURN":
                continue
            text = f"what falls off the end of {to.name} meets the policy {chain.policy}, not the rules behind this one"
            yield self.at(subject, rule, text, word=to.name, proof=Proof(note="-j would come back here"))
