"""A packet of a set in the one-line notation, or the short conversation that leads to it.

Connection tracking finds out for itself what a packet is, so what a set says of it must come about: a packet that is NEW
is the first of its connection; one that is ESTABLISHED has others before it, which pass; INVALID is one that cannot begin a
connection; RELATED is an ICMP error about one. Where none can be written, there is none: for connections that are
translated, and those that a helper expects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from pyiptables.analysis.diagrams import Node, always, without
from pyiptables.analysis.interfaces import USUAL
from pyiptables.analysis.picking import between_hosts, narrowed, pick
from pyiptables.analysis.space import (
    ESTABLISHED,
    ICMP,
    ICMPV6,
    INVALID,
    LOCAL,
    NEW,
    RELATED,
    TCP,
    UNICAST,
    UNTRACKED,
    Keeps,
    Space,
)
from pyiptables.analysis.typed_packets import Picked, Typing, complained_of, turned
from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.packet.addresses import to_text
from pyiptables.packet.conversation import to_conversation
from pyiptables.packet.skb import Skb
from pyiptables.packet.spec import PacketSpec
from pyiptables.packet.spec_bytes import from_bytes, to_bytes
from pyiptables.packet.typed_packet import TypedPacket

SYN, SYN_ACK, ACK = 2, 18, 16
TRIES = 12
"""How many packets of a set are tried; a packet may turn out to differ in what its fields do not say."""
ERRORS_WITH_PACKET, ERRORS_WITH_PACKET_V6 = (3, 11, 12, 4, 5), (1, 2, 3, 4)
"""ICMP's errors, which quote the packet that they are about, the usual ones first."""


class Witness(str):
    """The line, and what it takes of the host: interfaces, the one that leads elsewhere first, its own addresses.

    ``ways`` are other hosts, by address, with the interface that leads to each.
    """

    interfaces: tuple[str, ...]
    addresses: tuple[str, ...]
    ways: dict[str, str]

    def __new__(
        cls, line: str, *, interfaces: tuple[str, ...], addresses: tuple[str, ...], ways: dict[str, str] | None = None
    ) -> Witness:
        """Make it of all."""
        made = super().__new__(cls, line)
        made.interfaces, made.addresses, made.ways = interfaces, addresses, ways or {}
        return made

    def host(self) -> Host:
        """A host on which the packet goes that way, where none is given."""
        names = [*dict.fromkeys((*self.interfaces, "eth0", "eth1"))]
        return Host.assumed(names, {names[-1]: list(self.addresses)} if self.addresses else {}, self.ways)


