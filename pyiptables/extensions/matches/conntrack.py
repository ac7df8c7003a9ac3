"""``-m conntrack``: source extensions/libxt_conntrack.c and net/netfilter/xt_conntrack.c."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Match, Option, RuleFacts, opt
from pyiptables.extensions.kinds.hosts import HOST_MASK
from pyiptables.extensions.kinds.lists import NameList
from pyiptables.extensions.kinds.numbers import UINT32_RANGE
from pyiptables.extensions.kinds.ports import GuidedPortRange
from pyiptables.extensions.kinds.protocols import PROTOCOL
from pyiptables.hooks import Family
from pyiptables.packet.fields import CT_STATES, CT_STATUSES, ct
from pyiptables.predicate import Field, Labelled, Predicate, any_of


class NumericPorts(GuidedPortRange):
    """A range of ports that is listed in numbers always."""

    def list(self, value: Any, facts: RuleFacts, numeric: bool) -> str:
        """``A`` or ``A:B``."""
        return self.save(value, facts)


class Direction(Kind):
    """``ORIGINAL`` or ``REPLY``."""

    metavar = "ORIGINAL|REPLY"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """Its name in capitals."""
        name = texts[0].upper() if texts[0].isascii() else ""
        if name not in ("ORIGINAL", "REPLY"):
            raise ParameterProblem(f'conntrack: Bad value for "--ctdir" option: "{texts[0]}"')
        return name

    def choices(self, family: Family) -> Iterable[str]:
        """The two."""
        return ("ORIGINAL", "REPLY")


PORTS = NumericPorts(None)


def _option(name: str, kind: Kind, text: str) -> Option:
    return opt(f"--{name}", kind=kind, invertible=True, list_as=name, help=text)


class ConntrackMatch(Match):
    """Match by what connection tracking knows of the packet."""

    name = "conntrack"

    state = _option("ctstate", NameList(CT_STATES, 'Bad ctstate "{}"'), "states of the packet, or SNAT, DNAT")
    protocol = _option("ctproto", PROTOCOL, "protocol of the connection")
    original_src = _option("ctorigsrc", HOST_MASK, "source of the first packet, before NAT")
    original_dst = _option("ctorigdst", HOST_MASK, "destination of the first packet, before NAT")
    reply_src = _option("ctreplsrc", HOST_MASK, "source of answers, after NAT")
    reply_dst = _option("ctrepldst", HOST_MASK, "destination of answers, after NAT")
    original_sport = _option("ctorigsrcport", PORTS, "source port of the first packet, before NAT")
    original_dport = _option("ctorigdstport", PORTS, "destination port of the first packet, before NAT")
    reply_sport = _option("ctreplsrcport", PORTS, "source port of answers, after NAT")
    reply_dport = _option("ctrepldstport", PORTS, "destination port of answers, after NAT")
    status = _option("ctstatus", NameList(CT_STATUSES, 'Bad ctstatus "{}"'), "statuses of the connection")
    expires = _option("ctexpire", UINT32_RANGE, "seconds that the connection has left")
    direction = opt("--ctdir", kind=Direction(), list_as="ctdir", help="direction of the packet")

    def check(self, facts: RuleFacts) -> None:
        """Something must be asked for."""
        if not self.values:
            raise ParameterProblem("conntrack: At least one option is required")

    def tracks(self, facts: RuleFacts) -> bool:
        """Always."""
        return True

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``ctstate NEW ! ctproto 6``: as saved, without dashes."""
        return "".join(self._listed(option, facts, numeric) for option in self.options.values() if self.has(option))

    def _listed(self, option: Option, facts: RuleFacts, numeric: bool) -> str:
        mark = " !" if self.inverts(option) else ""
        return f"{mark} {option.list_as} {option.kind.list(self.values[option.attribute], facts, numeric)}"

    def parts(self, facts: RuleFacts) -> Iterator[Predicate]:
        """State first, then what needs a connection, as conntrack_mt tests them."""
        yield self.wants(type(self).state, facts, lambda negate: ct.state.any_bit(self.state, negate=negate))
        if self._matches_untracked():
            absent = ct.entry.equals(0)
            yield from (_or(absent, part) for part in self._of_entry(facts))
        else:
            yield from self._of_entry(facts)

    def _matches_untracked(self) -> bool:
        """Whether the state can be that of a packet without connection; the kernel then asks nothing else of it."""
        option = type(self).state
        untracked = (CT_STATES["INVALID"], CT_STATES["UNTRACKED"])
        return self.has(option) and any(bool(self.state & bit) != self.inverts(option) for bit in untracked)

    def _of_entry(self, facts: RuleFacts) -> Iterator[Predicate]:
        cls, values = type(self), self.values

        def ranged(field: Field, attribute: str) -> Callable[[bool], Predicate]:
            return lambda negate: field.within(values[attribute], negate=negate)

        def masked(field: Field, attribute: str) -> Callable[[bool], Predicate]:
            return lambda negate: field.masked(
                values[attribute][1], values[attribute][0] & values[attribute][1], negate=negate
            )

        yield self.wants(cls.direction, facts, lambda _: ct.direction.equals(int(self.direction == "REPLY")))
        for attribute in ("original_src", "original_dst", "reply_src", "reply_dst"):
            field = getattr(ct, attribute)[facts.family]
            yield self.wants(self.options[attribute], facts, masked(field, attribute))
        yield self.wants(cls.protocol, facts, lambda negate: ct.protocol.equals(self.protocol, negate=negate))
        for attribute in ("original_sport", "original_dport", "reply_sport", "reply_dport"):
            yield self.wants(self.options[attribute], facts, ranged(getattr(ct, attribute), attribute))
        yield self.wants(cls.status, facts, lambda negate: ct.status.any_bit(self.status, negate=negate))
        yield self.wants(cls.expires, facts, ranged(ct.expires, "expires"))


def _or(absent: Predicate, part: Predicate) -> Predicate:
    """The part, or no connection at all; with the part's own words."""
    return Labelled(part.label, any_of(absent, part.part)) if isinstance(part, Labelled) else part
