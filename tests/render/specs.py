"""Short ways to write rules in tables of tests."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from pyiptables.hooks import Family
from pyiptables.packet.addresses import from_text, prefix_mask
from pyiptables.ruleset.model import (
    AddressMatch,
    Chain,
    Counters,
    InterfaceMatch,
    ProtocolMatch,
    Rule,
    Ruleset,
    RuleSpec,
    Table,
)


def inverted(text: str) -> tuple[str, bool]:
    return text.removeprefix("!"), text.startswith("!")


def address(text: str) -> AddressMatch:
    plain, invert = inverted(text)
    host, _, mask = plain.partition("/")
    number, family = from_text(host)
    if not mask:
        return AddressMatch(number, prefix_mask(family.bits, family), invert)
    return AddressMatch(number, prefix_mask(int(mask), family) if mask.isdigit() else from_text(mask)[0], invert)


def spec(s: str = "", d: str = "", i: str = "", o: str = "", p: str = "", **rest: Any) -> RuleSpec:
    """``spec(s="!10.0.0.0/8", p="6", j="ACCEPT", f=True)``."""
    number, not_protocol = inverted(p)
    return RuleSpec(
        source=address(s) if s else None,
        destination=address(d) if d else None,
        in_interface=InterfaceMatch(*inverted(i)) if i else None,
        out_interface=InterfaceMatch(*inverted(o)) if o else None,
        protocol=ProtocolMatch(int(number), not_protocol) if p else None,
        fragment=rest.get("f"),
        matches=tuple(rest.get("m", ())),
        target=rest.get("target"),
        jump=rest.get("j") or rest.get("g"),
        goto="g" in rest,
    )


def ruleset(chains: dict[str, list[Rule]], family: Family = Family.IPV4, table: str = "filter") -> Ruleset:
    """A ruleset of one table with these rules, user-defined chains included."""
    made = dict(Table.empty(table).chains)
    for name, rules in chains.items():
        policy = "ACCEPT" if name in made else None
        made[name] = Chain(name, tuple(rules), policy)
    return Ruleset(family).with_table(Table(table, MappingProxyType(made)))


def rule(packets: int = 0, octets: int = 0, **words: Any) -> Rule:
    return Rule(spec(**words), Counters(packets, octets))
