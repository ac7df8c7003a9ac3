"""``-m realm``: source extensions/libipt_realm.c and net/netfilter/xt_realm.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.named_numbers import NamedNumber
from pyiptables.hooks import Family, Hook
from pyiptables.predicate import Predicate, Test

REALM = NamedNumber("/etc/iproute2/rt_realms")
NO_REALM = 0
"""The realm of a route that was given none."""


class RealmMatch(Match):
    """Match the realm of the packet's route. Routes of a host are taken to have none, which counts as 0."""

    name = "realm"
    families = (Family.IPV4,)
    hooks = frozenset(Hook) - {Hook.PREROUTING}
    needs = "the packet's route"

    realm = opt("--realm", kind=REALM, invertible=True, required=True, help="realm under a mask")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``! realm 0x1/0x2a``."""
        mark = " !" if self.inverts(type(self).realm) else ""
        return f"{mark} realm {REALM.list(self.realm, facts, numeric)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The realm under the mask."""
        yield self.wants(
            type(self).realm, facts, lambda negate: Test("dst.realm", lambda skb: self._holds(skb, negate))
        )

    def _holds(self, skb: Any, negate: bool) -> bool:
        if skb.host is None:
            skb.unknown.append("the realm of the route: the host's routes are not known")
            return False
        return bool(self.realm[0] == NO_REALM) != negate
