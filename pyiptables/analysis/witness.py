"""A packet of a set in the one-line notation, or the short conversation that leads to it.

Connection tracking finds out for itself what a packet is, so what a set says of it must come about: a packet that is NEW
is the first of its connection; one that is ESTABLISHED has others before it, which pass; INVALID is one that cannot begin a
connection; RELATED is an ICMP error about one. Where none can be written, there is none: for connections that are
translated, and those that a helper expects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pyiptables.analysis.bits import Bits
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
    UDP,
    UNICAST,
    UNTRACKED,
    Keeps,
    Space,
)
from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.packet.addresses import to_text
from pyiptables.packet.conversation import to_conversation
from pyiptables.packet.skb import Skb
from pyiptables.packet.spec import PacketSpec
from pyiptables.packet.spec_bytes import from_bytes, to_bytes
from pyiptables.packet.transports import PORT_PROTOCOLS
from pyiptables.packet.typed_packet import TypedPacket

SYN, SYN_ACK, ACK = 2, 18, 16
TRIES = 12
"""How many packets of a set are tried; a packet may turn out to differ in what its fields do not say."""
ERRORS_WITH_PACKET, ERRORS_WITH_PACKET_V6 = (3, 11, 12, 4, 5), (1, 2, 3, 4)
"""ICMP's errors, which quote the packet that they are about, the usual ones first."""
QUOTED = 28
"""Bytes of a packet that are quoted behind the addresses: the rest of an IPv6 header, a UDP header and more."""
ANSWERS = {8: 0, 13: 14, 15: 16, 17: 18, 128: 129, 139: 140}
"""ICMP's questions and their answers."""


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


@dataclass(frozen=True, slots=True)
class _Picked:
    """A packet as field values: what is to be typed."""

    typed: TypedPacket
    spec: PacketSpec
    state: int
    reply: bool
    oif: str
    local: bool
    """Whether it is for this host, or from it."""


