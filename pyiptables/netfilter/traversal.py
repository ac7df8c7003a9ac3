"""The walk through a table at a hook, rule by rule: the definition of what a ruleset does.

Source: net/ipv4/netfilter/ip_tables.c and net/ipv6/netfilter/ip6_tables.c (ipt_do_table, ip6t_do_table).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyiptables.extensions.base import Target
from pyiptables.hooks import Hook, Verdict
from pyiptables.netfilter.changes import Snapshot
from pyiptables.netfilter.explain import explain, would_match
from pyiptables.netfilter.looks import REMARKED, UNSURE, Look
from pyiptables.netfilter.prepared import PreparedChain, PreparedRule, PreparedTable
from pyiptables.ruleset.model import RuleSpec
from pyiptables.trace import events
from pyiptables.trace.recorder import Recorder

STANDARD = {"ACCEPT": Verdict.ACCEPT, "DROP": Verdict.DROP, "QUEUE": Verdict.QUEUE}
TARGET_LOOKS = {
    **dict.fromkeys(("CLASSIFY", "LOG", "NFLOG", "TRACE"), 0),
    **dict.fromkeys(("DSCP", "MARK", "TOS"), REMARKED),
    "CONNMARK": REMARKED | int(Look.MARK),
}
"""What the targets look at that do to every packet of a connection what they did to the one before; others are UNSURE."""
TRACE_LEVEL, TRACE_FLAGS = 4, 0x0F


@dataclass(frozen=True, slots=True)
class Place:
    """Where a verdict came from: number 0 is the chain's policy; ``via`` are the rules that jumped there."""

    table: str
    chain: str
    number: int
    spec: RuleSpec | None
    via: tuple[tuple[str, int], ...] = ()


