"""Which packets a rule's conditions select, read off the very predicates that the walk evaluates."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from types import SimpleNamespace
from typing import Any

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import Node
from pyiptables.analysis.pairs import Pair, exactly
from pyiptables.analysis.space import STATE_BITS, TYPE_BITS, Keeps, Space
from pyiptables.extensions.base import Match
from pyiptables.hooks import Family
from pyiptables.ipset.sets import Sets
from pyiptables.predicate import (
    AllOf,
    Always,
    AnyOf,
    Field,
    Labelled,
    Masked,
    Named,
    Not,
    Predicate,
    Readable,
    Test,
    Unknown,
    Within,
    leaves,
)
from pyiptables.ruleset.conditions import conditions
from pyiptables.ruleset.model import RuleSpec

SNAT, DNAT = 64, 128
"""Bits of ``ct.state`` that say of a connection that it is translated."""
OF_ALL_BYTES = frozenset({"u32", "bpf"})
OF_BYTES = frozenset({"string", "tcp", "sctp", "dccp", "dst", "hbh", "rt", "frag", "srh", "tcpmss", "ipv6header"})
"""Matches whose unmodelled conditions look at the packet's bytes alone: they answer the same at every hook."""
OPPOSITE = frozenset({"string", "u32", "owner", "helper", "tcp", "cpu", "addrtype", "realm"})
"""Matches whose conditions, inverted, hold for exactly the other packets."""
EVERYWHERE = frozenset({"meta.pkttype"})
"""Fields without a place of their own that every packet has."""


class Stage(Enum):
    """What connection tracking has made of packets: before it they have no connection; where it is off, never one."""

    BEFORE = "before connection tracking"
    TRACKED = "tracked"
    OFF = "not tracked"


