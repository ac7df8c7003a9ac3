"""The columns of ``-L``, and the line that ``-v`` prints for a rule that is added, changed or looked for.

Source of the form: iptables/iptables.c and iptables/xshared.c of iptables 1.8, xtables_print_num of libxtables.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pyiptables.extensions.base import RuleFacts
from pyiptables.hooks import Family
from pyiptables.packet import names
from pyiptables.packet.addresses import to_text
from pyiptables.render.parts import chosen_chains, chosen_rules, known_protocol, known_table, mask_text, pad
from pyiptables.ruleset.model import ZERO, AddressMatch, Chain, Counters, InterfaceMatch, Rule, Ruleset, RuleSpec

_ALL_ONES = {family: (1 << family.bits) - 1 for family in Family}


@dataclass(frozen=True, slots=True)
class _Style:
    """How a listing was asked for: ``-n``, ``-v``, ``-x``, ``--line-numbers``."""

    numeric: bool
    verbose: bool
    exact: bool
    line_numbers: bool
    any_address: str
    """The column of an address that is not asked for."""
    no_counters: str = ""
    """The columns of counters that are 0."""
    middles: dict[tuple[object, ...], str] = field(default_factory=dict)
    """The columns from the protocol to the interfaces, by what they say: few, for many rules."""

    def counters(self, seen: Counters) -> str:
        """The columns of a rule's counters."""
        return f"{self.number(seen.packets, self.width)} {self.number(seen.bytes, self.width)} "

    def number(self, value: int, width: int = 0) -> str:
        """A counter, padded on the left: all digits with ``-x``, else rounded to K, M, G or T from 100,000 on."""
        if self.exact or value <= 99999:
            return str(value).rjust(width)
        power = 0
        while power == 0 or (value > 9999 and power < 4):
            value = (value + 500) % 2**64 // 1000  # in 64 bits, and rounded again at each step
            power += 1
        return f"{value}{'_KMGT'[power]}".rjust(width)

    @property
    def width(self) -> int:
        """The width of a counter's column."""
        return 8 if self.exact else 5


def listing(
    ruleset: Ruleset,
    table_name: str,
    chain: str | None = None,
    number: int | None = None,
    *,
    numeric: bool = False,
    verbose: bool = False,
    exact: bool = False,
    line_numbers: bool = False,
) -> Iterator[str]:
    """The lines of ``-L [CHAIN [NUMBER]]``, each with its line break.

    With a number, that rule alone without heads, or nothing. Names of hosts, networks, services and protocols are
    looked up in the system unless ``numeric``.
    OperationFailed when there is no such chain, TableMissing when there is no such table.
    """
    table = known_table(ruleset, table_name)
    chains = chosen_chains(table, chain)
    any_address = _column(AddressMatch(0, 0), ruleset.family, numeric)
    style = _Style(numeric, verbose, exact, line_numbers, any_address)
    style = replace(style, no_counters=style.counters(ZERO))
    facts = RuleFacts(ruleset.family, table.name)
    references = table.references() if number is None and any(not one.built_in for one in chains) else {}
    separator = ""
    for one in chains:
        if number is None:
            yield separator + _heads(one, references.get(one.name, 0), style)
            separator = "\n"
        for place, rule in chosen_rules(one, number):
            yield _row(place, rule, style, facts)


def _heads(chain: Chain, references: int, style: _Style) -> str:
    about = f"{references} references"
    if chain.policy is not None:
        about = f"policy {chain.policy}"
        if style.verbose:
            about += f" {style.number(chain.counters.packets)} packets, {style.number(chain.counters.bytes)} bytes"
    columns = "num  " if style.line_numbers else ""
    if style.verbose:
        columns += "    pkts      bytes " if style.exact else " pkts bytes "
    columns += "target     prot opt"
    if style.verbose:
        columns += " in     out    "
    return f"Chain {chain.name} ({about})\n{columns} source               destination         \n"


