"""What becomes of the packets that a rule of PREROUTING's nat sends elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.diagrams import within_memory, without
from pyiptables.analysis.reach import Reach
from pyiptables.analysis.sets import PacketSet
from pyiptables.analysis.space import ANYCAST, BROADCAST, LOCAL, MULTICAST, NEW, TCP, UNICAST, Keeps
from pyiptables.hooks import Family, Hook
from pyiptables.host import RouteType
from pyiptables.lint.proofs import selected
from pyiptables.lint.subject import PlacedRule, Subject
from pyiptables.packet.addresses import to_text
from pyiptables.ruleset.model import AddressMatch

SYN = 2
ENDS = ("ACCEPT", "STOLEN")
"""Ends of a hook that are no refusal; what is queued may be accepted and is among the first."""


def redirecting(subject: Subject, family: Family, *names: str) -> Iterator[PlacedRule]:
    """The rules with these targets that PREROUTING's nat leads to, in chains of nobody else."""
    for rule in subject.using(*names):
        if rule.family is not family or rule.table != "nat" or subject.settings.is_foreign(rule.chain):
            continue
        if Hook.PREROUTING in subject.reach(family).hooks_of("nat", rule.chain):
            yield rule


def goal(rule: PlacedRule) -> tuple[int, int] | None:
    """The addresses that a DNAT rule chooses from, lowest and highest; None where it leaves the address alone."""
    request = getattr(rule.spec.target, "request", None)
    return None if request is None else request.addresses


def whither(rule: PlacedRule) -> str:
    """``10.0.0.5:80``, ``10.0.0.5-10.0.0.9``, ``port 8080``: where a rule sends packets."""
    request = getattr(rule.spec.target, "request", None)
    if request is None:
        return "another destination"
    ports = "" if request.ports is None else "-".join(str(port) for port in sorted(set(request.ports)))
    if request.addresses is None:
        return f"port {ports}" if ports else "this host"
    names = [to_text(address, rule.family) for address in sorted(set(request.addresses))]
    if rule.family is Family.IPV6 and ports:
        names = [f"[{name}]" for name in names]
    return "-".join(names) + (f":{ports}" if ports else "")


def hooks_behind(subject: Subject, rule: PlacedRule) -> tuple[Hook, ...]:
    """Where the packets go that a rule sends elsewhere: INPUT, FORWARD, or both where that hangs on the host."""
    if rule.spec.target_name == "REDIRECT":
        return (Hook.INPUT,)
    chosen = goal(rule)
    if chosen is None or chosen[0] != chosen[1]:
        return (Hook.INPUT, Hook.FORWARD)
    if subject.host is not None and len(subject.host.interfaces) > 1:
        kind = subject.host.address_type(rule.family, chosen[0])
        if kind in (RouteType.UNICAST, RouteType.LOCAL):
            return (Hook.FORWARD,) if kind is RouteType.UNICAST else (Hook.INPUT,)
    if _is_forwarded(subject, rule.family, chosen[0]):
        return (Hook.FORWARD,)
    return (Hook.INPUT, Hook.FORWARD)


def _is_forwarded(subject: Subject, family: Family, address: int) -> bool:
    """Whether rules show that an address is another host's: only forwarded packets are accepted for it, none is its own."""
    table = subject.ruleset(family).tables.get("filter")
    if table is None:
        return False
    reach, only = subject.reach(family), AddressMatch(address, (1 << family.bits) - 1)
    found = False
    for chain in table.chains.values():
        hooks = reach.hooks_of("filter", chain.name)
        specs = [rule.spec for rule in chain.rules]
        asked = any(spec.destination == only and spec.jump == "ACCEPT" for spec in specs)
        if (asked and hooks != (Hook.FORWARD,)) or (
            Hook.OUTPUT in hooks and any(spec.source == only for spec in specs)
        ):
            return False
        found = found or asked
    return found and not any(goal(rule) == (address, address) for rule in subject.using("SNAT"))


def taken(reach: Reach, rule: PlacedRule) -> tuple[PacketSet, PacketSet]:
    """What a rule takes of new connections from other hosts, as it is then: all that it may, and what it surely does."""
    begun = selected(reach, "! -i lo", "nat") & PacketSet(reach.space, reach.space.state.equals(NEW))
    takes = reach.takes(rule.table, rule.chain, rule.number)
    received = PacketSet(reach.space, reach.space.has(reach.space.iif))
    return takes.may & begun & received, takes.must & begun & received


def opening(packets: PacketSet) -> PacketSet:
    """Those of a set that begin connections as usual: TCP's with a SYN; all, where it has none of these."""
    space = packets.space
    return packets & PacketSet(space, ~space.protocol.equals(TCP) | space.flags.equals(SYN)) or packets


def onward(reach: Reach, rule: PlacedRule, packets: PacketSet, hook: Hook) -> PacketSet:
    """How packets that a rule takes come to INPUT or FORWARD behind it."""
    space = reach.space
    with within_memory():
        change = reach.flow.effects.nat(rule.spec.target, Hook.PREROUTING)
        node = packets.node if change is None else change(packets.node, without)
        if hook is Hook.INPUT:
            kinds = (LOCAL, BROADCAST, MULTICAST, ANYCAST)
            here = space.any_of(space.destination_type.equals(kind) for kind in kinds)
            return PacketSet(space, space.forget(node & here, without, Keeps.NOTHING))
        node = space.forget(node & space.destination_type.equals(UNICAST), without, Keeps.HOOKS)
        return PacketSet(space, reach.flow.aged(without(node, space.oif.quantifier) & space.has(space.oif)))


def untranslated(reach: Reach, packets: PacketSet) -> PacketSet:
    """The same packets, of which the port was changed, as if only the address had been."""
    space = reach.space
    with within_memory():
        other = space.ported.equals(1) & ~space.word1.same_as(space.arrived_word1)
        node = without(packets.node & other, space.word1.quantifier)
        node = space.renamed(node, (space.arrived_word1, space.word1))
        changed = (*space.ported.numbers, *space.moved.numbers, *space.dnat.numbers, *space.arrived_destination.numbers)
        node = without(node, space.diagrams.quantifier(changed))
        plain = space.ported.equals(0) & space.moved.equals(0) & space.dnat.equals(0)
        return PacketSet(space, node & plain)


def passed(reach: Reach, hooks: tuple[Hook, ...]) -> PacketSet:
    """The packets, as they arrive, that may get through one of the hooks."""
    found = PacketSet(reach.space, reach.space.false)
    for hook in hooks:
        for end in ENDS:
            found = found | reach.origin(reach.verdict_at(hook, end).may, hook)
    return found
