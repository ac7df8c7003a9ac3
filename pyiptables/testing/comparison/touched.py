"""Which packets can fare otherwise at all: those that come to a rule that is not the same on both sides.

All others meet the same rules in the same order. The bound is found without following packets: by what the rules that
differ select, and the jumps that lead to their chains; what may be changed on the way is left open.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.analysis.diagrams import Node, within_memory, without
from pyiptables.analysis.flow import REDESTINING
from pyiptables.analysis.reach import Reach
from pyiptables.hooks import Hook
from pyiptables.ruleset.model import Chain, Ruleset, RuleSpec, Table

MOST_RULES = 400
"""Rules that differ; where there are more, any packet may come to one."""
BEFORE_NAT = (Hook.PREROUTING, Hook.OUTPUT)


def touched(old: Reach, new: Reach) -> Node:
    """The packets, as they arrive, that may come to a rule that differs; everything where that cannot be told."""
    space = old.space
    with within_memory():
        found = space.false
        count = 0
        for reach, other in ((old, new), (new, old)):
            for table, chain, spec in _differing(reach.ruleset, other.ruleset):
                count += 1
                if spec is None or count > MOST_RULES:
                    return space.true
                found = found | _coming(reach, table, chain, spec)
        return found


def _differing(ruleset: Ruleset, other: Ruleset) -> Iterator[tuple[Table, Chain, RuleSpec | None]]:
    """The rules that the other ruleset does not have in that place; None for a policy."""
    for table in ruleset.tables.values():
        others = other.tables.get(table.name)
        for chain in table.chains.values():
            there = others.chains.get(chain.name) if others is not None else None
            if (chain.policy or "ACCEPT") != ((there.policy if there is not None else None) or "ACCEPT"):
                yield table, chain, None
            own = [rule.spec for rule in chain.rules]
            beside = [rule.spec for rule in there.rules] if there is not None else []
            if own == beside:
                continue
            first = next((at for at, (one, two) in enumerate(zip(own, beside, strict=False)) if one != two), None)
            first = min(len(own), len(beside)) if first is None else first
            last = 0
            while last < min(len(own), len(beside)) - first and own[-1 - last] == beside[-1 - last]:
                last += 1
            yield from ((table, chain, spec) for spec in own[first : len(own) - last])


def _coming(reach: Reach, table: Table, chain: Chain, spec: RuleSpec) -> Node:
    """The packets, as they arrive, that a rule may select: all that may be changed on the way is open."""
    flow = reach.flow
    stage = flow.stage(table.name)
    match, dropped = flow.reader.rule(spec, table.name, stage)
    found = (match.may | dropped) & _entering(reach, table, chain.name, {})
    return without(found, flow.space.diagrams.quantifier(_changing(reach, table, chain)))


def _entering(reach: Reach, table: Table, name: str, known: dict[str, Node]) -> Node:
    """The packets that the jumps to a chain select, back to the hooks."""
    if table.chains[name].built_in:
        return reach.space.true
    if name not in known:
        found = reach.space.false
        for caller, rules in _callers(table).get(name, {}).items():
            before = _entering(reach, table, caller, known)
            for spec in rules:
                match = reach.flow.reader.rule(spec, table.name, reach.flow.stage(table.name))[0]
                found = found | (match.may & before)
        known[name] = found
    return known[name]


def _callers(table: Table) -> dict[str, dict[str, list[RuleSpec]]]:
    found: dict[str, dict[str, list[RuleSpec]]] = {}
    for chain in table.chains.values():
        for rule in chain.rules:
            if rule.spec.jump is not None:
                found.setdefault(rule.spec.jump, {}).setdefault(chain.name, []).append(rule.spec)
    return found


def _changing(reach: Reach, table: Table, chain: Chain) -> set[int]:
    """The variables of what may be another when a packet comes to a chain than when it arrived."""
    space = reach.space
    kept = [space.source, space.source_type, space.word0, space.protocol, space.fragoff, space.flags, space.iif]
    targets = {rule.spec.target_name for _, _, _, rule in reach.ruleset.rules()}
    if not targets & {"CT", "NOTRACK"}:
        kept += [space.state, space.reply]
    hooks = reach.hooks_of(table.name, chain.name)
    if not targets & REDESTINING or (table.name in ("raw", "mangle", "nat") and set(hooks) <= set(BEFORE_NAT)):
        kept += [space.destination, space.word1]
    if targets & {"ECN", "SNPT", "DNPT", "TPROXY"}:
        kept = [space.protocol]
    numbers = {number for bits in kept for number in bits.numbers}
    return set(range(len(space.diagrams.variables))) - numbers