class Reader:
    """Reads conditions as sets of packets of one space.

    ``fragments`` says whether later fragments come by (without connection tracking nothing puts them together);
    ``sets`` are given contents of ipset; ``changing`` names sets that rules change.
    """

    def __init__(
        self,
        space: Space,
        *,
        fragments: bool = True,
        sets: Sets | None = None,
        changing: frozenset[str] = frozenset(),
    ) -> None:
        self.space = space
        self.fragments = fragments
        self.sets = sets
        self.changing = changing
        self._leaves: dict[tuple[Predicate, Stage], Pair] = {}
        self._matches: dict[tuple[int, int, Stage], tuple[Pair, Node, Match]] = {}
        self.everything, self.nothing = exactly(space.true), exactly(space.false)
        self.unknown = Pair(space.true, space.false)

    def rule(self, spec: RuleSpec, table: str, stage: Stage) -> tuple[Pair, Node]:
        """The packets that a rule matches; and those that it drops instead, for a header that cannot be read."""
        found, dropped = self.everything, self.space.false
        for condition in conditions(spec, self.space.family):
            found = self._leaf(condition.part if isinstance(condition, Labelled) else condition, stage).both(found)
        for match in spec.matches:
            # Equal matches are mostly one object, and to hash one takes longer than to read it.
            key = (id(match), spec.protocol.number if spec.protocol else 0, stage)
            read = self._matches.get(key)
            if read is None:
                read = self._matches[key] = (*self._match(match, spec, table, stage), match)
            pair, drop, _ = read
            if drop is not self.space.false:
                dropped = dropped | (found.may & drop)
            found = pair if found is self.everything else found.both(pair)
        return found, dropped

    def _match(self, match: Match, spec: RuleSpec, table: str, stage: Stage) -> tuple[Pair, Node]:
        special = _SPECIAL.get(match.name)
        pair = special(self, match) if special is not None else None
        if match.name in OPEN_QUESTIONS:
            pair = self._whole(match, match.predicate(spec.facts(self.space.family, table)))
        if pair is not None:
            return pair, self.space.false
        found, dropped = self.everything, self.space.false
        for part in match.parts(spec.facts(self.space.family, table)):
            dropped = dropped | (found.may & self._dropped(part))
            found = found.both(self._read(part, match, stage))
        return (found.both(self.unknown) if match.stateful else found), dropped

    def _whole(self, match: Match, predicate: Predicate) -> Pair:
        """A match as one condition, which a trace may answer."""
        answers = Unknown not in map(type, leaves(predicate))
        text = f"{match.name} {sorted(match.values.items(), key=str)} {sorted(match.inverted)}"
        found = self.space.condition(text, keeps=Keeps.NOTHING, holds=predicate.holds, settled=answers)
        return self.unknown if found is None else exactly(found)

    def _dropped(self, part: Predicate) -> Node:
        """The packets that a part drops on the spot: TCP fragments that begin inside the header."""
        if not self.fragments or not isinstance(part, Readable):
            return self.space.false
        probe = SimpleNamespace(fragoff=1, hotdrop=False)
        if part.name == FIRST_FRAGMENT:
            part.present(probe)
        return self.space.fragoff.equals(1) if probe.hotdrop else self.space.false

    def _read(self, part: Predicate, match: Match, stage: Stage, label: str = "") -> Pair:
        """One condition as a set."""
        match part:
            case Labelled(words, inner):
                return self._read(inner, match, stage, words() if isinstance(inner, Test) else label)
            case AllOf(parts):
                found = self.everything
                for one in parts:
                    found = found.both(self._read(one, match, stage, label))
                return found
            case AnyOf(parts):
                found = self.nothing
                for one in parts:
                    found = found.either(self._read(one, match, stage, label))
                return found
            case Not(inner):
                return self._read(inner, match, stage, label).opposite()
            case Test(name):
                return self._condition(match, name, label, part.test)
            case Readable(name, present, hotdrop):
                return self._readable(match, name, present, hotdrop)
            case _:
                return self._leaf(part, stage)

    def _readable(self, match: Match, name: str, present: Callable[[Any], bool], hotdrop: bool) -> Pair:
        """A header that must be there: the packets of a space are whole, so only what they may lack counts."""
        if name == FIRST_FRAGMENT:
            return exactly(self.space.fragoff.equals(0)) if self.fragments else self.everything
        if hotdrop or (name == TCP_HEADER and not self.fragments):
            return self.everything
        return self._condition(match, name, "", present)

    def _condition(self, match: Match, name: str, label: str, holds: Callable[[Any], bool]) -> Pair:
        """A pure condition that is not modelled: the same text is the same condition."""
        inverted = label.startswith("! ") and match.name in OPPOSITE
        # What else the match says may decide what the text means (the algorithm of a string, say).
        options = type(match).options
        rest = {key: value for key, value in match.values.items() if not options[key].invertible}
        text = f"{match.name} {name} {label.removeprefix('! ') if inverted else label} {sorted(rest.items(), key=str)}"
        found = self.space.condition(
            text,
            keeps=_keeps(match.name),
            holds=(lambda skb: not holds(skb)) if inverted else holds,
            settled=match.name == "owner",
            users=match.values.get("user") if name == "owner.user" else None,
        )
        if found is None:
            return self.unknown
        return exactly(~found if inverted else found)

    def _leaf(self, part: Predicate, stage: Stage) -> Pair:
        key = (part, stage)
        found = self._leaves.get(key)
        if found is None:
            found = self._leaves[key] = self._new_leaf(part, stage)
        return found

    def _new_leaf(self, part: Predicate, stage: Stage) -> Pair:
        space = self.space
        match part:
            case Always(value):
                return self.everything if value else self.nothing
            case Unknown():
                return self.unknown
            case Named(field, name, prefix, negate):
                side = space.iif if field.name == "meta.iif" else space.oif
                found = space.named(side, name, prefix)
                return exactly(~found if negate else found)
            case Masked(field, mask, value, negate):
                if field.name.startswith("ct."):
                    return self._of_connection(part, stage)
                bits, there = self._field(field)
                found = bits.masked(mask, value)
                return exactly((~found if negate else found) & there)
            case Within(field, ranges, negate):
                if field.name.startswith("ct."):
                    return self._of_connection(part, stage)
                if field.name == "ip.fragoff" and not self.fragments:
                    inside = any(low <= 0 <= high for low, high in ranges)
                    return self.everything if inside != negate else self.nothing
                bits, there = self._field(field)
                found = space.any_of(bits.within(low, high) for low, high in ranges)
                return exactly((~found if negate else found) & there)
            case _:
                return self.unknown

    def _field(self, field: Field) -> tuple[Bits, Node]:
        """The variables of a field, and the packets that have it."""
        known = self.space.fields.get(field.name)
        if known is not None:
            return known, self.space.true
        bits, there = self.space.other(field.name, field.bits, field.get)
        return bits, self.space.true if field.name in EVERYWHERE else there.equals(1)

    # connections

    def _of_connection(self, part: Masked | Within, stage: Stage) -> Pair:
        """A field of the packet's connection; a packet that has none lacks the field, but for its state.

        Before connection tracking packets have none, unless they were tracked already: what comes back through the loopback
        interface, and the RST that REJECT sends (nf_conntrack_in, nf_send_reset).
        """
        found = self._of_entry(part, stage)
        if stage is not Stage.BEFORE:
            return found
        kept = self.space.named(self.space.iif, "lo", False) | self.space.iif.equals(0)
        return Pair(found.may | kept, found.must & ~kept)

    def _of_entry(self, part: Masked | Within, stage: Stage) -> Pair:
        space, name = self.space, part.field.name
        entry = space.states(0, 1, 2) if stage is Stage.TRACKED else space.false
        if name == "ct.state":
            return self._state(part, stage)
        if name == "ct.entry":
            return exactly(self._compare(lambda value: entry if value else ~entry, part, range(2)))
        if name == "ct.direction":
            return exactly(self._compare(space.reply.equals, part, range(2)) & entry)
        if name == "ct.mark":
            return exactly(self._asked(space.ctmark, part) & entry)
        if name == "ct.status" and isinstance(part, Masked) and part.mask <= 15:
            return exactly(self._asked(space.status, part) & entry)
        bits, _ = space.other(name, part.field.bits)
        found = self._asked(bits, part) & entry
        known = self._known_of_entry(name, part)
        if known is None:
            return exactly(found)
        where, what = known
        return exactly(((where & what) | (~where & found)) & entry)

    def _known_of_entry(self, name: str, part: Masked | Within) -> tuple[Node, Node] | None:
        """Where a field of the connection is one of the packet's own, and which packets then pass.

        The first packet of a connection, and all in its direction, have the original tuple, but for the destination
        that NAT has changed; those of a connection that is not translated have it turned round in replies.
        """
        space = self.space
        reply, plain = space.reply.equals(1), space.snat.equals(0) & space.dnat.equals(0)
        new, related = space.state.equals(0), space.state.equals(2)
        if name == "ct.protocol":
            return ~related, self._asked(space.protocol, part)
        forth: dict[str, Bits] = {"ct.original_src": space.source, "ct.original_sport": space.word0}
        back: dict[str, Bits] = {"ct.original_src": space.destination, "ct.original_dst": space.source}
        back |= {"ct.reply_src": space.source, "ct.reply_dst": space.destination}
        back |= {"ct.original_sport": space.word1, "ct.original_dport": space.word0}
        back |= {"ct.reply_sport": space.word0, "ct.reply_dport": space.word1}
        there = ~related if not name.endswith("port") else ~related & space.with_ports
        known, passes = space.false, space.false
        if name in forth:
            where = new & there
            known, passes = known | where, passes | (where & self._asked(forth[name], part))
        changed = {
            "ct.original_dst": (space.moved, space.destination, space.arrived_destination),
            "ct.original_dport": (space.ported, space.word1, space.arrived_word1),
        }
        if name in changed:
            flag, now, before = changed[name]
            kept, taken = new & there & flag.equals(0), new & there & flag.equals(1)
            known = known | kept | taken
            passes = passes | (kept & self._asked(now, part)) | (taken & self._asked(before, part))
        turned = {"ct.original_src": space.source, "ct.original_dst": space.destination}
        turned |= {"ct.original_sport": space.word0, "ct.original_dport": space.word1}
        settled = space.state.equals(1) & plain & there
        if name in turned:
            where = settled & ~reply
            known, passes = known | where, passes | (where & self._asked(turned[name], part))
        if name in back:
            where = settled & reply
            known, passes = known | where, passes | (where & self._asked(back[name], part))
        return known, passes

    def _asked(self, bits: Bits, part: Masked | Within) -> Node:
        if isinstance(part, Masked):
            found = bits.masked(part.mask, part.value)
        else:
            found = self.space.any_of(bits.within(low, high) for low, high in part.ranges)
        return ~found if part.negate else found

    @staticmethod
    def _fits(value: int, part: Masked | Within) -> bool:
        if isinstance(part, Masked):
            return (value & part.mask == part.value) != part.negate
        return any(low <= value <= high for low, high in part.ranges) != part.negate

    def _compare(self, having: Callable[[int], Node], part: Masked | Within, values: range) -> Node:
        return self.space.any_of(having(value) for value in values if self._fits(value, part))

    def _state(self, part: Masked | Within, stage: Stage) -> Pair:
        """``ct.state``: one of five, and for a connection whether it is translated."""
        space, found = self.space, self.space.false
        if stage is not Stage.TRACKED:
            untracked = space.state.equals(4) if stage is Stage.BEFORE else space.false
            for bits, where in ((STATE_BITS[3], ~untracked), (STATE_BITS[4], untracked)):
                if self._fits(bits, part):
                    found = found | where
            return exactly(found)
        for state, bits in enumerate(STATE_BITS):
            for source in (0, SNAT):
                for destination in (0, DNAT):
                    if (state < 3 or not source | destination) and self._fits(bits | source | destination, part):
                        where = space.snat.equals(int(bool(source))) & space.dnat.equals(int(bool(destination)))
                        found = found | (space.state.equals(state) & where)
        return exactly(found)

    # matches that are read whole

    def addrtype(self, match: Match) -> Pair | None:
        """``-m addrtype``: what routing takes the addresses for; None where only an interface's view is asked for."""
        values = match.values
        if "by_in" in values or "by_out" in values:
            return None
        space, found = self.space, self.space.true
        for option, side in (("source", space.source_type), ("destination", space.destination_type)):
            types = values.get(option)
            if types is None:
                continue
            wanted = [code for code, bits in enumerate(TYPE_BITS) if types & bits]
            if types & TYPE_BITS[5] or (space.family is Family.IPV6 and wanted not in ([1], [3])):
                return None
            chosen = space.any_of(side.equals(code) for code in wanted)
            found = found & (~chosen if option in match.inverted else chosen)
        return exactly(found)

    def cluster(self, match: Match) -> Pair | None:
        """``-m cluster``: a hash of its own for each rule."""
        return self.unknown

    def set(self, match: Match) -> Pair | None:
        """``-m set``: elements where they are given, else a condition of its own unless rules change the set."""
        from pyiptables.analysis.members import members

        reference = match.values["reference"]
        name, sides = reference.name, reference.sides
        plain = match.values.keys() <= {"reference", "counters", "subcounters"}
        if name in self.changing or not plain:
            return self.unknown
        inverted = "reference" in match.inverted
        given = self.sets[name] if self.sets is not None and name in self.sets else None
        found = members(self.space, given, sides) if given is not None and not self.fragments else None
        if found is None:
            text = f"set {name} {sides}"
            node = self.space.condition(text, keeps=Keeps.NOTHING)
            return self.unknown if node is None else exactly(~node if inverted else node)
        return exactly(~found if inverted else found)


FIRST_FRAGMENT, TCP_HEADER = "no later fragment", "a whole TCP header"


def _keeps(name: str) -> Keeps:
    """What the unmodelled conditions of a match outlast."""
    if name in OF_ALL_BYTES:
        return Keeps.HOOKS
    return Keeps.ROUTING if name in OF_BYTES else Keeps.NOTHING


OPEN_QUESTIONS = frozenset({"physdev", "policy", "ipvs"})
"""Matches about what a trace takes to be none (bridge ports, IPsec, IPVS), and which there may be."""
_SPECIAL: dict[str, Callable[[Reader, Match], Pair | None]] = {
    "addrtype": Reader.addrtype,
    "cluster": Reader.cluster,
    "set": Reader.set,
}
