"""N402."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import NEW
from pyiptables.hooks import Family, Hook
from pyiptables.lint import translated
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding, Proof
from pyiptables.lint.proofs import named, places, provable, selected
from pyiptables.lint.subject import PlacedRule, Subject

TABLES = ("mangle", "filter", "security")
GROUPS = {Family.IPV4: "224.0.0.0/4", Family.IPV6: "ff00::/8"}


@dataclass(frozen=True, slots=True)
class _Lost:
    """What a rule sends on in vain: where to, as it comes there, as the rule takes it, and how it reads (``from eth0``)."""

    rule: PlacedRule
    hooks: tuple[Hook, ...]
    packets: dict[Hook, PacketSet]
    sure: dict[Hook, PacketSet]
    taken: PacketSet
    whence: str = ""


class NotAccepted(Check):
    """DNAT or REDIRECT to where nothing of it is accepted.

    A translated packet still has to pass FORWARD (INPUT, when it is sent to this host), and it comes there with its new
    address and port. Every new connection that the rule takes is dropped or rejected there, while others are accepted.
    The packets are followed through all chains; where it hangs on the host whether they are forwarded, neither hook may
    accept them.

    Also found is a rule of which all packets from one interface are refused, when a rule of the filter table accepts the
    same packets with the port from before translation: that is the mistake, and the remark names the rule.

    Bad:
        *nat
        -A PREROUTING -i eth0 -p tcp --dport 2222 -j DNAT --to-destination 10.0.0.5:22
        *filter
        :FORWARD DROP
        -A FORWARD -i eth0 -d 10.0.0.5 -p tcp --dport 2222 -j ACCEPT

    Good:
        -A FORWARD -i eth0 -d 10.0.0.5 -p tcp --dport 22 -j ACCEPT

    Suppress when:
        the service is switched off in the filter table for a while.
    """

    code = "N402"
    name = "translated-in-vain"

    def run(self, subject: Subject) -> Iterator[Finding]:
        """Rules of PREROUTING's nat that send packets to their end."""
        for family in provable(subject):
            if "filter" not in subject.ruleset(family).tables:
                continue
            passing: dict[tuple[Hook, ...], PacketSet] = {}
            for rule in translated.redirecting(subject, family, "DNAT", "REDIRECT"):
                hooks = translated.hooks_behind(subject, rule)
                if hooks not in passing:
                    passing[hooks] = translated.passed(subject.reach(family), hooks)
                yield from self._about(subject, rule, hooks, passing[hooks])

    def _about(
        self, subject: Subject, rule: PlacedRule, hooks: tuple[Hook, ...], passing: PacketSet
    ) -> Iterator[Finding]:
        reach = subject.reach(rule.family)
        may, must = translated.taken(reach, rule)
        if not must:
            return
        came = reach.origin(may, Hook.PREROUTING)
        if not came & passing:
            lost = self._lost(reach, rule, hooks, may, must, "")
            asking = _asking(subject, lost)
            if asking or _accepts_others(reach, hooks):
                yield self._finding(subject, lost, asking)
            return
        for name in _interfaces(subject, rule.family):
            here = PacketSet(reach.space, reach.space.iif.equals(reach.space.interfaces.code(name)))
            if not must & here or came & here & passing:
                continue
            lost = self._lost(reach, rule, hooks, may & here, must & here, f" from {name}")
            asking = _asking(subject, lost)
            if asking:
                yield self._finding(subject, lost, asking)
                return

    @staticmethod
    def _lost(
        reach: Reach, rule: PlacedRule, hooks: tuple[Hook, ...], may: PacketSet, must: PacketSet, whence: str
    ) -> _Lost:
        packets = {hook: translated.onward(reach, rule, may, hook) for hook in hooks}
        sure = {hook: translated.onward(reach, rule, translated.opening(must), hook) for hook in hooks}
        return _Lost(rule, hooks, packets, sure, must, whence)

    def _finding(self, subject: Subject, lost: _Lost, asking: list[PlacedRule]) -> Finding:
        refusing, policies = _refusing(subject, lost)
        parts = [named(refusing)] if refusing else []
        parts += [f"the policy of {name}" for name in policies]
        who = " and ".join(parts) or "the filter table"
        verb = "refuse" if len(refusing) + len(policies) > 1 else "refuses"
        text = f"what this rule sends to {translated.whither(lost.rule)}{lost.whence} is not accepted: {who} {verb} it"
        note = ""
        if asking:
            verb = "ask" if len(asking) > 1 else "asks"
            lines = ", ".join(str(subject.place(rule).line) for rule in asking)
            note = f"{named(asking)} (line {lines}) {verb} for the port from before translation"
        proof = Proof(places(subject, refusing), _witness(subject, lost), note)
        return self.at(subject, lost.rule, text, word=lost.rule.spec.target_name, proof=proof)


