"""What ``-m sctp`` and ``-m dccp`` share: ranges of ports that are saved but not listed when they are all ports."""

from __future__ import annotations

from pyiptables.extensions.base import Option, RuleFacts
from pyiptables.extensions.kinds.ports import ANY_PORT
from pyiptables.extensions.matches._ports import PortsMatch


class HeaderPortsMatch(PortsMatch):
    """A match with the options ``sport`` and ``dport``."""

    def _list_port(self, option: Option, facts: RuleFacts, numeric: bool) -> str:
        if self.values.get(option.attribute) == ANY_PORT and not self.inverts(option):
            return ""
        return super()._list_port(option, facts, numeric)