class Walk:
    """One packet's way through one table at one hook."""

    def __init__(self, table: PreparedTable, hook: Hook, skb: Any, services: Any, recorder: Recorder | None) -> None:
        self.table = table
        self.base = table.base[hook]
        self.skb = skb
        self.services = services
        self.recorder = recorder
        self.stack: list[tuple[PreparedChain, int]] = []
        self.place: Place | None = None

    def run(self) -> Verdict:
        """The table's verdict; ``place`` then says which rule or policy gave it."""
        chain, at = self.base, 0
        skb, services, recorder = self.skb, self.services, self.recorder
        watched = services.touched is not None
        all_rules = recorder is not None and recorder.misses
        while True:
            if not all_rules and chain.dispatch is not None:
                at = chain.candidate(at, skb)
            if at >= chain.length:
                at = chain.length
                if chain.policy is not None:
                    return self._policy(chain)
                self._log(chain, "return", at + 1)
                chain, at = self._return(chain)
                continue
            rule = chain[at]
            at += 1
            if skb.unfound and asks_in_vain(rule, skb):
                self.place = Place(self.table.name, chain.name, rule.number, rule.spec)
                return Verdict.DROP
            if not (rule.matches_watched(skb, services) if watched else rule.matches(skb)):
                if recorder is not None:
                    self._missed(chain, rule)
                if skb.hotdrop:
                    skb.hotdrop = False
                    self.place = Place(self.table.name, chain.name, rule.number, rule.spec)
                    return Verdict.DROP
                continue
            rule.packets += 1
            rule.bytes += len(skb.data)
            if services.touched is not None:
                services.touched.append(rule)
            if recorder is not None or skb.nf_trace:
                self._matched(chain, rule)
            verdict = self._act(chain, rule)
            if isinstance(verdict, Verdict):
                if verdict is Verdict.DROP and all_rules:
                    self._look_behind(chain, at)
                via = tuple((place.name, number) for place, number in self.stack)
                self.place = Place(self.table.name, chain.name, rule.number, rule.spec, via)
                return verdict
            if verdict is not None:
                chain, at = verdict

    def _act(self, chain: PreparedChain, rule: PreparedRule) -> Verdict | tuple[PreparedChain, int] | None:
        """Do what a rule that matched says: a verdict, a place to go on at, or None for the next rule."""
        spec = rule.spec
        if spec.target is not None:
            before = Snapshot(self.skb) if self.recorder is not None else None
            verdict: Verdict | None = self._apply(rule, spec.target)
            if before is not None and self.recorder is not None:
                for change in before.changes(self.skb):
                    self.recorder.add(change)
            return verdict
        if spec.jump is None:
            return None
        if rule.jump_to is not None:
            if not spec.goto:
                self.stack.append((chain, rule.number))
            if self.recorder is not None:
                self.recorder.add(events.ChainEntered(self.table.name, rule.jump_to.name, len(self.stack)))
            return rule.jump_to, 0
        if spec.jump == "RETURN":
            return self._return(chain)
        return STANDARD[spec.jump]

    def _apply(self, rule: PreparedRule, target: Target) -> Any:
        """Let a target act; where somebody watches, note whether the like of this packet may fare otherwise."""
        if self.services.touched is None:
            return target.apply(self.skb, rule.state, self.services)
        entry = self.skb.nfct
        mark = entry.mark if entry is not None else 0
        verdict = target.apply(self.skb, rule.state, self.services)
        looks = TARGET_LOOKS.get(target.name, UNSURE)
        self.services.looked |= looks if entry is None or entry.mark == mark else looks | UNSURE
        return verdict

    def _return(self, chain: PreparedChain) -> tuple[PreparedChain, int]:
        """Back behind the last jump, or to the base chain's policy where nothing jumped."""
        if self.recorder is not None and chain.policy is None:
            self.recorder.add(events.ChainReturned(self.table.name, chain.name, len(self.stack)))
        return self.stack.pop() if self.stack else (self.base, len(self.base))

    def _policy(self, chain: PreparedChain) -> Verdict:
        chain.packets += 1
        chain.bytes += len(self.skb.data)
        if self.services.touched is not None:
            self.services.touched.append(chain)
        self._log(chain, "policy", len(chain) + 1)
        self.place = Place(self.table.name, chain.name, 0, None)
        return STANDARD[chain.policy or "ACCEPT"]

    def _unknown(self, chain: PreparedChain, rule: PreparedRule) -> None:
        """Tell what a rule asked that is not known."""
        if self.recorder is not None:
            for text in self.skb.unknown:
                self.recorder.add(events.Unmodelled(self.table.name, chain.name, rule.number, text))
        self.skb.unknown.clear()

    def _matched(self, chain: PreparedChain, rule: PreparedRule) -> None:
        if self.skb.unknown:
            self._unknown(chain, rule)
        if self.recorder is not None:
            self.recorder.add(events.RuleMatched(self.table.name, chain.name, rule.number, rule.spec, len(self.stack)))
        if self.skb.nf_trace:
            # The kernel takes an unconditional standard verdict for the chain's tail.
            tail = rule.spec.target is None and rule.jump_to is None and rule.spec.jump and rule.spec.unconditional
            kind = ("policy" if chain.policy is not None else "return") if tail else "rule"
            self._log(chain, kind, rule.number)

    def _missed(self, chain: PreparedChain, rule: PreparedRule) -> None:
        recorder = self.recorder
        if self.skb.unknown:
            self._unknown(chain, rule)
        if recorder is not None and recorder.misses:
            failed, parts = explain(rule, self.skb, self.skb.family)
            recorder.add(
                events.RuleMissed(self.table.name, chain.name, rule.number, rule.spec, len(self.stack), failed, parts)
            )

    def _look_behind(self, chain: PreparedChain, at: int) -> None:
        """Note the first rule that would have accepted what was just dropped, behind it or behind a jump that led here."""
        for place, start in ((chain, at), *reversed(self.stack)):
            for number in range(start, len(place)):
                rule = place[number]
                if rule.spec.jump == "ACCEPT" and would_match(rule, self.skb):
                    if self.recorder is not None:
                        self.recorder.add(events.RuleBehind(self.table.name, place.name, rule.number, rule.spec))
                    return

    def _log(self, chain: PreparedChain, kind: str, number: int) -> None:
        if self.skb.nf_trace:
            prefix = f"TRACE: {self.table.name}:{chain.name}:{kind}:{number} "
            self.services.log(self.skb, prefix=prefix, level=TRACE_LEVEL, flags=TRACE_FLAGS, trace=True)


def asks_in_vain(rule: PreparedRule, skb: Any) -> bool:
    """Whether a rule asks an IPv6 packet, whose transport header cannot be found, for its protocol (ip6_packet_match)."""
    spec = rule.spec
    if spec.protocol is None:
        return False
    before = sum(map(bool, (spec.source, spec.destination, spec.in_interface, spec.out_interface)))
    return all(condition.holds(skb) for condition in rule.conditions[:before])
