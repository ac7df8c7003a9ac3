"""C503."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof, Severity
from pyiptables.lint.proofs import provable
from pyiptables.lint.states import states
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.fields import CT_STATES

LIBERAL = "net.netfilter.nf_conntrack_tcp_be_liberal"
STATES = ("state", "conntrack", "comment")


class InvalidForwarded(Check):
    """Forwarded packets that are INVALID are dropped, whatever the reason.

    A router that sees one direction of a connection only (two ways out, a load balancer that answers directly), or a
    sender whose window runs ahead, has valid connections whose packets are INVALID: to drop them makes these stall. It is
    right on a router that sees both directions, so the check is off unless asked for. It says nothing where
    nf_conntrack_tcp_be_liberal is known to be on, and never that INVALID should be dropped.

    Bad:
        -A FORWARD -m conntrack --ctstate INVALID -j DROP

    Good:
        sysctl net.netfilter.nf_conntrack_tcp_be_liberal=1
        -A FORWARD -m conntrack --ctstate INVALID -j DROP

    Suppress when:
        both directions of every connection pass this host.
    """

    code = "C503"
    name = "drops-invalid-forwarded"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules on the way of forwarded packets that drop INVALID and nothing else."""
        if subject.host is not None and subject.host.sysctl(LIBERAL, 0) > 0:
            return
        for family in provable(subject):
            for rule in subject.using("state", "conntrack"):
                if rule.family is family and _drops_invalid(rule) and not subject.settings.is_foreign(rule.chain):
                    reach = subject.reach(family)
                    forwarded = Hook.FORWARD in reach.hooks_of(rule.table, rule.chain)
                    if forwarded and not reach.dead(rule.table, rule.chain, rule.number):
                        text = "with one-way routes, packets of valid connections are INVALID and are dropped here"
                        note = f"{LIBERAL} tells connection tracking not to judge TCP's windows"
                        yield self.at(subject, rule, text, proof=Proof(note=note))


def _drops_invalid(rule: PlacedRule) -> bool:
    spec = rule.spec
    plain = spec.source is None and spec.destination is None and spec.protocol is None
    return (
        spec.target_name in ("DROP", "REJECT")
        and plain
        and states(spec) == CT_STATES["INVALID"]
        and all(match.name in STATES for match in spec.matches)
    )
