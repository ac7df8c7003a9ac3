"""What targets do to the packets of a set: marks, NAT, tracking. Each is exact, or opens what it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import Node, always, without
from pyiptables.analysis.pairs import Pair
from pyiptables.analysis.space import LOCAL, UNTRACKED, Keeps, Space
from pyiptables.extensions.base import Target
from pyiptables.extensions.effects import NatRequest
from pyiptables.hooks import Hook

Quantify: TypeAlias = Callable[[Node, Node], Node]
"""How what is overwritten and not kept is forgotten: ``without`` for what may be, ``always`` for what must."""
Change: TypeAlias = Callable[[Node, Quantify], Node]
"""What a target does to a set."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the rules of all tables look at: names of fields, bits of the mark; and whether NAT is known to be none."""

    fields: frozenset[str]
    mark: int
    conditions: bool

    def reads(self, *names: str) -> bool:
        """Whether a rule looks at one of the fields."""
        return not self.fields.isdisjoint(names)


class Effects:
    """Applies targets to sets of one space; what no rule looks at is not changed, for it makes no difference."""

    def __init__(self, space: Space, usage: Usage) -> None:
        self.space = space
        self.usage = usage
        self._arrivals = (
            (space.destination, space.arrived_destination),
            (space.destination_type, space.arrived_type),
        )
        self._same_mark = space.mark.same_as(space.arrived_mark, usage.mark)

    def on(self, pair: Pair, change: Change) -> Pair:
        """A change to both sides of a pair."""
        may, must = change(pair.may, without), change(pair.must, always)
        return Pair(may, may if may == must else must)

    def changing(self, target: Target) -> Change | None:
        """What a target that goes on does to a set; None where nothing that rules look at changes."""
        make = _CHANGES.get(target.name)
        return make(self, target) if make is not None else None

    # marks

    def set_mark(self, value: int, mask: int) -> Change | None:
        """``mark & ~mask ^ value``."""
        used = self.usage.mark
        cleared, flipped = mask & used, value & ~mask & used
        if not cleared | flipped:
            return None
        return lambda node, _: self._mark(node, cleared, value & cleared, flipped)

    def _begin_marking(self, node: Node) -> Node:
        """The set with the mark that packets came with kept beside the mark that they have."""
        space = self.space
        unmarked, marked = space.marked.equals(0), space.marked.equals(1)
        again = node & marked
        fresh = node & unmarked
        if without(fresh, space.mark.quantifier) != fresh:
            fresh = space.renamed(fresh, (space.mark, space.arrived_mark))
        fresh = without(fresh, space.marked.quantifier) & self._same_mark & marked
        return fresh if again == space.false else fresh | again

    def _mark(self, node: Node, cleared: int, value: int, flipped: int) -> Node:
        space = self.space
        if node == space.false:
            return node
        node = self._begin_marking(node)
        width = space.mark.width
        numbers = space.mark.numbers
        if flipped:
            variables = space.diagrams.variables
            chosen = [numbers[width - 1 - place] for place in range(width) if flipped >> place & 1]
            node = space.diagrams.renaming((number, ~variables[number]) for number in chosen)(node)
        if cleared:
            quantified = space.diagrams.quantifier(
                numbers[width - 1 - place] for place in range(width) if cleared >> place & 1
            )
            node = without(node, quantified) & space.mark.masked(cleared, value)
        return node

    def open_mark(self, node: Node, _: Quantify) -> Node:
        """The set with any mark."""
        return without(self._begin_marking(node), self.space.mark.quantifier) if self.usage.mark else node

    def restore_mark(self, target: Any) -> Change | None:
        """CONNMARK --restore-mark: the connection's mark becomes the packet's."""
        space = self.space
        if not self.usage.mark:
            return None
        plain = target.nfmask == target.ctmask and not (target.left_shift or target.right_shift)
        mask = target.nfmask & self.usage.mark

        def change(node: Node, _: Quantify) -> Node:
            entry = space.states(0, 1, 2)
            there = self._begin_marking(node & entry)
            width, numbers = space.mark.width, space.mark.numbers
            bits = [numbers[width - 1 - place] for place in range(width) if mask >> place & 1]
            there = without(there, space.diagrams.quantifier(bits))
            if plain:
                there = there & space.mark.same_as(space.ctmark, mask)
            return there | (node & ~entry)

        return change

    def connmark(self, target: Any) -> Change | None:
        """CONNMARK: set, save or restore."""
        if target.restore_mark:
            return self.restore_mark(target)
        space = self.space
        if not self.usage.reads("ct.mark"):
            return None
        if target.set_xmark is not None and not (target.left_shift or target.right_shift):
            value, mask = target.set_xmark
            if value & ~mask == 0:
                numbers, width = space.ctmark.numbers, space.ctmark.width
                bits = space.diagrams.quantifier(numbers[width - 1 - p] for p in range(width) if mask >> p & 1)
                kept = space.ctmark.masked(mask, value)
                return self._of_entries(lambda node, quantify: quantify(node, bits) & kept)
        return self._of_entries(lambda node, quantify: quantify(node, space.ctmark.quantifier))

    def _of_entries(self, change: Change) -> Change:
        entry = self.space.states(0, 1, 2)
        # The constraint on new connections' marks must not count as knowledge lost.
        return lambda node, _: change(node & entry, without) | (node & ~entry)

    def lifted(self, gate: Node, quantify: Quantify, *, marks: bool, destinations: bool) -> Node:
        """A set of packets in front of a table, said of them behind it: by what they were where that was changed."""
        space = self.space
        if destinations:
            before = space.renamed(space.forget(gate, quantify, Keeps.ROUTING), *self._arrivals)
            before = without(before, space.diagrams.quantifier((*space.dnat.numbers, *space.moved.numbers)))
            gate = self._split(space.moved, before, gate)
            gate = self._split(space.ported, space.renamed(gate, (space.word1, space.arrived_word1)), gate)
        if marks:
            gate = self._split(space.marked, space.renamed(gate, (space.mark, space.arrived_mark)), gate)
        return gate

    def _split(self, flag: Bits, changed: Node, same: Node) -> Node:
        """One set for packets with a flag, another for those without."""
        set_ = flag.equals(1)
        return (set_ & without(changed, flag.quantifier)) | (~set_ & same)

    # tracking

    def untrack(self, node: Node, _: Quantify) -> Node:
        """NOTRACK: the packet has no connection, whatever there would have been."""
        space = self.space
        there = [space.state, space.reply, space.snat, space.dnat, space.ctmark, space.status]
        numbers = [number for bits in there for number in bits.numbers]
        node = without(node, space.diagrams.quantifier(numbers))
        nothing = space.reply.equals(0) & space.snat.equals(0) & space.dnat.equals(0) & space.ctmark.equals(0)
        return node & space.state.equals(UNTRACKED) & nothing

    # NAT

    def redestined(
        self, node: Node, quantify: Quantify, addresses: Node, ports: Node | None, kind: Node | None = None
    ) -> Node:
        """The set with destinations changed to one of ``addresses``, and of ``ports`` where protocols have them."""
        space = self.space
        if node == space.false:
            return node
        node = space.forget(node, quantify, Keeps.ROUTING)
        node = space.renamed(node, *self._arrivals)
        opened = [*space.dnat.numbers, *space.moved.numbers]
        node = without(node, space.diagrams.quantifier(opened)) & space.moved.equals(1) & space.dnat.equals(1)
        if ports is not None:
            node = self._reported(node, ports)
        return node & addresses & (space.destination_typed if kind is None else kind)

    def _reported(self, node: Node, ports: Node) -> Node:
        space = self.space
        some = space.with_ports
        changed = space.renamed(node & some, (space.word1, space.arrived_word1))
        changed = without(changed, space.ported.quantifier) & space.ported.equals(1)
        return (changed & ports) | (node & ~some)

    def translated(self, node: Node, quantify: Quantify) -> Node:
        """Packets of connections that are translated already: their destination becomes any that NAT can have chosen."""
        space = self.space
        known = space.states(1, 2)
        reply = space.reply.equals(1)
        where = known & ((~reply & space.dnat.equals(1)) | (reply & space.snat.equals(1)))
        hit = node & where
        if hit == space.false:
            return node
        reply_hit = hit & reply
        found = self.redestined(hit & ~reply, quantify, space.true, space.true)
        plain, both = reply_hit & space.dnat.equals(0), reply_hit & space.dnat.equals(1)
        back = self.redestined(plain, quantify, space.true, space.true)
        back = without(back, space.dnat.quantifier) & space.dnat.equals(0)
        return (node & ~where) | found | back | self.redestined(both, quantify, space.true, space.true)

    def nat(self, target: Any, hook: Hook) -> Change | None:
        """What a target of the nat table does to destinations; None where it changes sources alone."""
        if hook not in (Hook.PREROUTING, Hook.OUTPUT):
            return None
        if target.name == "NETMAP":
            return lambda node, quantify: self._netmap(node, quantify, target)
        request: NatRequest = target.request
        space, local = self.space, None
        addresses = space.true
        if request.addresses is not None:
            addresses = space.destination.within(*request.addresses)
        if target.name == "REDIRECT":
            local = space.destination_type.equals(LOCAL)
            if hook is Hook.OUTPUT:
                addresses = space.destination.equals(0x7F000001 if space.family.bits == 32 else 1)
        ports = None
        if request.ports is not None:
            ports = space.word1.within(*request.ports)
        if target.name == "DNAT" and request.addresses is None:
            same = space.destination.same_as(space.arrived_destination)
            return lambda node, quantify: self.redestined(node, quantify, same, ports)
        return lambda node, quantify: self.redestined(node, quantify, addresses, ports, local)

    def _netmap(self, node: Node, quantify: Quantify, target: Any) -> Node:
        space = self.space
        network, mask = target.to
        host = ((1 << space.family.bits) - 1) & ~mask
        addresses = space.destination.masked(mask, network) & space.destination.same_as(space.arrived_destination, host)
        return self.redestined(node, quantify, addresses, None)

    # headers

    def open_field(self, *fields: tuple[str, Bits]) -> Change | None:
        """Any value for what a target changes."""
        used = [bits for name, bits in fields if self.usage.reads(name)]
        if not used and not self.usage.conditions:
            return None
        numbers = [number for bits in used for number in bits.numbers]

        def change(node: Node, quantify: Quantify) -> Node:
            node = self.space.forget(node, quantify, Keeps.ROUTING)
            return quantify(node, self.space.diagrams.quantifier(numbers)) if numbers else node

        return change

    def tos(self) -> Change | None:
        """Any type of service."""
        tos = self.space.tos
        return self.open_field(("ip.tos", tos), ("ip.dscp", tos), ("ip.ecn", tos))

    def addresses(self) -> Change:
        """Any address: prefixes that are translated without state."""
        space = self.space

        def change(node: Node, quantify: Quantify) -> Node:
            node = self.redestined(node, quantify, space.true, None)
            opened = without(node, space.source.quantifier)
            return without(opened, space.source_type.quantifier) & space.typed(space.source_type, space.source)

        return change