class Witnesses:
    """Writes packets of one ruleset's space.

    ``passing`` are first packets that come to an ACCEPT with no NAT on them, ``tracked`` those that surely come to
    connection tracking.
    """

    def __init__(
        self, space: Space, *, tracking: bool, passing: Callable[[], Node], tracked: Callable[[], Node]
    ) -> None:
        self.space = space
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
        self, packets: tuple[TypedPacket, ...], picked: _Picked, oif: str
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

    def _tries(self, packets: Node) -> Iterator[_Picked]:
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
            picked = self._typed(chosen)
            if picked is None:
                packets = packets & ~self._alike(chosen)
                continue
            known = self._seen(picked, chosen)
            if known & packets != space.false:
                yield picked
                packets = packets & ~known
            else:  # its bytes are not what was wanted: look among those that say otherwise
                packets = packets & ~self._alike(chosen)

    def _alike(self, chosen: dict[int, bool]) -> Node:
        """Packets that have the same of what cannot be typed at will."""
        space = self.space
        numbers = {one.number for one in space.free.values()} | set(space.length.numbers)
        numbers |= {number for bits in (*space.others.values(), *space.present.values()) for number in bits.numbers}
        numbers |= set(space.protocol.numbers)
        return space.diagrams.cube({number: value for number, value in chosen.items() if number in numbers})

    # from variables to a packet

    def _typed(self, chosen: dict[int, bool]) -> _Picked | None:
        space = self.space
        protocol = space.protocol.value(chosen)
        word0, word1 = space.word0.value(chosen), space.word1.value(chosen)
        state = space.state.value(chosen)
        icmp = protocol == (ICMP if space.family is Family.IPV4 else ICMPV6)
        spec = PacketSpec(
            space.family,
            space.source.value(chosen),
            space.destination.value(chosen),
            protocol,
            sport=word0 if not icmp else 0,
            dport=word1 if not icmp else 0,
            flags=space.flags.value(chosen),
            icmp_type=word0 >> 8 if icmp else 8,
            icmp_code=word0 & 255 if icmp else 0,
            icmp_id=1 if icmp and word0 >> 8 in {*ANSWERS, *ANSWERS.values()} else 0,
            icmp_seq=1 if icmp and word0 >> 8 in {*ANSWERS, *ANSWERS.values()} else 0,
            ttl=space.ttl.value(chosen) if any(number in chosen for number in space.ttl.numbers) else 64,
            tos=space.tos.value(chosen),
            frag_offset=space.fragoff.value(chosen) * 8,
        )
        if spec.frag_offset:
            spec = replace(spec, payload=bytes(8))
        if state == RELATED and icmp:
            spec = replace(spec, payload=to_bytes(_complained_of(spec))[: spec.family.bits // 8 * 2 + QUOTED])
        names = space.interfaces.examples
        iif, oif = names[space.iif.value(chosen)], names[space.oif.value(chosen)]
        try:
            spec = self._sized(spec, chosen)
            data = to_bytes(spec)
        except PacketError:
            return None
        mac = self._mac(chosen) if iif and iif != "lo" else None
        uid = None if iif else self._sender(chosen)
        typed = TypedPacket(space.family, data, iif or None, "", space.mark.value(chosen), mac, uid=uid)
        local = space.destination_type.value(chosen) == LOCAL
        return _Picked(typed, spec, state, bool(space.reply.value(chosen)), oif, local)

    def _sized(self, spec: PacketSpec, chosen: dict[int, bool]) -> PacketSpec:
        """The packet with as much payload as the length that is wanted, where one is."""
        if not any(number in chosen for number in self.space.length.numbers):
            return spec
        missing = self.space.length.value(chosen) - len(to_bytes(spec))
        return replace(spec, payload=spec.payload + bytes(missing)) if missing > 0 else spec

    def _mac(self, chosen: dict[int, bool]) -> bytes | None:
        bits, there = self.space.others["meta.mac_source"], self.space.present["meta.mac_source"]
        return bits.value(chosen).to_bytes(6, "big") if there.value(chosen) else None

    def _sender(self, chosen: dict[int, bool]) -> int | None:
        """A user whose process the conditions on users allow; None (root) where nothing is asked."""
        asked = [(one.users, chosen.get(one.number)) for one in self.space.free.values() if one.users is not None]
        asked = [(users, wanted) for users, wanted in asked if wanted is not None]
        for user in (0, 1000, *(users[0] for users, _ in asked), *(users[1] + 1 for users, _ in asked)):
            if all((users[0] <= user <= users[1]) == wanted for users, wanted in asked):
                return user or None
        return None

    # from a packet to variables

    def _seen(self, picked: _Picked, chosen: dict[int, bool]) -> Node:
        """All that a typed packet is, in the space's own terms; what the packet does not decide is as it was chosen."""
        space, spec = self.space, picked.spec
        skb = Skb(picked.typed.data, space.family, iif=picked.typed.interface or "", mac=picked.typed.mac)
        skb.mark = picked.typed.mark
        skb.owner = (picked.typed.uid or 0, 0) if picked.typed.local else None
        found = space.diagrams.cube(chosen) if chosen else space.true
        sure = [(space.source, spec.source), (space.destination, spec.destination), (space.protocol, skb.protocol)]
        sure += [
            (space.ttl, spec.ttl),
            (space.tos, spec.tos),
            (space.length, len(skb.data)),
            (space.fragoff, skb.fragoff),
        ]
        sure += [(space.mark, skb.mark)]
        if not spec.frag_offset and skb.thoff + 4 <= len(skb.data):
            words = [int.from_bytes(skb.data[at : at + 2], "big") for at in (skb.thoff, skb.thoff + 2)]
            if spec.protocol in PORT_PROTOCOLS or spec.protocol in (ICMP, ICMPV6):
                sure.append((space.word0, words[0]))
            if spec.protocol in PORT_PROTOCOLS:
                sure.append((space.word1, words[1]))
            if spec.protocol == TCP:
                sure.append((space.flags, skb.data[skb.thoff + 13]))
        for bits, value in sure:
            found = without(found, bits.quantifier) & bits.equals(value)
        return self._asked(found, skb)

    def _asked(self, found: Node, skb: Skb) -> Node:
        """What the packet says to the conditions and fields that only it can answer."""
        space = self.space
        for one in space.free.values():
            if one.holds is not None and one.settled:
                holds = one.holds(skb)
                variable = space.diagrams.variables[one.number]
                found = without(found, space.diagrams.quantifier([one.number])) & (variable if holds else ~variable)
        for name, read in space.readers.items():
            found = self._with_field(found, space.others[name], space.present[name], read(skb))
        return found

    @staticmethod
    def _with_field(found: Node, bits: Bits, there: Bits, value: int | None) -> Node:
        found = without(found, there.quantifier)
        if value is None:
            return found & there.equals(0)
        return without(found, bits.quantifier) & bits.equals(value) & there.equals(1)

    # what comes before

    def _before(self, last: _Picked) -> tuple[TypedPacket, ...] | None:
        """The packets that make the last one ESTABLISHED; None where none are known that pass."""
        spec = last.spec
        first = replace(spec, flags=SYN, payload=b"", frag_offset=0)
        opening = _turned(first) if last.reply else first
        return None if opening is None else self._opening(last, opening)

    def _reported(self, last: _Picked) -> tuple[TypedPacket, ...] | None:
        """The first packet of a connection, that an ICMP error is about; None where none is known that passes."""
        forth = self._placed(_complained_of(last.spec), last, same_way=False)
        return None if forth is None else (forth,)

    def _opening(self, last: _Picked, first: PacketSpec) -> tuple[TypedPacket, ...] | None:
        forth = self._placed(first, last, same_way=not last.reply)
        if forth is None:
            return None
        back = _turned(first)
        if last.reply or back is None:
            return (forth,) if last.reply else None
        answer = self._answering(last, replace(back, flags=SYN_ACK))
        return (forth, answer) if answer is not None else None

    def _placed(self, spec: PacketSpec, last: _Picked, *, same_way: bool) -> TypedPacket | None:
        """A first packet of these fields that passes: where it comes from is chosen among the ways that let it."""
        space = self.space
        wanted = self._as_set(spec) & space.state.equals(NEW) & self.certain(self._passing())
        wanted = wanted & self.certain(self._tracked())  # what the raw table leaves out begins no connection
        wanted = wanted & self._asked(space.true, Skb(to_bytes(spec), space.family, iif=last.typed.interface or ""))
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

    def _answering(self, last: _Picked, spec: PacketSpec) -> TypedPacket | None:
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
        answer = self._as_set(spec) & space.state.equals(ESTABLISHED) & space.reply.equals(1)
        answer = answer & space.iif.equals(space.interfaces.code(name or ""))
        arrives = answer & self._entering()
        return arrives & ~self.certain(self._tracked()) == space.false

    def _entering(self) -> Node:
        """Packets whose way in and out is that of one that arrives, or is sent, just now."""
        space = self.space
        return space.valid & (space.has(space.iif) & space.oif.equals(0) | space.iif.equals(0) & space.has(space.oif))

    def _as_set(self, spec: PacketSpec) -> Node:
        space = self.space
        found = space.source.equals(spec.source) & space.destination.equals(spec.destination)
        found = found & space.protocol.equals(spec.protocol) & space.ttl.equals(spec.ttl) & space.tos.equals(spec.tos)
        found = found & space.mark.equals(0) & space.fragoff.equals(0) & space.length.equals(len(to_bytes(spec)))
        if spec.protocol in PORT_PROTOCOLS:
            found = found & space.word0.equals(spec.sport) & space.word1.equals(spec.dport)
        if spec.protocol == TCP:
            found = found & space.flags.equals(spec.flags)
        if spec.protocol in (ICMP, ICMPV6):
            found = found & space.word0.equals(spec.icmp_type << 8 | spec.icmp_code)
        return found


def _complained_of(error: PacketSpec) -> PacketSpec:
    """The first packet of a connection that somebody sends an ICMP error about, to where it came from."""
    return PacketSpec(error.family, error.destination, error.source, UDP, sport=40000, dport=443)


def _turned(spec: PacketSpec) -> PacketSpec | None:
    """The packet that goes the other way; None for an ICMP message that answers nothing."""
    turned = replace(spec, source=spec.destination, destination=spec.source, sport=spec.dport, dport=spec.sport, ttl=64)
    if spec.protocol not in (ICMP, ICMPV6):
        return turned
    pairs = ANSWERS | {answer: question for question, answer in ANSWERS.items()}
    kind = pairs.get(spec.icmp_type)
    return None if kind is None else replace(turned, icmp_type=kind, icmp_id=1, icmp_seq=1)
