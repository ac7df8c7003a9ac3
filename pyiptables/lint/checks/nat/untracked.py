"""N411."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import NEW
from pyiptables.hooks import Hook
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import named, places, provable
from pyiptables.lint.states import states
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.fields import CT_STATES

TRANSLATING = ("DNAT", "REDIRECT", "NETMAP", "SNAT", "MASQUERADE")
TRACKED = CT_STATES["NEW"] | CT_STATES["ESTABLISHED"] | CT_STATES["RELATED"]


class Untracked(Check):
    """A rule about connections for packets that NOTRACK takes out of tracking.

    What ``-j NOTRACK`` or ``-j CT --notrack`` takes in the raw table has no connection: it is never translated, and it is
    UNTRACKED, never NEW or ESTABLISHED. A nat rule, or one that asks for such a state, of which all packets are untracked
    does nothing.

    Bad:
        *raw
        -A PREROUTING -p udp --dport 53 -j CT --notrack
        *nat
        -A PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353

    Good:
        *raw
        -A PREROUTING -i eth1 -p udp --dport 53 -j CT --notrack
        *nat
        -A PREROUTING -i eth0 -p udp --dport 53 -j REDIRECT --to-ports 5353

    Suppress when:
        the raw rule is loaded for a while only.
    """

    code = "N411"
    name = "untracked-before"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules that need a connection where there is none."""
        for family in provable(subject):
            raw = [rule for rule in subject.using("NOTRACK", "CT") if rule.family is family and _untracks(rule)]
            if not raw:
                continue
            for rule in subject.rules:
                mine = rule.family is family and rule.table != "raw" and not subject.settings.is_foreign(rule.chain)
                if mine and _needs_connection(rule):
                    yield from self._about(subject, rule, raw)

    def _about(self, subject: Subject, rule: PlacedRule, raw: list[PlacedRule]) -> Iterator[Finding]:
        reach = subject.reach(rule.family)
        if not reach.dead(rule.table, rule.chain, rule.number) or not reach.chain_arrives(rule.table, rule.chain):
            return
        asked = _as_they_come(reach, rule)
        if not asked:
            return
        found = []
        left = asked
        for each in raw:
            takes = reach.takes(each.table, each.chain, each.number).must
            if takes & left:
                found.append(each)
                left = left - takes
        if found and not left:
            verb = "take" if len(found) > 1 else "takes"
            text = f"this rule does nothing: {named(found)} {verb} all that it asks for out of tracking"
            yield self.at(subject, rule, text, proof=Proof(places(subject, found)))


def _untracks(rule: PlacedRule) -> bool:
    return rule.spec.target_name == "NOTRACK" or bool(getattr(rule.spec.target, "notrack", False))


def _needs_connection(rule: PlacedRule) -> bool:
    """Whether a rule translates, or asks for a state that only packets with a connection have."""
    if rule.table == "nat":
        return rule.spec.target_name in TRANSLATING
    asked = states(rule.spec)
    return asked is not None and not asked & ~TRACKED


def _as_they_come(reach: Reach, rule: PlacedRule) -> PacketSet:
    """The packets that a rule asks for as they come to the raw table, were they neither translated nor untracked."""
    space = reach.space
    plain = PacketSet(space, space.moved.equals(0) & space.ported.equals(0))
    asked = reach.matches(rule.table, rule.chain, rule.number).may & plain
    if rule.table == "nat":
        asked = asked & PacketSet(space, space.state.equals(NEW))
    found = PacketSet(space, space.false)
    for hook in reach.hooks_of(rule.table, rule.chain):
        if hook is Hook.POSTROUTING:
            return PacketSet(space, space.false)  # what comes there from both sides is more than this shows
        first = Hook.OUTPUT if hook is Hook.OUTPUT else Hook.PREROUTING
        found = found | (reach.origin(asked, hook) & reach.at_hook(first).may)
    return found
