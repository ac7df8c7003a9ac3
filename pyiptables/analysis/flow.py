"""The way of all packets at once through the hooks, as :mod:`pyiptables.netfilter.path` is the way of one.

What is said of packets before they come: those from outside have an interface and no mark, but for those on ``lo``,
which this host sent; those of a local process have no interface and any mark. Whether a destination is this host's, and
by which interface a packet leaves, is open unless a host is given. Only a connection's first packet comes to the nat
table; the others of a translated connection have, behind it, any destination that NAT can have chosen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import Node, without
from pyiptables.analysis.effects import Effects, Quantify
from pyiptables.analysis.pairs import Pair, exactly
from pyiptables.analysis.reading import Reader, Stage
from pyiptables.analysis.scan import usage
from pyiptables.analysis.space import (
    ANYCAST,
    BROADCAST,
    INVALID,
    LOCAL,
    MULTICAST,
    NEW,
    RELATED,
    UNICAST,
    UNTRACKED,
    Keeps,
)
from pyiptables.analysis.walk import TableWalk
from pyiptables.hooks import TABLES, Family, Hook
from pyiptables.ruleset.model import Ruleset

ORDER = ("raw", "mangle", "nat", "filter", "security")
"""The tables as they stand at PREROUTING and OUTPUT; INPUT and POSTROUTING have nat last."""
REDESTINING = frozenset({"DNAT", "REDIRECT", "NETMAP"})
ALIASES = {"ip.tos": ("ip.dscp", "ip.ecn")}
"""Other names of what a field holds."""
MARKING = frozenset({"MARK", "CONNMARK", "HMARK", "SET", "TPROXY"})


@dataclass(slots=True)
class HookResult:
    """What comes to a hook, and how it leaves it, by verdict; ``translated`` is what a rule of the nat table took there."""

    arrives: Pair
    ends: dict[str, Pair] = field(default_factory=dict)
    translated: Pair | None = None


class Flow:
    """Sends all packets through a ruleset; ``hooks`` and ``walks`` then hold what came where."""

    def __init__(self, ruleset: Ruleset, reader: Reader, effects: Effects, *, tracking: bool) -> None:
        self.ruleset = ruleset
        self.family = ruleset.family
        self.reader, self.effects, self.space = reader, effects, reader.space
        self.tracking = tracking
        self.walks = {
            name: TableWalk(table, reader, effects) for name, table in ruleset.tables.items() if name in TABLES
        }
        self._marked = False
        """Whether packets on the way may have had their marks changed by now."""
        self._flags_in_nat: bool | None = None
        self._behind_raw: dict[Hook, Pair] = {}
        self._written: set[str] | None = None
        self.hooks: dict[Hook, HookResult] = {}
        self.tables_at: dict[tuple[str, Hook], Pair] = {}
        """What comes to a table at a hook."""

    def run(self) -> None:
        """From the wire and from the processes to the ends."""
        received = self._hook(Hook.PREROUTING, exactly(self.received()))
        self._hook(Hook.INPUT, self._delivered(received))
        forwarded = self._hook(Hook.FORWARD, self._forwarded(received))
        marked, self._marked = self._marked, False
        sent = self._hook(Hook.OUTPUT, exactly(self.sent()))
        self._marked = self._marked or marked
        self._hook(Hook.POSTROUTING, self._volatile(forwarded).either(self._volatile(sent)))

    # what comes

    def received(self) -> Node:
        """The packets that arrive, on any interface."""
        space = self.space
        here = space.has(space.iif) & space.oif.equals(0)
        looped = space.iif.equals(space.interfaces.code("lo"))
        return self._entry() & here & (looped | space.mark.masked(self._marks(), 0))

    def sent(self) -> Node:
        """The packets that processes of this host send."""
        space = self.space
        return self._entry() & space.iif.equals(0) & space.has(space.oif)

    def _entry(self) -> Node:
        space = self.space
        found = space.valid & self._tracked()
        for flag in (space.moved, space.ported, space.marked):
            found = found & flag.equals(0)
        if not self.reader.fragments:
            found = found & space.fragoff.equals(0)
        return found

    def _tracked(self) -> Node:
        """Without connection tracking every packet's state reads INVALID."""
        return self.space.tracked() if self.tracking else self.space.state.equals(INVALID)

    def tracked(self) -> Node:
        """Packets, as they come, that surely come to connection tracking: the raw table lets them, and tracks them."""
        if not self._behind_raw:
            return self.space.true
        found = self.space.false
        for pair in self._behind_raw.values():
            found = found | pair.must
        return found & ~self.space.state.equals(UNTRACKED)

    def _marks(self) -> int:
        return self.effects.usage.mark

    # between the hooks

    def _volatile(self, pair: Pair) -> Pair:
        """Packets at the next hook: what hangs on the hook is open again."""
        return self.effects.on(pair, lambda node, quantify: self.space.forget(node, quantify, Keeps.NOTHING))

    def _delivered(self, pair: Pair) -> Pair:
        """Those for this host."""
        space = self.space
        kinds = space.any_of(space.destination_type.equals(kind) for kind in (LOCAL, BROADCAST, MULTICAST, ANYCAST))
        if self.family is Family.IPV4:  # fragments are put together before
            kinds = kinds & space.fragoff.equals(0)
        return self._volatile(pair).both(exactly(kinds))

    def _forwarded(self, pair: Pair) -> Pair:
        """Those for other hosts, one hop on; by which interface they leave is open."""
        space = self.space
        kinds = space.any_of(space.destination_type.equals(kind) for kind in (UNICAST, MULTICAST))
        out = space.has(space.oif)

        def leave(node: Node, quantify: Quantify) -> Node:
            node = space.forget(node & kinds, quantify, Keeps.HOOKS)
            return self.aged(without(node, space.oif.quantifier) & out)

        return self.effects.on(pair, leave)

    def aged(self, node: Node) -> Node:
        """The set with one taken off the TTL; those that had one left are gone."""
        ttl, found = self.space.ttl, self.space.false
        if not self.effects.usage.reads("ip.ttl"):
            return node
        for value in range(2, 256):
            found = found | (without(node & ttl.equals(value), ttl.quantifier) & ttl.equals(value - 1))
        return found

    def young(self, node: Node) -> Node:
        """The set with one added to the TTL."""
        ttl, found = self.space.ttl, self.space.false
        if not self.effects.usage.reads("ip.ttl"):
            return node
        for value in range(1, 255):
            found = found | (without(node & ttl.equals(value), ttl.quantifier) & ttl.equals(value + 1))
        return found

    # a hook

    def _hook(self, hook: Hook, arrive: Pair) -> Pair:
        """The tables at a hook in turn; returns what goes on behind it."""
        result = self.hooks[hook] = HookResult(arrive)
        now = arrive
        for name in self.tables(hook):
            self.tables_at[name, hook] = now
            ends = self._nat(hook, now) if name == "nat" else self._run(name, hook, now)
            now = self._after(result, ends)
            if name == "raw":
                self._behind_raw[hook] = now
            if hook is Hook.OUTPUT and name in ("mangle", "nat"):
                now = self._rerouted(now)
        result.ends["ACCEPT"] = now
        return now

    def _run(self, name: str, hook: Hook, arrive: Pair) -> dict[str, Pair]:
        """Send what arrives through a table: by a simple start and a gate, wherever the table leaves traces of its changes."""
        walk, space, everything = self.walks[name], self.space, self.reader.everything
        changes = walk.changes if hook in (Hook.PREROUTING, Hook.OUTPUT) else walk.changes - REDESTINING
        marks, destinations = "MARK" in changes, bool(changes & REDESTINING)
        if not changes <= {"MARK", *REDESTINING} or (marks and self._marked):
            self._marked = self._marked or bool(changes & MARKING)
            return walk.run(hook, arrive, everything, self.stage(name))
        self._marked = self._marked or marks
        start = space.true
        if marks:
            start = start & space.marked.equals(0)
        if destinations:
            start = (
                start
                & space.moved.equals(0)
                & space.ported.equals(0)
                & space.states(NEW, RELATED)
                & space.dnat.equals(0)
            )
        gate = self.effects.on(
            arrive, lambda node, quantify: self.effects.lifted(node, quantify, marks=marks, destinations=destinations)
        )
        return walk.run(hook, exactly(start) if start != space.true else everything, gate, self.stage(name))

    def tables(self, hook: Hook) -> Iterator[str]:
        """The tables at a hook, in the order in which packets meet them."""
        last = hook in (Hook.INPUT, Hook.POSTROUTING)
        order = sorted(ORDER, key=lambda name: (name == "nat") if last else 0)
        return (name for name in order if name in self.walks and hook in TABLES[name])

    def stage(self, table: str) -> Stage:
        """What connection tracking has made of the packets that come to a table."""
        if not self.tracking:
            return Stage.OFF
        return Stage.BEFORE if table == "raw" else Stage.TRACKED

    def _after(self, result: HookResult, ends: dict[str, Pair]) -> Pair:
        """Note the ends of a table; what was accepted, and perhaps what was queued, goes on."""
        now = self.reader.nothing
        for verdict, pair in ends.items():
            if verdict in ("ACCEPT", "TRANSLATED"):
                now = now.either(pair)
            if verdict == "TRANSLATED":
                result.translated = pair
            if verdict in ("ACCEPT", "TRANSLATED"):
                continue
            if verdict == "QUEUE":
                now = now.either(Pair(pair.may, self.space.false))
            before = result.ends.get(verdict)
            result.ends[verdict] = pair if before is None else before.either(pair)
        return now

    def _rerouted(self, pair: Pair) -> Pair:
        """A local packet whose mark or destination was changed may leave elsewhere."""
        space = self.space
        hit = space.moved.equals(1) | space.marked.equals(1)
        out = space.has(space.oif)

        def change(node: Node, _: Quantify) -> Node:
            changed = node & hit
            return node if changed == space.false else (node & ~hit) | (without(changed, space.oif.quantifier) & out)

        return self.effects.on(pair, change)

    def _nat(self, hook: Hook, arrive: Pair) -> dict[str, Pair]:
        """The nat table for first packets; the rest of a translated connection's go on with their binding."""
        space = self.space
        first = space.state.equals(NEW) if self.tracking else space.false
        maybe = first | (
            space.state.equals(RELATED) & space.reply.equals(0) & space.snat.equals(0) & space.dnat.equals(0)
        )
        # An opener's later packets have the binding that the first one got: as if they had come to the table themselves.
        sure = first & space.beginning if self._nat_reads_flags() else first
        if hook is Hook.PREROUTING:  # what this host sent met the table at OUTPUT
            sure = sure & ~space.iif.equals(space.interfaces.code("lo"))
        come = Pair(arrive.may & maybe, arrive.must & sure)
        self.tables_at["nat", hook] = come
        ends = self._run("nat", hook, come)
        rest = Pair(arrive.may & ~sure, arrive.must & ~maybe)
        if hook in (Hook.PREROUTING, Hook.OUTPUT):
            rest = self.effects.on(rest, self.effects.translated)
        ends["ACCEPT"] = ends.get("ACCEPT", self.reader.nothing).either(rest)
        return ends

    def _nat_reads_flags(self) -> bool:
        """Whether the nat table may tell the first packet of a connection from the opener's later ones."""
        if self._flags_in_nat is None:
            found = usage((Ruleset(self.family, {"nat": self.ruleset.table("nat")}),))
            self._flags_in_nat = found.reads("tcp.flags", "tcp.ecn")
        return self._flags_in_nat

    # and back

    def origin(self, node: Node, hook: Hook) -> Node:
        """How packets of a set at a hook (in its last table) came to the host, or left their process."""
        space = self.space
        hops = (Hook.FORWARD, Hook.POSTROUTING)
        if hook in hops:
            forwarded = node & space.has(space.iif)
            node = (node & ~space.has(space.iif)) | without(self.young(forwarded), space.oif.quantifier)
        if hook not in (Hook.PREROUTING, Hook.OUTPUT):
            node = space.forget(node, without, Keeps.HOOKS if hook in hops else Keeps.NOTHING)
        node = self._unchanged(node)
        return node & (self.received() | self.sent())

    def _unchanged(self, node: Node) -> Node:
        """Destination, port and mark as they came, and the connection's state as it would have been."""
        space = self.space
        node = self._restored(
            node,
            space.moved,
            (space.destination, space.arrived_destination),
            (space.destination_type, space.arrived_type),
        )
        node = self._restored(node, space.ported, (space.word1, space.arrived_word1))
        node = self._restored(node, space.marked, (space.mark, space.arrived_mark))
        untracked = space.state.equals(4)
        lost = node & untracked
        if lost != space.false and self._untracks():
            fields = (space.state, space.reply, space.snat, space.dnat, space.ctmark, space.status)
            numbers = [number for bits in fields for number in bits.numbers]
            node = node | without(lost, space.diagrams.quantifier(numbers))
        node = without(node, space.diagrams.quantifier(self.overwritten()))
        return without(node, space.ctmark.quantifier) if self._marks_connections() else node

    def _marks_connections(self) -> bool:
        """Whether a rule may have set the connection's mark since the packet came."""
        targets = (rule.spec.target for _, _, _, rule in self.ruleset.rules())
        return any(target is not None and target.name in MARKING for target in targets)

    def _restored(self, node: Node, flag: Bits, *kept: tuple[Bits, Bits]) -> Node:
        """The set with fields as they were where the flag says that they were changed; what hung on them is open."""
        space = self.space
        changed = node & flag.equals(1)
        if changed == space.false:
            return node
        free = [*flag.numbers, *(number for now, _ in kept for number in now.numbers)]
        if flag is space.moved:
            free += [one.number for one in space.free.values()]
            new = changed & space.state.equals(NEW)
            changed = (changed & ~new) | (without(new, space.dnat.quantifier) & space.dnat.equals(0))
        if flag is not space.ported:
            free += space.oif.numbers
        changed = without(changed, space.diagrams.quantifier(free))
        return (node & flag.equals(0)) | (
            space.renamed(changed, *((before, now) for now, before in kept)) & flag.equals(0)
        )

    def _untracks(self) -> bool:
        return "raw" in self.walks

    def overwritten(self) -> set[int]:
        """Variables of fields that rules look at and targets write over, so that it is not known how they came."""
        space = self.space
        written = {"TTL": ("ip.ttl", space.ttl), "HL": ("ip.ttl", space.ttl), "TCPMSS": ("ip.length", space.length)}
        written |= dict.fromkeys(("TOS", "DSCP", "ECN"), ("ip.tos", space.tos))
        if self._written is None:
            targets = (rule.spec.target for _, _, _, rule in self.ruleset.rules())
            self._written = {target.name for target in targets if target is not None} & written.keys()
        reads = self.effects.usage.reads
        found = (written[name] for name in self._written)
        return {number for name, bits in found if reads(name, *ALIASES.get(name, ())) for number in bits.numbers}
