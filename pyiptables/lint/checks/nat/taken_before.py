"""N410."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.alike import action
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import HOSTS_OWN, covering, named, places, provable
from pyiptables.lint.states import states
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.fields import CT_STATES

TRANSLATING = ("DNAT", "REDIRECT", "NETMAP", "SNAT", "MASQUERADE")
BEGINNING = CT_STATES["NEW"] | CT_STATES["RELATED"]


class TakenBefore(Check):
    """A NAT rule that translates nothing: it comes too late, or asks for packets that the nat table never sees.

    A connection is translated by the first rule that takes its first packet, for as long as it lasts. A rule behind one
    that takes all of these never translates anything; where it would send packets somewhere else than the rule before, one
    of the two is a mistake, and it is a warning. So it is for a rule that asks for ESTABLISHED packets: they do not come to
    the nat table.

    Bad:
        -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5
        -A PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.6

    Good:
        -A PREROUTING -i eth0 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.6
        -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5

    Suppress when:
        the second rule stands ready for the time when the first is taken away.
    """

    code = "N410"
    name = "translated-before"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules that translate, and that nothing comes to."""
        for family in provable(subject):
            for rule in subject.using(*TRANSLATING):
                if rule.family is family and rule.table == "nat" and not subject.settings.is_foreign(rule.chain):
                    yield from self._about(subject, rule)

    def _about(self, subject: Subject, rule: PlacedRule) -> Iterator[Finding]:
        reach = subject.reach(rule.family)
        if not reach.dead(rule.table, rule.chain, rule.number) or not reach.chain_arrives("nat", rule.chain):
            return
        if any(match.name in HOSTS_OWN for match in rule.spec.matches):
            return
        asked = states(rule.spec)
        if asked is not None and not asked & BEGINNING:
            text = "this translates nothing: only packets that begin a connection come to the nat table"
            yield self.at(subject, rule, text, option="--ctstate" if _has(rule, "conntrack") else "--state")
            return
        if not reach.matches(rule.table, rule.chain, rule.number).may:
            return
        taking = [each for each in covering(subject, reach, rule) if each.spec.jump != "RETURN"]
        if not taking or not any(each.spec.target_name in TRANSLATING for each in taking):
            return
        other = [each for each in taking if action(each.spec) != action(rule.spec)]
        destined = rule.spec.target_name in ("DNAT", "REDIRECT")
        elsewhere = destined and all(each.spec.target_name in ("DNAT", "REDIRECT") for each in other)
        severity = Severity.WARNING if other and elsewhere else Severity.INFO
        verb = "translate" if len(taking) > 1 else "translates"
        text = f"this translates nothing: {named(taking)} {verb} all that it asks for"
        proof = Proof(places(subject, taking))
        yield self.at(subject, rule, text, word=rule.spec.target_name, proof=proof, severity=severity)


def _has(rule: PlacedRule, name: str) -> bool:
    return any(match.name == name for match in rule.spec.matches)
