"""``-m devgroup``: source extensions/libxt_devgroup.c and net/netfilter/xt_devgroup.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.named_numbers import NamedNumber
from pyiptables.hooks import Hook
from pyiptables.predicate import Predicate, Test

GROUP = NamedNumber("/etc/iproute2/group")
IN_HOOKS = frozenset({Hook.PREROUTING, Hook.INPUT, Hook.FORWARD})
OUT_HOOKS = frozenset({Hook.FORWARD, Hook.OUTPUT, Hook.POSTROUTING})


class DevgroupMatch(Match):
    """Match the groups that the host's interfaces belong to."""

    name = "devgroup"
    needs = "the groups of the host's interfaces"

    source = opt("--src-group", kind=GROUP, invertible=True, help="group of the incoming interface")
    destination = opt("--dst-group", kind=GROUP, invertible=True, help="group of the outgoing interface")

    def check(self, facts: RuleFacts) -> None:
        """One of the two must be there."""
        if not self.values:
            raise ParameterProblem("devgroup match: You must specify either '--src-group' or '--dst-group'")

    def allowed_hooks(self) -> frozenset[Hook] | None:
        """Those where there is an interface of each side asked for."""
        hooks = frozenset(Hook) if self.source is None else IN_HOOKS
        return hooks if self.destination is None else hooks & OUT_HOOKS

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``! src-group 0x10 dst-group 0x5/0x7``."""
        given = ((option, " !" if self.inverts(option) else "") for option in self.options.values() if self.has(option))
        return "".join(
            f"{mark} {option.names[0][2:]} {GROUP.list(self.values[option.attribute], facts, numeric)}"
            for option, mark in given
        )

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The incoming interface's group, then the outgoing one's."""
        cls = type(self)
        yield self.wants(cls.source, facts, lambda negate: _group("iif", self.source, negate))
        yield self.wants(cls.destination, facts, lambda negate: _group("oif", self.destination, negate))


def _group(side: str, wanted: tuple[int, int], negate: bool) -> Predicate:
    """Ask the host (``skb.host``) for the interface; one that the host does not have leaves the answer unknown."""
    number, mask = wanted

    def holds(skb: Any) -> bool:
        interface = skb.host.interface(getattr(skb, side)) if skb.host is not None else None
        if interface is None:
            skb.unknown.append(f"the group of {getattr(skb, side) or 'no interface'} is not known")
            return False
        return bool((interface.group ^ number) & mask) == negate

    return Test(f"meta.{side}.group", holds)
