"""K702."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import beginning, covering, places, provable, verdicts
from pyiptables.lint.subject import Subject

_BANS = ("f2b-", "fail2ban-", "sshguard", "crowdsec", "CROWDSEC")


class BanTooLate(Check):
    """A jump to the bans of fail2ban (sshguard, CrowdSec) behind rules that accept what it is for.

    Such programs put their jump at the top when they start; whoever then loads or inserts rules, or starts ufw, may get
    before them, and the bans ban nothing. Part of the profile co-tenants.

    Bad:
        -A INPUT -p tcp --dport 22 -j ACCEPT
        -A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd

    Good:
        -A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Suppress when:
        the bans are put in elsewhere too.
    """

    code = "K702"
    name = "ban-too-late"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Jumps to which nothing comes that begins a connection, since it is accepted before."""
        for family in provable(subject):
            for rule in subject.rules:
                if rule.family is not family or not (rule.spec.jump or "").startswith(_BANS):
                    continue
                reach = subject.reach(family)
                begins = beginning(reach, "! -i lo ! -o lo", rule.table)
                asked = reach.matches(rule.table, rule.chain, rule.number).may & begins
                if not asked or reach.takes(rule.table, rule.chain, rule.number).may & asked:
                    continue
                taking = covering(subject, reach, rule)
                if "ACCEPT" in verdicts(reach, taking, asked):
                    text = f"{rule.spec.jump} bans nobody: new connections are accepted before"
                    yield self.at(subject, rule, text, proof=Proof(places(subject, taking)))
