"""N403."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import behind_translation, named, places, provable, translators
from pyiptables.lint.subject import Subject


class UselessBlock(Check):
    """An INPUT rule against packets that DNAT sends elsewhere.

    The port is blocked in INPUT, but PREROUTING's nat gives its packets another destination before, and they go through
    FORWARD: the service is as open as before. That is how ports of containers stay open behind a firewall that denies
    them. They are blocked in FORWARD (DOCKER-USER), by the new port or by ``--ctorigdstport``.

    Bad:
        *nat
        -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
        *filter
        -A INPUT -p tcp --dport 8080 -j DROP

    Good:
        -A DOCKER-USER -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP

    Suppress when:
        the rule is there for the time when the translation is taken away.
    """

    code = "N403"
    name = "useless-block"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules of INPUT that deny what never comes there."""
        for family in provable(subject):
            for rule in behind_translation(subject, family, Hook.INPUT):
                if rule.spec.target_name not in ("DROP", "REJECT"):
                    continue
                found = translators(subject, rule)
                if found:
                    sends = "sends" if len(found) == 1 else "send"
                    text = f"this blocks no new connection: {named(found)} {sends} what it asks for elsewhere before"
                    yield self.at(subject, rule, text, proof=Proof(places(subject, found)))