def _mark_of(effects: Effects, target: Any) -> Change | None:
    return effects.set_mark(*target.set_xmark)


def _tracking(effects: Effects, target: Any) -> Change | None:
    return effects.untrack if target.name == "NOTRACK" or target.notrack else None


def _set_mark_by_set(effects: Effects, target: Any) -> Change | None:
    return effects.open_mark if target.map_mark and effects.usage.mark else None


_CHANGES: dict[str, Callable[[Effects, Any], Change | None]] = {
    "MARK": _mark_of,
    "CONNMARK": lambda effects, target: effects.connmark(target),
    "CT": _tracking,
    "NOTRACK": _tracking,
    "SET": _set_mark_by_set,
    "HMARK": lambda effects, target: effects.open_mark if effects.usage.mark else None,
    "TTL": lambda effects, target: effects.open_field(("ip.ttl", effects.space.ttl)),
    "HL": lambda effects, target: effects.open_field(("ip.ttl", effects.space.ttl)),
    "TOS": lambda effects, target: effects.tos(),
    "DSCP": lambda effects, target: effects.tos(),
    "ECN": lambda effects, target: effects.open_field(
        ("ip.tos", effects.space.tos), ("ip.ecn", effects.space.tos), ("tcp.ecn", effects.space.flags)
    ),
    "TCPMSS": lambda effects, target: effects.open_field(("ip.length", effects.space.length)),
    "TCPOPTSTRIP": lambda effects, target: effects.open_field(("ip.length", effects.space.length)),
    "DNPT": lambda effects, target: effects.addresses(),
    "SNPT": lambda effects, target: effects.addresses(),
}
"""What targets that go on change; those that are not here change nothing that rules look at."""
