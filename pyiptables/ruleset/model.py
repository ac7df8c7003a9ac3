"""The frozen model of a ruleset: tables, chains, rules, counters.

A ruleset never changes; :mod:`pyiptables.ruleset.edits` makes a new one from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from pyiptables.extensions.base import Match, RuleFacts, Target
from pyiptables.hooks import TABLES, Family, Hook
from pyiptables.ruleset.quick import quick

STANDARD_VERDICTS = ("ACCEPT", "DROP", "QUEUE", "RETURN")
"""The words after ``-j`` that are neither an extension nor a chain."""


@quick
@dataclass(frozen=True, slots=True)
class Counters:
    """How many packets, and how many bytes of network-layer packets, a rule or policy has seen."""

    packets: int = 0
    bytes: int = 0


ZERO = Counters()


@quick
@dataclass(frozen=True, slots=True)
class AddressMatch:
    """``-s`` or ``-d``: an address under a mask, both numbers of the family's width."""

    address: int
    mask: int
    invert: bool = False


@dataclass(frozen=True, slots=True)
class InterfaceMatch:
    """``-i`` or ``-o``: a name, which with ``+`` at its end stands for all that begin so."""

    name: str
    invert: bool = False


ANY_INTERFACE = InterfaceMatch("+")


@dataclass(frozen=True, slots=True)
class ProtocolMatch:
    """``-p``: a protocol number, 1 to 255."""

    number: int
    invert: bool = False


@quick
@dataclass(frozen=True, slots=True)
class RuleSpec:
    """What a rule says, counters apart: two rules are the same rule when their specs are equal.

    ``jump`` is the name after ``-j`` or ``-g``: a standard verdict, a chain, or None; ``target`` is set instead where the
    name is a target extension. ``fragment`` is True for ``-f`` and False for ``! -f``.
    """

    source: AddressMatch | None = None
    destination: AddressMatch | None = None
    in_interface: InterfaceMatch | None = None
    out_interface: InterfaceMatch | None = None
    protocol: ProtocolMatch | None = None
    fragment: bool | None = None
    matches: tuple[Match, ...] = ()
    target: Target | None = None
    jump: str | None = None
    goto: bool = False

    @property
    def unconditional(self) -> bool:
        """Whether every packet fulfils it: no condition of the rule's own, and no match."""
        return (
            not self.matches
            and self.source is None
            and self.destination is None
            and self.in_interface is None
            and self.out_interface is None
            and self.protocol is None
            and self.fragment is None
        )

    @property
    def comparable(self) -> RuleSpec:
        """The rule as -C and -D compare it: to them ``-i +`` says nothing."""
        if ANY_INTERFACE not in (self.in_interface, self.out_interface):
            return self
        first, last = (None if end == ANY_INTERFACE else end for end in (self.in_interface, self.out_interface))
        return replace(self, in_interface=first, out_interface=last)

    @property
    def target_name(self) -> str:
        """The name after ``-j`` or ``-g``; empty for a rule without a target."""
        return self.target.name if self.target is not None else self.jump or ""

    def facts(self, family: Family, table: str) -> RuleFacts:
        """What its extensions may look at when they are printed, checked or evaluated."""
        return self.tell(RuleFacts(family, table))

    def tell(self, facts: RuleFacts) -> RuleFacts:
        """The same facts, now about this rule: what prints or checks many rules of a table makes them once."""
        protocol = self.protocol
        facts.protocol = protocol.number if protocol is not None else 0
        facts.protocol_inverted = protocol is not None and protocol.invert
        facts.goto = self.goto
        facts.in_given = self.in_interface is not None
        facts.out_given = self.out_interface is not None
        facts.matches = self.matches
        return facts


@quick
@dataclass(frozen=True, slots=True)
class Rule:
    """A rule in a chain: what it says, its counters, and where its text came from (line of a file, 0 for none)."""

    spec: RuleSpec
    counters: Counters = ZERO
    line: int = field(default=0, compare=False)


@quick
@dataclass(frozen=True, slots=True)
class Chain:
    """A chain: built in, with a policy (ACCEPT or DROP) and its counters, or user-defined, with neither."""

    name: str
    rules: tuple[Rule, ...] = ()
    policy: str | None = None
    counters: Counters = ZERO

    @property
    def built_in(self) -> bool:
        """Whether it stands at a hook."""
        return self.policy is not None


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its chains, the built-in ones first in the order of their hooks, the others sorted by the bytes of their names."""

    name: str
    chains: Mapping[str, Chain]

    @classmethod
    def empty(cls, name: str) -> Table:
        """The table as it is when first used: built-in chains only, empty, policy ACCEPT."""
        return cls(
            name, MappingProxyType({hook.name: Chain(hook.name, policy="ACCEPT") for hook in sorted(TABLES[name])})
        )

    def base_chain(self, hook: Hook) -> Chain:
        """The built-in chain at a hook."""
        return self.chains[hook.name]

    def references(self) -> dict[str, int]:
        """How many rules jump or go to each chain."""
        found = dict.fromkeys(self.chains, 0)
        for chain in self.chains.values():
            for rule in chain.rules:
                if rule.spec.jump in found:
                    found[rule.spec.jump] += 1
        return found


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The tables of one family that have been used, in the order of their first use."""

    family: Family = Family.IPV4
    tables: Mapping[str, Table] = field(default_factory=lambda: MappingProxyType({}))

    def table(self, name: str) -> Table:
        """The table of that name, empty when it was never used; KeyError when the kernel has no such table."""
        return self.tables.get(name) or Table.empty(name)

    def with_table(self, table: Table) -> Ruleset:
        """The ruleset with that table in place of the one it had, or added as the latest one used."""
        return replace(self, tables=MappingProxyType({**self.tables, table.name: table}))

    def rules(self) -> Iterator[tuple[Table, Chain, int, Rule]]:
        """Every rule with its place, numbered from 1 in its chain."""
        for table in self.tables.values():
            for chain in table.chains.values():
                for number, rule in enumerate(chain.rules, 1):
                    yield table, chain, number, rule
