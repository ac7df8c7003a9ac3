"""C506."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import provable
from pyiptables.lint.states import states
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.fields import CT_STATES

AUTOMATIC = "net.netfilter.nf_conntrack_helper"
ICMP = (1, 58)


class RelatedHelpers(Check):
    """RELATED is accepted whichever helper expects the connection.

    Without helpers RELATED is ICMP errors alone. A helper (FTP, SIP ...) reads addresses and ports in what clients send
    and expects connections to them: whoever can speak through it can open ports. ``-m helper``, a port range and a
    destination say which of these are meant. Said where the rules assign helpers (``CT --helper``), or where a snapshot's
    sysctl has the kernel assign them by itself; ICMP, and rules that name a helper, are left alone.

    Bad:
        -A PREROUTING -t raw -p tcp --dport 21 -j CT --helper ftp
        -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT

    Good:
        -A PREROUTING -t raw -p tcp --dport 21 -j CT --helper ftp
        -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
        -A FORWARD -m conntrack --ctstate RELATED -m helper --helper ftp -p tcp --dport 1024: -j ACCEPT

    Suppress when:
        only clients who are trusted speak through the helper.
    """

    code = "C506"
    name = "related-any-helper"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The rules of the filter table that accept any RELATED packet."""
        automatic = subject.host is not None and subject.host.sysctl(AUTOMATIC, 0) > 0
        for family in provable(subject):
            assigned = [rule for rule in subject.using("CT") if rule.family is family and _assigns(rule)]
            if not assigned and not automatic:
                continue
            note = f"{AUTOMATIC} is on" if automatic else "the raw table assigns helpers"
            for rule in subject.using("state", "conntrack"):
                if rule.family is not family or not _accepts_related(rule):
                    continue
                reach = subject.reach(family)
                if not {Hook.INPUT, Hook.FORWARD} & set(reach.hooks_of("filter", rule.chain)):
                    continue
                if not reach.dead("filter", rule.chain, rule.number):
                    text = "this accepts whatever connections helpers expect"
                    yield self.at(subject, rule, text, proof=Proof(note=note))


def _assigns(rule: PlacedRule) -> bool:
    return rule.spec.target is not None and "helper" in rule.spec.target.values


def _accepts_related(rule: PlacedRule) -> bool:
    spec = rule.spec
    asked = states(spec)
    if rule.table != "filter" or spec.jump != "ACCEPT" or asked is None or not asked & CT_STATES["RELATED"]:
        return False
    if spec.protocol is not None and not spec.protocol.invert and spec.protocol.number in ICMP:
        return False
    if spec.in_interface is not None and spec.in_interface.name == "lo":
        return False
    return not any(match.name == "helper" for match in spec.matches)