def _row(number: int, rule: Rule, style: _Style, facts: RuleFacts) -> str:
    spec, numeric, family = rule.spec, style.numeric, facts.family
    text = f"{number:<4} " if style.line_numbers else ""
    if style.verbose:
        text += style.no_counters if rule.counters is ZERO else style.counters(rule.counters)
    key = (id(spec.protocol), spec.fragment, id(spec.in_interface), id(spec.out_interface))  # of rules that stay
    middle = style.middles.get(key)
    if middle is None:
        middle = style.middles[key] = _middle(spec, style)
    source, destination = spec.source, spec.destination
    from_where = style.any_address if source is None else _column(source, family, numeric)
    to_where = style.any_address if destination is None else _column(destination, family, numeric)
    goto = "[goto] " if spec.goto else ""
    return f"{text}{pad(_target(spec), 9)} {middle}{from_where}{to_where}{goto}{_extensions(spec, facts, numeric)}\n"


def _middle(spec: RuleSpec, style: _Style) -> str:
    invert, protocol = _protocol(spec, style.numeric)
    text = f"{invert}{protocol:<4} {_fragment(spec)} "
    if not style.verbose:
        return text
    first, last = (pad(_interface(end, style.numeric), 6) for end in (spec.in_interface, spec.out_interface))
    return f"{text} {first} {last} "


def verbose_line(spec: RuleSpec, family: Family, table_name: str) -> str:
    """What ``-v`` prints for a rule that is added, inserted, replaced, deleted or checked; without a line break."""
    invert, protocol = _protocol(spec, True)
    ends = [
        f"{'!' if match is not None and match.invert else ' '}{arrow}{_address(match, family, True)}"
        for match, arrow in ((spec.source, ""), (spec.destination, "-> "))
    ]
    return (
        f"{_target(spec)} {invert}{protocol} opt {_fragment(spec)}"
        f" in {_interface(spec.in_interface, True)} out {_interface(spec.out_interface, True)} {' '.join(ends)}  "
        f"{'[goto] ' if spec.goto else ''}{_extensions(spec, RuleFacts(family, table_name), True)}"
    )


def _target(spec: RuleSpec) -> str:
    """The name of the target as the kernel has it."""
    target = spec.target
    return spec.jump or "" if target is None else target.kernel_name or target.name


def _protocol(spec: RuleSpec, numeric: bool) -> tuple[str, str]:
    """The sign before the protocol, and its text."""
    if spec.protocol is None:
        return " ", "all"
    number = spec.protocol.number
    name = known_protocol(number) if numeric else names.protocol_name(number) or str(number)
    return "!" if spec.protocol.invert else " ", name


def _fragment(spec: RuleSpec) -> str:
    return "--" if spec.fragment is None else "-f" if spec.fragment else "!f"


def _interface(match: InterfaceMatch | None, numeric: bool) -> str:
    if match is None:
        return "*" if numeric else "any"
    return f"!{match.name}" if match.invert else match.name


def _address(match: AddressMatch | None, family: Family, numeric: bool) -> str:
    return (
        _network(match.address, match.mask, family, numeric) if match is not None else _network(0, 0, family, numeric)
    )


def _column(match: AddressMatch, family: Family, numeric: bool) -> str:
    text = _network(match.address, match.mask, family, numeric)  # which is ASCII, if it is in numbers
    return f"{'!' if match.invert else ' '}{text.ljust(19) if numeric else pad(text, 19)} "


def _network(address: int, mask: int, family: Family, numeric: bool) -> str:
    """An address under its mask; a mask that is all ones is not printed."""
    if not numeric and not (mask if family is Family.IPV4 else address):
        return "anywhere"
    name = to_text(address, family) if numeric else names.any_name(address, family)
    return name if mask == _ALL_ONES[family] else f"{name}/{mask_text(mask, family)}"


def _extensions(spec: RuleSpec, facts: RuleFacts, numeric: bool) -> str:
    """The texts of matches and target, each with the blank before it; ``facts`` are those of the table."""
    if not spec.matches and spec.target is None:
        return ""
    spec.tell(facts)
    text = ""
    for match in spec.matches:
        text += match.list(facts, numeric)
    return text if spec.target is None else text + spec.target.list(facts, numeric)
