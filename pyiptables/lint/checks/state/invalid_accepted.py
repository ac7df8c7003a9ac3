"""C504."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import covering, named, places, provable, witness
from pyiptables.lint.states import states
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.fields import CT_STATES

HOOKS = {Hook.INPUT, Hook.FORWARD, Hook.OUTPUT}


class InvalidAccepted(Check):
    """INVALID packets are to be dropped, but rules before accept all of them.

    The rule stands behind others that accept every packet that it asks for, so that none is ever dropped by it. All ways
    to it are looked at. What it is meant for is accepted; it belongs before them.

    Bad:
        -A INPUT -p tcp -j ACCEPT
        -A INPUT -p tcp -m conntrack --ctstate INVALID -j DROP

    Good:
        -A INPUT -p tcp -m conntrack --ctstate INVALID -j DROP
        -A INPUT -p tcp -j ACCEPT

    Suppress when:
        the rule before is there for a while only.
    """

    code = "C504"
    name = "invalid-accepted-before"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules against INVALID of the filter table that no packet comes to."""
        for family in provable(subject):
            for rule in subject.using("state", "conntrack"):
                if rule.family is not family or rule.table != "filter" or states(rule.spec) != CT_STATES["INVALID"]:
                    continue
                if rule.spec.target_name in ("DROP", "REJECT") and not subject.settings.is_foreign(rule.chain):
                    found = self._about(subject, rule)
                    if found is not None:
                        yield found

    def _about(self, subject: Subject, rule: PlacedRule) -> Finding | None:
        reach = subject.reach(rule.family)
        asked = reach.matches(rule.table, rule.chain, rule.number).may
        if not asked or not reach.dead(rule.table, rule.chain, rule.number):
            return None
        if not HOOKS & set(reach.hooks_of("filter", rule.chain)):
            return None
        taking, left = [], asked
        for each in covering(subject, reach, rule):
            takes = reach.takes(each.table, each.chain, each.number)
            if each.spec.jump == "ACCEPT" and takes.must & left:
                taking.append(each)
                left = left - reach.matches(each.table, each.chain, each.number).must
            elif takes.may & left:
                return None  # others than those that accept have a share in it
        if not taking or left:
            return None
        verb = "accept" if len(taking) > 1 else "accepts"
        text = f"no INVALID packet is dropped here: {named(taking)} {verb} all of them before"
        proof = Proof(places(subject, taking), witness(subject, rule, taking, asked))
        return self.at(subject, rule, text, proof=proof)
