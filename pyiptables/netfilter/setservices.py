"""Sets for ``-m set`` and ``-j SET``, in the words of the extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyiptables.extensions.kinds.sets import SetReference
from pyiptables.extensions.matches._sets import SetConditions
from pyiptables.extensions.targets._services import SetValues
from pyiptables.ipset.model import MatchOptions
from pyiptables.trace import events

if TYPE_CHECKING:
    from pyiptables.ipset.sets import Sets
    from pyiptables.netfilter.path import NetworkLayer


class SetActions:
    """What matches and targets ask of the engine's sets; a set that is not there has nothing and takes nothing."""

    network: NetworkLayer
    sets: Sets
    now: int

    def set_test(self, skb: Any, reference: SetReference, conditions: SetConditions) -> bool:
        """Whether the set has what the packet has at the reference's sides (ip_set_test)."""
        if not self._known(skb, reference):
            return False
        options = MatchOptions(
            conditions.return_nomatch,
            not conditions.skip_counters,
            not conditions.skip_subcounters,
            conditions.packets,
            conditions.bytes,
        )
        return self.sets.test(reference.name, skb, directions(reference), now=self.now, options=options)

    def set_add(self, skb: Any, reference: SetReference, *, exist: bool, timeout: int | None) -> None:
        """Add what the packet has at those sides (ip_set_add)."""
        if self._known(skb, reference):
            refused = self.sets.add(
                reference.name, skb, directions(reference), now=self.now, timeout=timeout, exist=exist
            )
            self.network.note(events.Noted(f"set {reference.name}: {'added' if refused is None else 'not added'}"))

    def set_delete(self, skb: Any, reference: SetReference) -> None:
        """Delete what the packet has at those sides, if it is there (ip_set_del)."""
        if self._known(skb, reference):
            refused = self.sets.delete(reference.name, skb, directions(reference), now=self.now)
            self.network.note(events.Noted(f"set {reference.name}: {'deleted' if refused is None else 'not there'}"))

    def set_values(self, skb: Any, reference: SetReference) -> SetValues | None:
        """What the element that the packet matches says, or None when it matches none (ip_set_test)."""
        if not self._known(skb, reference):
            return None
        found = self.sets.lookup(reference.name, skb, directions(reference), now=self.now)
        if found is None:
            return None
        return SetValues(found.mark, found.markmask, found.priority, found.queue)

    def _known(self, skb: Any, reference: SetReference) -> bool:
        if reference.name in self.sets:
            return True
        skb.unknown.append(f"set {reference.name} is not given")
        return False


def directions(reference: SetReference) -> tuple[bool, ...]:
    """For each dimension, whether it is the source's side."""
    return tuple(side == "src" for side in reference.sides)
