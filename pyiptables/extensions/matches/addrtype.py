"""``-m addrtype``: source extensions/libxt_addrtype.c and net/netfilter/xt_addrtype.c."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Match, RuleFacts, opt
from pyiptables.extensions.kinds.lists import NameList
from pyiptables.hooks import Family, Hook
from pyiptables.predicate import Predicate, Test

NAMES = (
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
)
"""Types of addresses, in the order of their numbers (RTN_*)."""

TYPES = NameList(
    {name: 1 << number for number, name in enumerate(NAMES)},
    "addrtype: bad type `{}'",
    bad_last='addrtype: bad type "{}"',
)
NOT_IPV6 = sum(1 << NAMES.index(name) for name in ("BROADCAST", "BLACKHOLE", *NAMES[NAMES.index("PROHIBIT") :]))

ANY_HOOKS = frozenset(Hook)
IN_HOOKS = ANY_HOOKS - {Hook.POSTROUTING, Hook.OUTPUT}
OUT_HOOKS = ANY_HOOKS - {Hook.PREROUTING, Hook.INPUT}


class AddrtypeMatch(Match):
    """Match by what an address is to this host: its own, a broadcast, another's ..."""

    name = "addrtype"
    needs = "the host's addresses and routes"

    source = opt("--src-type", kind=TYPES, invertible=True, list_as="src-type", help="types of the source")
    destination = opt("--dst-type", kind=TYPES, invertible=True, list_as="dst-type", help="types of the destination")
    by_in = opt(
        "--limit-iface-in", excludes=("by_out",), list_as="limit-in", help="look at the incoming interface only"
    )
    by_out = opt(
        "--limit-iface-out", excludes=("by_in",), list_as="limit-out", help="look at the outgoing interface only"
    )

    def check(self, facts: RuleFacts) -> None:
        """One of the two addresses must be asked about."""
        if self.source is None and self.destination is None:
            raise ParameterProblem("addrtype: you must specify --src-type or --dst-type")

    def allowed_hooks(self) -> frozenset[Hook] | None:
        """Those where there is an interface of the side asked for."""
        return IN_HOOKS if self.by_in else OUT_HOOKS if self.by_out else None

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """IPv6 knows fewer types."""
        unknown = ((self.source or 0) | (self.destination or 0)) & NOT_IPV6
        return "a type that IPv6 does not have" if facts.family is Family.IPV6 and unknown else None

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``ADDRTYPE match src-type !LOCAL limit-in``."""
        text = " ADDRTYPE match"
        for option in self.options.values():
            if self.has(option):
                mark = "!" if self.inverts(option) else ""
                value = f" {mark}{option.kind.save(self.values[option.attribute], facts)}" if option.kind.words else ""
                text += f" {option.list_as}{value}"
        return text

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """The source's type, then the destination's."""
        cls = type(self)
        yield self.wants(cls.source, facts, lambda negate: self._test("saddr", self.source, negate))
        yield self.wants(cls.destination, facts, lambda negate: self._test("daddr", self.destination, negate))

    def _test(self, address: str, types: int, negate: bool) -> Predicate:
        """Ask the host (``skb.host``) for the address; without a host the answer is not known."""

        def device(skb: Any) -> str:
            return str(skb.iif if self.by_in else skb.oif if self.by_out else "")

        def holds(skb: Any) -> bool:
            if skb.host is None:
                skb.unknown.append(f"the type of {address}: the host's addresses are not known")
                return False
            found = skb.host.address_has_type(skb.family, getattr(skb, address), types, device(skb))
            return bool(found) != negate

        def show(skb: Any) -> str:
            if skb.host is None:
                return "not known"
            return str(skb.host.address_type(skb.family, getattr(skb, address), device(skb)).name)

        return Test(f"addrtype.{address}", holds, show)
