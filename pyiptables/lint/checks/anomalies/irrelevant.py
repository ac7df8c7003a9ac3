"""R306."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.host import RouteType
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.addresses import to_text


class Irrelevant(Check):
    """A rule for an interface or an address that the host does not have.

    Only where the host is known (``--host``, or a snapshot folder): an interface that is not there, or, in chains that INPUT
    alone leads to, one single destination that is not the host's, no broadcast and no group. It is information, since
    interfaces come and go (PPP, VPNs, containers).

    Bad:
        -A INPUT -i eth7 -p tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -i eth0 -p tcp --dport 22 -j ACCEPT

    Suppress when:
        the interface comes later, as those of VPNs do.
    """

    code = "R306"
    name = "irrelevant-rule"
    severity = Severity.INFO

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules that name what a known host has not."""
        host = subject.host
        if host is None or not host.interfaces:
            return
        names = [each.name for each in host.interfaces]
        for rule in subject.rules:
            for option, end in (("-i", rule.spec.in_interface), ("-o", rule.spec.out_interface)):
                if end is not None and not end.invert and not _is_there(end.name, names):
                    yield self.at(subject, rule, f"this host has no interface {end.name}", option=option)
            address = _single(rule)
            if (
                address is not None
                and host.address_type(rule.family, address) == RouteType.UNICAST
                and _arrives_only(subject, rule)
            ):
                text = f"{to_text(address, rule.family)} is no address of this host: nothing sent to it comes to INPUT"
                yield self.at(subject, rule, text, option="-d")


def _is_there(name: str, names: list[str]) -> bool:
    return any(each.startswith(name[:-1]) for each in names) if name.endswith("+") else name in names


def _single(rule: PlacedRule) -> int | None:
    """The one destination a rule asks for."""
    side = rule.spec.destination
    return None if side is None or side.invert or side.mask != (1 << rule.family.bits) - 1 else side.address


def _arrives_only(subject: Subject, rule: PlacedRule) -> bool:
    chains = subject.ruleset(rule.family).tables[rule.table].chains
    if chains[rule.chain].built_in:
        return rule.chain == "INPUT"
    return subject.reach(rule.family).hooks_of(rule.table, rule.chain) == (Hook.INPUT,)
