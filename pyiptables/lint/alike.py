"""Rules that say the same, and what may stand between them without making a difference."""

from __future__ import annotations

from pyiptables.hooks import Family
from pyiptables.lint.subject import PlacedRule
from pyiptables.ruleset.model import Chain, RuleSpec

CONSTANT = frozenset(
    ("tcp", "udp", "udplite", "icmp", "icmp6", "sctp", "dccp", "multiport", "iprange", "comment", "addrtype", "mac", "physdev",
     "length", "pkttype", "esp", "ah", "frag", "hbh", "rt", "dst", "ipv6header", "owner", "state", "conntrack"),
)  # fmt: skip
"""Matches that answer the same to the same packet, whatever rules of its chain it has passed."""
_TRACKED = frozenset(("state", "conntrack"))


def constant(spec: RuleSpec, table: str) -> bool:
    """Whether a packet that does not match now will not match a moment later in the same table."""
    tracked = table != "raw"  # where a rule can take a packet out of tracking
    return all(match.name in CONSTANT and (tracked or match.name not in _TRACKED) for match in spec.matches)


def condition(spec: RuleSpec) -> tuple[object, ...]:
    """What a rule asks for, comments apart: equal where two rules match the same packets."""
    given = (spec.source, spec.destination, spec.in_interface, spec.out_interface, spec.protocol, spec.fragment)
    return (*given, frozenset(match for match in spec.matches if match.name != "comment"))


def action(spec: RuleSpec) -> tuple[object, ...]:
    """What a rule does."""
    return (spec.target, spec.jump, spec.goto)


def placed(family: Family, table: str, chain: Chain) -> list[PlacedRule]:
    """The rules of a chain with their places."""
    return [PlacedRule(family, table, chain.name, number, rule) for number, rule in enumerate(chain.rules, 1)]