def _accepts_others(reach: Reach, hooks: tuple[Hook, ...]) -> bool:
    """Whether the hooks accept new connections of other hosts at all."""
    begun = selected(reach, "! -i lo", "filter") & PacketSet(reach.space, reach.space.state.equals(NEW))
    return any(reach.verdict_at(hook, "ACCEPT").may & begun for hook in hooks)


def _interfaces(subject: Subject, family: Family) -> Iterator[str]:
    """The interfaces that rules name; of a known host, those that it has."""
    names = dict.fromkeys(
        rule.spec.in_interface.name for rule in subject.rules
        if rule.family is family and rule.spec.in_interface is not None and not rule.spec.in_interface.name.endswith("+")
    )  # fmt: skip
    for name in names:
        known = subject.host is None or subject.host.interface(name) is not None
        if known and name not in ("", "lo"):
            yield name


def _deciding(
    subject: Subject, lost: _Lost, verdicts: tuple[str, ...], tables: tuple[str, ...]
) -> Iterator[PlacedRule]:
    reach = subject.reach(lost.rule.family)
    for rule in subject.rules:
        fits = rule.family is lost.rule.family and rule.table in tables and rule.spec.target_name in verdicts
        if fits and set(reach.hooks_of(rule.table, rule.chain)) & set(lost.hooks):
            yield rule


def _refusing(subject: Subject, lost: _Lost) -> tuple[list[PlacedRule], list[str]]:
    """The rules and the policies that surely refuse some of it."""
    reach = subject.reach(lost.rule.family)
    found: list[PlacedRule] = []
    left = dict(lost.sure)
    for rule in _deciding(subject, lost, ("DROP", "REJECT"), TABLES):
        takes = reach.takes(rule.table, rule.chain, rule.number)
        mine = [hook for hook in reach.hooks_of(rule.table, rule.chain) if hook in left]
        if any(takes.must & left[hook] for hook in mine):
            found.append(rule)
            left |= {hook: left[hook] - takes.may for hook in mine}
    table = subject.ruleset(lost.rule.family).tables["filter"]
    policies = [hook.name for hook, packets in left.items() if packets and table.chains[hook.name].policy == "DROP"]
    return found, policies


def _asking(subject: Subject, lost: _Lost) -> list[PlacedRule]:
    """The rules that would accept it with the port that it had before."""
    reach = subject.reach(lost.rule.family)
    before = {hook: translated.untranslated(reach, packets) for hook, packets in lost.packets.items()}
    if not any(before.values()):
        return []
    found = []
    for rule in _deciding(subject, lost, ("ACCEPT",), ("filter",)):
        if not any("dport" in key or "ports" in key for match in rule.spec.matches for key in match.values):
            continue
        asked = reach.matches(rule.table, rule.chain, rule.number).may
        hooks = [hook for hook in reach.hooks_of(rule.table, rule.chain) if hook in before and asked & before[hook]]
        comes = reach.chain_arrives(rule.table, rule.chain).may if hooks else asked
        if any(comes & (before[hook] | lost.packets[hook]) for hook in hooks):
            found.append(rule)
    return found


def _witness(subject: Subject, lost: _Lost) -> str | None:
    """A packet as it arrives that the rule sends on in vain; where no host is given, one that it would forward."""
    reach = subject.reach(lost.rule.family)
    two = len(list(_interfaces(subject, lost.rule.family))) > 1
    if Hook.FORWARD in lost.hooks and subject.host is None and not two:
        return None
    packets = translated.opening(lost.taken)
    if subject.host is None:
        packets = packets & selected(reach, f"! -d {GROUPS[lost.rule.family]}", "nat")
    return reach.witness(packets, Hook.PREROUTING) if packets else None
