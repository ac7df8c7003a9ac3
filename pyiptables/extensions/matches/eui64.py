"""``-m eui64``: source extensions/libip6t_eui64.c and net/ipv6/netfilter/ip6t_eui64.c."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.extensions.base import Match, RuleFacts
from pyiptables.hooks import Family, Hook
from pyiptables.packet.fields_headers import eui64
from pyiptables.predicate import Predicate


class Eui64Match(Match):
    """Match when the source address ends in the EUI-64 of the frame's source address."""

    name = "eui64"
    families = (Family.IPV6,)
    hooks = frozenset({Hook.PREROUTING, Hook.INPUT, Hook.FORWARD})
    needs = "the frame's Ethernet header"

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """The name alone, a blank behind it."""
        return "eui64 "

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The addresses; a packet without an Ethernet header never matches."""
        yield eui64.equals(1)
