"""What ``-m tcp`` and ``-m udp`` share: two port ranges and how they list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match, Option, RuleFacts
from pyiptables.predicate import Predicate


class PortsMatch(Match):
    """A match with the options ``sport`` and ``dport``, ranges of ports."""

    sport: Any
    dport: Any

    def list_ports(self, facts: RuleFacts, numeric: bool) -> str:
        """`` spt:1 dpts:!5:7``: what was given of the two."""
        return self._list_port(type(self).sport, facts, numeric) + self._list_port(type(self).dport, facts, numeric)

    def _list_port(self, option: Option, facts: RuleFacts, numeric: bool) -> str:
        value = self.values.get(option.attribute)
        if value is None:
            return ""
        plural, mark = "s" if value[0] != value[1] else "", "!" if option.attribute in self.inverted else ""
        return f" {option.list_as}{plural}:{mark}{option.kind.list(value, facts, numeric)}"

    def port_parts(self, header: Any, facts: RuleFacts) -> Iterator[Predicate]:
        """The header (tcp or udp of :mod:`pyiptables.packet.fields`) is there, and its ports are the ones wanted."""
        cls = type(self)
        yield header.header
        yield self.wants(cls.sport, facts, lambda negate: header.sport.within(self.sport, negate=negate))
        yield self.wants(cls.dport, facts, lambda negate: header.dport.within(self.dport, negate=negate))
