"""``-m ipvs``: source extensions/libxt_ipvs.c and net/netfilter/xt_ipvs.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, opt
from pyiptables.extensions.kinds.choices import Choice
from pyiptables.extensions.kinds.hosts import HOST_MASK
from pyiptables.extensions.kinds.ports import resolve_port
from pyiptables.extensions.kinds.protocols import ANY_PROTOCOL
from pyiptables.predicate import TRUE, Predicate, Unknown


class Port(Kind):
    """One port (XTTYPE_PORT)."""

    metavar = "port"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its number."""
        return resolve_port(texts[0])


def _choice(name: str, *choices: str) -> Choice:
    return Choice(*choices, bad=f'ipvs: Bad value for "--{name}" option: "{{}}"', any_case=True)


class IpvsMatch(Match):
    """Match packets of connections that IPVS balances; there are none where nothing says so."""

    name = "ipvs"
    unknown = "the connections of IPVS"

    ipvs = opt("--ipvs", invertible=True, help="of such a connection; all the others imply it")
    protocol = opt("--vproto", kind=ANY_PROTOCOL, invertible=True, help="protocol of the virtual service")
    address = opt("--vaddr", kind=HOST_MASK, invertible=True, help="address of the virtual service")
    port = opt("--vport", kind=Port(), invertible=True, help="port of the virtual service")
    direction = opt("--vdir", kind=_choice("vdir", "ORIGINAL", "REPLY"), help="direction of the packet")
    method = opt(
        "--vmethod", kind=_choice("vmethod", "GATE", "IPIP", "MASQ"), invertible=True, help="how packets are forwarded"
    )
    control = opt("--vportctl", kind=Port(), invertible=True, help="port of the connection that controls this one")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """--ipvs says nothing beside another."""
        return {name: value for name, value in values.items() if name != "ipvs" or len(values) == 1}

    def check(self, facts: RuleFacts) -> None:
        """Something is asked for, and what is asked for can be."""
        if not self.values:
            raise ParameterProblem("IPVS: At least one option is required")
        if "ipvs" not in self.values and self.inverts(type(self).ipvs):
            raise ParameterProblem("! --ipvs cannot be together with other options")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``vaddr 192.0.2.1 vport 80``: as saved, without dashes."""
        text = self.save(facts).replace(" --", " ")
        if numeric or self.address is None:
            return text
        kind = type(self).address.kind
        saved, listed = kind.save(self.address, facts), kind.list(self.address, facts, numeric)
        return text.replace(f" vaddr {saved}", f" vaddr {listed}", 1)

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """What holds for packets that IPVS does not know."""
        yield TRUE if self.inverts(type(self).ipvs) else Unknown("the connections of IPVS")
