"""What ``-m set`` asks of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from pyiptables.extensions.base import Services
from pyiptables.extensions.kinds.sets import SetReference

Comparison = tuple[str, int]
"""``eq``, ``ne``, ``lt`` or ``gt``, and the number to compare a counter with."""


@dataclass(frozen=True, slots=True)
class SetConditions:
    """How a set is tested, beside what is looked up in it (the flags of struct xt_set_info_match_v4).

    ``return_nomatch`` makes an element with ``nomatch`` match. ``skip_counters`` and ``skip_subcounters`` leave the
    counters of the element, and of those in the sets of a list, as they are. ``packets`` and ``bytes`` are what the
    element's counters must be, or None.
    """

    return_nomatch: bool = False
    skip_counters: bool = False
    skip_subcounters: bool = False
    packets: Comparison | None = None
    bytes: Comparison | None = None


class SetServices(Services, Protocol):
    """What the engine does for ``-m set``, beside what it does for all matches."""

    def set_test(self, skb: Any, reference: SetReference, conditions: SetConditions) -> bool:
        """Whether the set has what the packet has at the reference's sides (ip_set_test).

        An element that matches counts the packet, unless that is to be skipped. A set that is not known has nothing,
        and says so in ``skb.unknown``.
        """
