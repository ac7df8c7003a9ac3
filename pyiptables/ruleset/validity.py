"""What the kernel refuses when a table is put in its place.

Source of the behaviour: net/ipv4/netfilter/ip_tables.c (translate_table, mark_source_chains) and
net/netfilter/x_tables.c (xt_check_match, xt_check_target).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pyiptables.errors import OperationFailed
from pyiptables.extensions.base import Extension, NamedObjects, Refusal
from pyiptables.hooks import Family, Hook
from pyiptables.ruleset.edits import INVALID
from pyiptables.ruleset.model import STANDARD_VERDICTS, Chain, Rule, Ruleset, Table

LOOP = "Too many levels of symbolic links."
_NOWHERE: frozenset[Hook] = frozenset()
_LOOKS_FURTHER, _BY_KIND, _CLAIMS_NOTHING = Extension.kernel_check, Extension.allowed_hooks, Extension.claim


class Refused(OperationFailed):
    """The kernel refuses a table: what iptables prints, and in ``hint`` why; ``line`` is that of the rule."""

    def __init__(self, text: str, reason: str, chain: str, number: int, line: int) -> None:
        super().__init__(text, line=line or None, hint=reason)
        self.chain = chain
        self.number = number


class _Flow(NamedTuple):
    """Where a chain leads: the rules that the kernel's walk reaches (as many as ``end``), and the jumps among them."""

    end: int
    jumps: tuple[tuple[int, str], ...]


def check_table(table: Table, family: Family, present: Ruleset | None = None) -> None:
    """Raise Refused when the kernel would not take the table.

    ``present`` is what the kernel has until now, the table's predecessor included: objects that rules share by name must
    be there or in rules before. Without it they may be anywhere. Those of IPv6 rules may be in IPv4 rules.
    """
    named = _named_objects(present, family)
    flows = {name: _flow(chain, table) for name, chain in table.chains.items()}
    reached = _reached(table, flows)
    accepted: set[tuple[object, ...]] = set()
    for name, chain in table.chains.items():
        hooks, end = reached[name], flows[name].end
        for number, rule in enumerate(chain.rules, 1):
            spec = rule.spec
            if not spec.matches and spec.target is None:
                continue
            there = hooks if number <= end else _NOWHERE
            if (there, spec.protocol, spec.target.__class__, *map(type, spec.matches)) in accepted:
                continue
            reason = _refusal(rule, family, table.name, there, accepted, named)
            if reason is not None:
                answer = f"{reason.answer}." if isinstance(reason, Refusal) else INVALID
                raise Refused(answer, reason, name, number, rule.line)


def _named_objects(present: Ruleset | None, family: Family) -> NamedObjects:
    """The objects that rules have named until now."""
    named = NamedObjects()
    for _, _, _, rule in present.rules() if present is not None else ():
        spec = rule.spec
        for extension in (*spec.matches, spec.target) if spec.target is not None else spec.matches:
            if type(extension).claim is not _CLAIMS_NOTHING:
                extension.claim(named)
    named.complete = present is not None and family is Family.IPV4
    return named


def _flow(chain: Chain, table: Table) -> _Flow:
    """The walk of mark_source_chains through one chain: an unconditional verdict ends it."""
    jumps: list[tuple[int, str]] = []
    for number, rule in enumerate(chain.rules, 1):
        jump = rule.spec.jump
        if jump is None:
            continue
        if jump not in STANDARD_VERDICTS:
            found = table.chains.get(jump)
            if found is None:
                raise Refused(INVALID, f"there is no chain {jump}", chain.name, number, rule.line)
            if found.policy is not None:
                raise Refused(INVALID, f"{jump} is a built-in chain", chain.name, number, rule.line)
            jumps.append((number, jump))
        elif rule.spec.unconditional:
            return _Flow(number, tuple(jumps))
    return _Flow(len(chain.rules), tuple(jumps))


