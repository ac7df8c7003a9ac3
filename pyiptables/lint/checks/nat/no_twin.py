"""N406."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint import translated
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import provable
from pyiptables.lint.subject import PlacedRule, Subject


class NoTwin(Check):
    """DNAT or REDIRECT in PREROUTING for whoever comes, but not for this host's own processes.

    What a process of the host sends goes through OUTPUT, not PREROUTING: when it uses the same address and port it is not
    translated, and ``curl`` on the host itself fails where everyone else succeeds. Said of rules that ask for no
    interface and no source, of which nothing is translated in OUTPUT.

    Bad:
        -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080

    Good:
        -A PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080
        -A OUTPUT -o lo -p tcp --dport 80 -j REDIRECT --to-ports 8080

    Suppress when:
        nothing on the host uses the service.
    """

    code = "N406"
    name = "not-for-own-processes"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Such rules without a twin."""
        for family in provable(subject):
            for rule in translated.redirecting(subject, family, "DNAT", "REDIRECT"):
                spec = rule.spec
                if rule.chain != Hook.PREROUTING.name or spec.in_interface is not None or spec.source is not None:
                    continue
                if not self._has_twin(subject, rule):
                    text = "what this host's own processes send is not translated: it does not pass PREROUTING"
                    note = "OUTPUT of the nat table translates nothing of this"
                    yield self.at(subject, rule, text, word=spec.target_name, proof=Proof(note=note))

    @staticmethod
    def _has_twin(subject: Subject, rule: PlacedRule) -> bool:
        reach = subject.reach(rule.family)
        asked = reach.matches(rule.table, rule.chain, rule.number).may
        return any(
            each.family is rule.family and each.table == "nat"
            and Hook.OUTPUT in reach.hooks_of("nat", each.chain)
            and reach.matches(each.table, each.chain, each.number).may & asked
            for each in subject.using("DNAT", "REDIRECT", "NETMAP")
        )  # fmt: skip
