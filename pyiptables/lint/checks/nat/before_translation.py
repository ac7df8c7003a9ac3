"""N401."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import behind_translation, named, places, provable, translators
from pyiptables.lint.subject import Subject


class BeforeTranslation(Check):
    """A FORWARD rule that asks for the address or port from before DNAT.

    PREROUTING's nat comes first: what FORWARD sees has the new destination. A rule that accepts or drops by the old one is
    asked about none of these packets. The original destination is told by ``-m conntrack --ctorigdst --ctorigdstport``.

    Bad:
        *nat
        -A PREROUTING -i eth0 -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.5:80
        *filter
        -A FORWARD -i eth0 -p tcp --dport 8080 -j ACCEPT

    Good:
        -A FORWARD -i eth0 -d 10.0.0.5 -p tcp --dport 80 -j ACCEPT

    Suppress when:
        the rule is kept for the time when the translation is taken away.
    """

    code = "N401"
    name = "matches-before-translation"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules of FORWARD that translation leaves nothing for."""
        for family in provable(subject):
            for rule in behind_translation(subject, family, Hook.FORWARD):
                if not rule.ends or rule.spec.jump == "RETURN":
                    continue
                found = translators(subject, rule)
                if found:
                    takes = "changes" if len(found) == 1 else "change"
                    text = f"no new connection that this asks for comes to {rule.chain}: "
                    text += f"{named(found)} {takes} its destination before"
                    yield self.at(subject, rule, text, proof=Proof(places(subject, found)))
