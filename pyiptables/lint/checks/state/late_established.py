"""C502."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import ESTABLISHED
from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Severity
from pyiptables.lint.proofs import provable
from pyiptables.lint.states import states
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.fields import CT_STATES

EARLY = 20
"""The place up to which such a rule counts as early."""
STATES = ("state", "conntrack", "comment")


class LateEstablished(Check):
    """ESTABLISHED packets are accepted behind many other rules.

    Nearly all packets belong to connections that are accepted already; each of them is held against every rule before the
    one that accepts it. A matter of speed, and only felt with much traffic: off unless asked for.

    Bad:
        -A INPUT -s 192.0.2.1/32 -j DROP
        (and twenty more)
        -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT

    Good:
        -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
        -A INPUT -s 192.0.2.1/32 -j DROP

    Suppress when:
        the rules before must also cut connections that are there already.
    """

    code = "C502"
    name = "late-established"
    severity = Severity.INFO
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """The first such rule of INPUT, FORWARD and OUTPUT, where it stands late."""
        for family in provable(subject):
            table = subject.ruleset(family).tables.get("filter")
            for hook in (Hook.INPUT, Hook.FORWARD, Hook.OUTPUT) if table is not None else ():
                rules = table.chains[hook.name].rules if table is not None else ()
                for number, each in enumerate(rules, 1):
                    rule = PlacedRule(family, "filter", hook.name, number, each)
                    if not _accepts_established(rule):
                        continue
                    reach = subject.reach(family)
                    known = PacketSet(reach.space, reach.space.state.equals(ESTABLISHED))
                    if number > EARLY and reach.takes("filter", hook.name, number).may & known:
                        text = f"packets of known connections pass {number - 1} rules before they are accepted"
                        yield self.at(subject, rule, text)
                    break


def _accepts_established(rule: PlacedRule) -> bool:
    spec = rule.spec
    asked = states(spec)
    return (
        spec.jump == "ACCEPT"
        and asked is not None
        and bool(asked & CT_STATES["ESTABLISHED"])
        and spec.source is None
        and spec.destination is None
        and spec.protocol is None
        and all(match.name in STATES for match in spec.matches)
    )
