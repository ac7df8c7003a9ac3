"""``-m multiport``: source extensions/libxt_multiport.c and net/netfilter/xt_multiport.c."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, opt
from pyiptables.extensions.kinds.ports import list_port, parse_port
from pyiptables.packet.fields import ports, whole_or_first_fragment
from pyiptables.predicate import Predicate, all_of, any_of

PROTOCOLS = {6: "tcp", 17: "udp", 136: "udplite", 132: "sctp", 33: "dccp"}
MOST_PORTS = 15
"""How many ports fit; a range takes the place of two."""

Ranges = tuple[tuple[int, int], ...]


class PortList(Kind):
    """``PORT[:PORT],...``: ranges, both ends included; a single port is a range of one."""

    metavar = "port[,port:port,...]"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The ranges, in the order given."""
        protocol = None if facts.protocol_inverted else PROTOCOLS.get(facts.protocol)
        if protocol is not None:
            return _read(texts[0], protocol)
        if facts.protocol or facts.protocol_inverted:
            raise ParameterProblem("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP")
        raise ParameterProblem("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'")

    def save(self, value: Any, facts: RuleFacts) -> str:
        """The same, in numbers."""
        return self.list(value, facts, True)

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """The same, by service name without ``-n``."""
        protocol = PROTOCOLS.get(facts.protocol)
        ends = ((low,) if low == high else (low, high) for low, high in value)
        return ",".join(":".join(list_port(port, protocol, numeric) for port in pair) for pair in ends)


@lru_cache(maxsize=4096)
def _read(text: str, protocol: str) -> Ranges:
    found: list[tuple[int, int]] = []
    room = MOST_PORTS
    for word in text.split(","):
        first, colon, last = word.partition(":")
        if room < (2 if colon else 1):
            raise ParameterProblem("too many ports specified")
        room -= 2 if colon else 1
        low = parse_port(first, protocol)
        high = parse_port(last, protocol) if colon else low
        if colon and low >= high:
            raise ParameterProblem("invalid portrange specified")
        found.append((low, high))
    return tuple(found)


ALL = ("sources", "destinations", "either")
PORTS = PortList()


class MultiportMatch(Match):
    """Match one of several ports. A later fragment never matches; a packet too short for two ports is dropped."""

    name = "multiport"

    sources = opt(
        "--source-ports", "--sports", kind=PORTS, invertible=True, excludes=ALL, save_as="--sports",
        list_as="sports", help="source ports, up to 15",
    )  # fmt: skip
    destinations = opt(
        "--destination-ports", "--dports", kind=PORTS, invertible=True, excludes=ALL, save_as="--dports",
        list_as="dports", help="destination ports, up to 15",
    )  # fmt: skip
    either = opt(
        "--ports", kind=PORTS, invertible=True, excludes=ALL,
        list_as="ports", help="ports of which the source or the destination is one, up to 15",
    )  # fmt: skip

    def check(self, facts: RuleFacts) -> None:
        """One of the three must be there."""
        if not self.values:
            raise ParameterProblem("no ports specified")

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``multiport dports 22,80``; with ``!``, a second blank before it."""
        (option,) = (self.options[attribute] for attribute in self.values)
        mark = " !" if self.inverts(option) else ""
        return f" multiport {option.list_as} {mark}{option.kind.list(self.values[option.attribute], facts, numeric)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """Both ports are there, then the list, as multiport_mt tests them."""
        cls = type(self)
        yield whole_or_first_fragment(hotdrop_offset_one=False)
        yield ports.header
        yield self.wants(cls.sources, facts, lambda negate: ports.source.within(*self.sources, negate=negate))
        yield self.wants(
            cls.destinations, facts, lambda negate: ports.destination.within(*self.destinations, negate=negate)
        )
        yield self.wants(cls.either, facts, self._either)

    def _either(self, negate: bool) -> Predicate:
        both = (port.within(*self.either, negate=negate) for port in (ports.source, ports.destination))
        return all_of(*both) if negate else any_of(*both)
