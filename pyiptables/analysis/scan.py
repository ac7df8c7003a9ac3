"""What the rules of a ruleset look at, found before any set is made: interface names, fields, bits of the mark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pyiptables.analysis.effects import Usage
from pyiptables.extensions.base import Extension, Match, RuleFacts
from pyiptables.predicate import Labelled, Masked, Named, Predicate, Readable, Test, Within, leaves
from pyiptables.ruleset.model import Ruleset

UNMODELLED = frozenset({"comment"})


def interface_tests(ruleset: Ruleset) -> Iterator[tuple[str, bool]]:
    """The names that rules ask for, and whether each need only be the beginning."""
    seen: set[str] = set()
    for _, _, _, rule in ruleset.rules():
        for given in (rule.spec.in_interface, rule.spec.out_interface):
            if given is not None and given.name not in seen:
                seen.add(given.name)
                yield given.name.removesuffix("+"), given.name.endswith("+")


def usage(rulesets: Iterable[Ruleset]) -> Usage:
    """What all the rules look at."""
    fields: set[str] = set()
    mark, conditions = 0, False
    for ruleset in rulesets:
        seen: set[int] = set()
        for table, _, _, rule in ruleset.rules():
            target = rule.spec.target
            if target is not None and target.name == "CONNMARK" and getattr(target, "save_mark", None):
                mark |= 0xFFFFFFFF
            for match in rule.spec.matches:
                if id(match) in seen or match.name in UNMODELLED:
                    continue
                seen.add(id(match))
                for part in _parts(match, rule.spec.facts(ruleset.family, table.name)):
                    match part:
                        case Masked(field, mask, _):
                            fields.add(field.name)
                            mark |= mask if field.name == "meta.mark" else 0
                        case Within(field, _):
                            fields.add(field.name)
                            mark |= 0xFFFFFFFF if field.name == "meta.mark" else 0
                        case Named(field, _):
                            fields.add(field.name)
                        case Test() | Readable():
                            conditions = True
                        case _:
                            pass
                if match.name == "set":
                    conditions = True
    return Usage(frozenset(fields), mark & 0xFFFFFFFF, conditions)


def _parts(match: Match, facts: RuleFacts) -> Iterator[Predicate]:
    for part in match.parts(facts):
        yield from leaves(part.part if isinstance(part, Labelled) else part)


def changed_sets(ruleset: Ruleset) -> frozenset[str]:
    """The sets of ipset that rules add to or delete from."""
    found: set[str] = set()
    for _, _, _, rule in ruleset.rules():
        target = rule.spec.target
        if target is not None and target.name == "SET":
            found |= {target.values[key].name for key in ("add", "delete") if key in target.values}
    return frozenset(found)


def tracks(ruleset: Ruleset) -> bool:
    """Whether a rule makes the kernel track connections (nf_ct_netns_get)."""
    seen: set[int] = set()
    for table, _, _, rule in ruleset.rules():
        spec = rule.spec
        for extension in (*spec.matches, spec.target) if spec.target is not None else spec.matches:
            if id(extension) in seen or type(extension).tracks is Extension.tracks:
                continue
            seen.add(id(extension))
            if extension.tracks(spec.facts(ruleset.family, table.name)):
                return True
    return False
