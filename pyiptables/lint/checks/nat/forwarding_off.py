"""N412."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.sets import PacketSet
from pyiptables.hooks import Family, Hook
from pyiptables.host import Host, RouteType
from pyiptables.lint import translated
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import provable
from pyiptables.lint.subject import PlacedRule, Subject


class ForwardingOff(Check):
    """Rules for forwarded packets on a host that forwards none.

    Only said with a snapshot's sysctls or a host file: forwarding is off for every interface, so that nothing comes to
    FORWARD, and what DNAT sends to another host is dropped by routing. It is a warning where DNAT does that, else
    information.

    Bad:
        net.ipv4.ip_forward = 0
        -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5

    Good:
        net.ipv4.ip_forward = 1
        -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5

    Suppress when:
        some other program turns forwarding on before the rules are needed.
    """

    code = "N412"
    name = "forwarding-off"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """DNAT to other hosts; else the first rule of FORWARD that accepts."""
        if subject.host is None:
            return
        for family in provable(subject):
            setting = _off(subject.host, family)
            if setting is None:
                continue
            proof = Proof(note=f"{setting} is 0, and so it is for each interface")
            sent = [rule for rule in translated.redirecting(subject, family, "DNAT") if _leaves(subject, rule)]
            for rule in sent:
                text = f"what this rule sends to {translated.whither(rule)} is dropped: this host forwards nothing"
                yield self.at(subject, rule, text, word="DNAT", proof=proof, severity=Severity.WARNING)
            accepting = None if sent else _accepting(subject, family)
            if accepting is not None:
                yield self.at(subject, accepting, "this host forwards nothing: no packet comes here", proof=proof)


def _off(host: Host, family: Family) -> str | None:
    """The setting that says that nothing is forwarded, None where something is, or it is not known."""
    version = family.version
    everywhere = "net.ipv4.ip_forward" if version == 4 else "net.ipv6.conf.all.forwarding"
    names = [f"net/ipv{version}/conf/{link.name}/forwarding" for link in host.interfaces if not link.loopback]
    values = [host.sysctl(name, -1) for name in (everywhere, *names)]
    return everywhere if len(values) > 1 and all(value == 0 for value in values) else None


def _leaves(subject: Subject, rule: PlacedRule) -> bool:
    chosen, host = translated.goal(rule), subject.host
    if chosen is None or host is None or chosen[0] != chosen[1]:
        return False
    surely = translated.taken(subject.reach(rule.family), rule)[1]
    return bool(surely) and host.address_type(rule.family, chosen[0]) is RouteType.UNICAST


def _accepting(subject: Subject, family: Family) -> PlacedRule | None:
    reach = subject.reach(family)
    received = PacketSet(reach.space, reach.space.has(reach.space.iif))
    for rule in subject.rules:
        if (rule.family, rule.table, rule.spec.jump) != (family, "filter", "ACCEPT"):
            continue
        if subject.settings.is_foreign(rule.chain) or reach.hooks_of("filter", rule.chain) != (Hook.FORWARD,):
            continue
        if reach.takes(rule.table, rule.chain, rule.number).may & received:
            return rule
    return None