class Witnesses:
    """Writes packets of one ruleset's space.

    ``passing`` are first packets that come to an ACCEPT with no NAT on them, ``tracked`` those that surely come to
    connection tracking.
    """

    def __init__(
        self, space: Space, *, tracking: bool, passing: Callable[[], Node], tracked: Callable[[], Node]
    ) -> None:
        self.space = space
        self._typing = Typing(space)
        self.tracking = tracking
        self._passing = passing
        self._tracked = tracked

    def write(self, packets: Node, oif: str = "") -> Witness | None:
        """The notation of one packet of a set of packets as they arrive, or of a conversation that ends with it.

        ``oif`` is the interface by which a packet from outside is to leave.
        """
        ordinary = self.certain(packets) & between_hosts(self.space)
        for state in (NEW, UNTRACKED, INVALID, ESTABLISHED, RELATED):
            found = self._of_state(ordinary & self.space.state.equals(state), state, oif)
            if found is not None:
                return found
        return None

    def certain(self, packets: Node) -> Node:
        """Those of a set that are in it whatever a trace finds of what is not modelled."""
        space = self.space
        packets = always(packets, space.diagrams.quantifier(self._unsettled()))
        any_packet = Skb(bytes(space.family.bits // 8 * 2 + 40), space.family)
        for one in space.free.values():  # what a trace answers alike for every packet
            if one.settled and one.keeps is Keeps.NOTHING and one.users is None and one.holds is not None:
                answer = space.diagrams.literal(one.number, one.holds(any_packet))
                packets = packets & answer
        return packets

    def _unsettled(self) -> Iterator[int]:
        """Variables that a trace may find to be either: it must make no difference."""
        space = self.space
        yield from (one.number for one in space.free.values() if not one.settled)
        yield from space.status.numbers
        for name, bits in space.others.items():
            if name not in space.readers:
                yield from (*bits.numbers, *space.present[name].numbers)

    def _of_state(self, packets: Node, state: int, oif: str) -> Witness | None:
        space = self.space
        if self.tracking and state == NEW:
            packets = packets & space.beginning
        if self.tracking and state == INVALID:
            packets = packets & self._no_beginning()
        if state == ESTABLISHED:
            packets = packets & space.snat.equals(0) & space.dnat.equals(0) & self._continuing()
        if state == RELATED:
            packets = packets & space.snat.equals(0) & space.dnat.equals(0) & self._reporting()
        for picked in self._tries(packets):
            leads = {ESTABLISHED: self._before, RELATED: self._reported}.get(state)
            before = leads(replace(picked, oif=oif or picked.oif)) if leads is not None else ()
            if before is None:
                continue
            sent, ways = self._forwarded((*before, picked.typed), picked, oif)
            try:
                line = to_conversation(sent)
            except PacketError:
                continue
            out = sent[-1].out_interface or oif or picked.oif
            names = (out, *(packet.interface for packet in (picked.typed, *before) if packet.interface))
            ends = [picked.spec.destination] if picked.local else []
            ends += [picked.spec.source] if picked.typed.local else []
            family = self.space.family
            return Witness(
                line,
                interfaces=tuple(name for name in names if name not in ("", "lo")),
                addresses=tuple(f"{to_text(end, family)}/{family.bits}" for end in dict.fromkeys(ends)),
                ways=ways,
            )
        return None

    def _forwarded(
        self, packets: tuple[TypedPacket, ...], picked: Picked, oif: str
    ) -> tuple[tuple[TypedPacket, ...], dict[str, str]]:
        """Packets that are for another host with the interface by which each leaves, and the ways that make it so.

        A host that is given has routes, which say that.
        """
        last = packets[-1]
        if not oif:  # where the others of a conversation come in
            oif = next((each.interface for each in packets if each.interface not in (None, last.interface)), "") or ""
        if not oif or picked.local or last.interface in (None, "lo") or oif == "lo" or self.space.facts is not None:
            return packets, {}
        if oif == last.interface:  # another of which rules say the same is better
            alike = self.space.interfaces.alike
            oif = next((one for one in USUAL if one != oif and alike(one, oif)), oif)
        source, destination = picked.spec.source, picked.spec.destination
        ways = {source: last.interface or "", destination: oif}
        said = []
        for packet in packets:
            spec = from_bytes(packet.data, packet.family)
            to = spec.destination if spec is not None else destination
            across = to == source and self.space.interfaces.alike(packet.interface or "", oif)
            said.append(replace(packet, interface=oif if across else packet.interface, out_interface=ways.get(to, oif)))
        return tuple(said), {to_text(end, self.space.family): name for end, name in ways.items()}

    def _continuing(self) -> Node:
        """Packets that can follow a first one and its answer: of TCP, acknowledgements, or the answer itself."""
        space = self.space
        answer = space.reply.equals(1) & space.flags.masked(0x3F, SYN_ACK)
        return ~space.protocol.equals(TCP) | answer | space.flags.masked(0x17, ACK)

    def _reporting(self) -> Node:
        """ICMP's errors about a connection's first packet: they go where that came from."""
        space = self.space
        four = space.family is Family.IPV4
        kinds = ERRORS_WITH_PACKET if four else ERRORS_WITH_PACKET_V6
        icmp = space.protocol.equals(ICMP if four else ICMPV6)
        return icmp & space.reply.equals(1) & space.any_of(space.icmp_type.equals(kind) for kind in kinds)

    def _no_beginning(self) -> Node:
        """Packets of which connection tracking can make nothing when they come first."""
        space = self.space
        others = space.tracked() & ~space.state.equals(INVALID) & ~space.state.equals(ESTABLISHED)
        return ~without(others & ~space.state.equals(RELATED) & space.beginning, space.state.quantifier)

    def _tries(self, packets: Node) -> Iterator[Picked]:
        """Packets of a set that are in it with all that they are, when typed."""
        space = self.space
        for _ in range(TRIES):
            if packets == space.false:
                return
            chosen = pick(space, packets)
            source, destination = space.source.value(chosen), space.destination.value(chosen)
            if source == destination:  # such a packet does not come from elsewhere
                packets = packets & ~(space.source.equals(source) & space.destination.equals(source))
                continue
            picked = self._typing.packet(chosen)
            if picked is None:
                packets = packets & ~self._typing.alike(chosen)
                continue
            known = self._typing.seen(picked, chosen)
            if known & packets != space.false:
                yield picked
                packets = packets & ~known
            else:  # its bytes are not what was wanted: look among those that say otherwise
                packets = packets & ~self._typing.alike(chosen)

    # what comes before

    def _before(self, last: Picked) -> tuple[TypedPacket, ...] | None:
        """The packets that make the last one ESTABLISHED; None where none are known that pass."""
        spec = last.spec
        first = replace(spec, flags=SYN, payload=b"", frag_offset=0)
        opening = turned(first) if last.reply else first
        return None if opening is None else self._opening(last, opening)

    def _reported(self, last: Picked) -> tuple[TypedPacket, ...] | None:
        """The first packet of a connection, that an ICMP error is about; None where none is known that passes."""
        forth = self._placed(complained_of(last.spec), last, same_way=False)
        return None if forth is None else (forth,)

    def _opening(self, last: Picked, first: PacketSpec) -> tuple[TypedPacket, ...] | None:
        forth = self._placed(first, last, same_way=not last.reply)
        if forth is None:
            return None
        back = turned(first)
        if last.reply or back is None:
            return (forth,) if last.reply else None
        answer = self._answering(last, replace(back, flags=SYN_ACK))
        return (forth, answer) if answer is not None else None

    def _placed(self, spec: PacketSpec, last: Picked, *, same_way: bool) -> TypedPacket | None:
        """A first packet of these fields that passes: where it comes from is chosen among the ways that let it."""
        space = self.space
        wanted = self._typing.as_set(spec) & space.state.equals(NEW) & self.certain(self._passing())
        wanted = wanted & self.certain(self._tracked())  # what the raw table leaves out begins no connection
        wanted = wanted & self._typing.asked(
            space.true, Skb(to_bytes(spec), space.family, iif=last.typed.interface or "")
        )
        sent = space.iif.equals(0)
        arrives = space.has(space.iif) & ~space.iif.equals(space.interfaces.code("lo"))
        come = last.typed.interface is not None
        if same_way:
            wanted = wanted & space.iif.equals(space.interfaces.code(last.typed.interface or ""))
            kind = LOCAL if come and last.local else UNICAST
        else:
            wanted = wanted & (sent if last.local and come else arrives)
            kind = UNICAST if come else LOCAL
        if not come or (not same_way and last.local):
            out = last.oif if same_way else last.typed.interface or ""
            wanted = wanted & (space.has(space.iif) | space.oif.equals(space.interfaces.code(out)))
        wanted = wanted & space.destination_type.equals(kind)
        if wanted == space.false:
            return None
        across = space.iif.equals(space.interfaces.code(last.oif))
        iif = space.interfaces.examples[
            space.iif.value(pick(space, narrowed([across] if not same_way else [], wanted)))
        ]
        return TypedPacket(space.family, to_bytes(spec), iif or None)

    def _answering(self, last: Picked, spec: PacketSpec) -> TypedPacket | None:
        """The answer to the first packet: from this host where that was for it, else from the other side."""
        name: str | None = None
        if last.typed.interface is None:
            name = last.oif
        elif not last.local:
            others = [one for one in self.space.interfaces.examples[2:] if one != last.typed.interface]
            name = others[0] if others else "eth1"
        return TypedPacket(self.space.family, to_bytes(spec), name) if self._is_tracked(spec, name) else None

    def _is_tracked(self, spec: PacketSpec, name: str | None) -> bool:
        """Whether an answer surely comes to connection tracking: the raw table neither drops it nor leaves it out."""
        space = self.space
        answer = self._typing.as_set(spec) & space.state.equals(ESTABLISHED) & space.reply.equals(1)
        answer = answer & space.iif.equals(space.interfaces.code(name or ""))
        arrives = answer & self._entering()
        return arrives & ~self.certain(self._tracked()) == space.false

    def _entering(self) -> Node:
        """Packets whose way in and out is that of one that arrives, or is sent, just now."""
        space = self.space
        return space.valid & (space.has(space.iif) & space.oif.equals(0) | space.iif.equals(0) & space.has(space.oif))