def _reached(table: Table, flows: Mapping[str, _Flow]) -> dict[str, frozenset[Hook]]:
    """From which hooks each chain can be reached; Refused when jumps that can be reached run in a circle."""
    hooks = dict.fromkeys(table.chains, _NOWHERE)
    left: dict[str, None] = {}
    for name, chain in table.chains.items():
        if chain.built_in:
            hooks[name] = frozenset((Hook[name],))
            _walk(table, name, flows, left)
    sums: dict[tuple[frozenset[Hook], frozenset[Hook]], frozenset[Hook]] = {}  # few, and shared by many chains
    for name in reversed(left):  # a chain comes after all that lead to it
        mine = hooks[name]
        for _, jump in flows[name].jumps:
            there = hooks[jump]
            if there is not mine:
                both = (there, mine)
                hooks[jump] = sums[both] if both in sums else sums.setdefault(both, there | mine)
    return hooks


def _walk(table: Table, start: str, flows: Mapping[str, _Flow], left: dict[str, None]) -> None:
    """Visit each chain that a chain leads to once, depth first, without recursion: chains can be nested deeply.

    ``left`` has the chains that have been left for good, in that order; they are in no circle.
    """
    under_way = {start}
    path = [(start, iter(flows[start].jumps))]
    while path:
        name, jumps = path[-1]
        for number, jump in jumps:
            if jump in left:
                continue
            if jump in under_way:
                line = table.chains[name].rules[number - 1].line
                raise Refused(LOOP, f"the jump to {jump} closes a loop", name, number, line)
            further = flows[jump].jumps
            if further:
                under_way.add(jump)
                path.append((jump, iter(further)))
                break
            left[jump] = None
        else:
            under_way.discard(name)
            left[name] = None
            path.pop()


def _refusal(
    rule: Rule,
    family: Family,
    table: str,
    hooks: frozenset[Hook],
    accepted: set[tuple[object, ...]],
    named: NamedObjects,
) -> str | None:
    """Why an extension of the rule may not stand there, or None. ``accepted`` remembers what may, and such rules."""
    spec = rule.spec
    all_plain = True
    protocol = spec.protocol.number if spec.protocol is not None and not spec.protocol.invert else 0
    for extension in (*spec.matches, spec.target) if spec.target is not None else spec.matches:
        kind = type(extension)
        plain = kind.kernel_check is _LOOKS_FURTHER and kind.allowed_hooks is _BY_KIND and kind.claim is _CLAIMS_NOTHING
        key = (kind, hooks, protocol)
        if plain and key in accepted:
            continue
        reason = _place_refusal(extension, table, hooks)
        reason = reason or _protocol_refusal(kind, protocol)
        reason = reason or extension.kernel_check(spec.facts(family, table)) or extension.claim(named)
        if reason is not None:
            return reason
        if plain:
            accepted.add(key)
        else:
            all_plain = False
    if all_plain:
        accepted.add((hooks, spec.protocol, spec.target.__class__, *map(type, spec.matches)))
    return None


def _place_refusal(extension: Extension, table: str, hooks: frozenset[Hook]) -> str | None:
    if extension.tables is not None and table not in extension.tables:
        return f"{extension.name} belongs in the {_listed(sorted(extension.tables))} table, not in {table}"
    allowed = extension.allowed_hooks()
    if allowed is not None and not hooks <= allowed:
        wrong = min(hooks - allowed)
        return (
            f"{extension.name} cannot be used at {wrong.name}, only at {_listed(hook.name for hook in sorted(allowed))}"
        )
    return None


def _protocol_refusal(kind: type[Extension], protocol: int) -> str | None:
    if kind.protocols is not None and protocol not in kind.protocols:
        return f"{kind.name} needs a protocol of its own: -p {_listed(str(each) for each in sorted(kind.protocols))}"
    return None


def _listed(words: Iterable[str]) -> str:
    return " or ".join(words)
