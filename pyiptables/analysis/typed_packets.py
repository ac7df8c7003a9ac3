"""Packets written from the variables of a space, and read back: what a packet with given values is in all its bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pyiptables.analysis.bits import Bits
from pyiptables.analysis.diagrams import Node, without
from pyiptables.analysis.space import ICMP, ICMPV6, LOCAL, RELATED, TCP, UDP, Space
from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.packet.skb import Skb
from pyiptables.packet.spec import PacketSpec
from pyiptables.packet.spec_bytes import to_bytes
from pyiptables.packet.transports import PORT_PROTOCOLS
from pyiptables.packet.typed_packet import TypedPacket

QUOTED = 28
"""Bytes of a packet that are quoted behind the addresses: the rest of an IPv6 header, a UDP header and more."""
ANSWERS = {8: 0, 13: 14, 15: 16, 17: 18, 128: 129, 139: 140}
"""ICMP's questions and their answers."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A packet as field values: what is to be typed."""

    typed: TypedPacket
    spec: PacketSpec
    state: int
    reply: bool
    oif: str
    local: bool
    """Whether it is for this host, or from it."""


class Typing:
    """Types packets of one space."""

    def __init__(self, space: Space) -> None:
        self.space = space

    # from variables to a packet

    def packet(self, chosen: dict[int, bool]) -> Picked | None:
        """The packet that has these values; None where there can be none."""
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
            spec = replace(spec, payload=to_bytes(complained_of(spec))[: spec.family.bits // 8 * 2 + QUOTED])
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
        return Picked(typed, spec, state, bool(space.reply.value(chosen)), oif, local)

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

    def seen(self, picked: Picked, chosen: dict[int, bool]) -> Node:
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
        return self.asked(found, skb)

    def asked(self, found: Node, skb: Skb) -> Node:
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

    def alike(self, chosen: dict[int, bool]) -> Node:
        """Packets that have the same of what cannot be typed at will."""
        space = self.space
        numbers = {one.number for one in space.free.values()} | set(space.length.numbers)
        numbers |= {number for bits in (*space.others.values(), *space.present.values()) for number in bits.numbers}
        numbers |= set(space.protocol.numbers)
        return space.diagrams.cube({number: value for number, value in chosen.items() if number in numbers})

    def as_set(self, spec: PacketSpec) -> Node:
        """The packets with these fields, without a mark."""
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


def complained_of(error: PacketSpec) -> PacketSpec:
    """The first packet of a connection that somebody sends an ICMP error about, to where it came from."""
    return PacketSpec(error.family, error.destination, error.source, UDP, sport=40000, dport=443)


def turned(spec: PacketSpec) -> PacketSpec | None:
    """The packet that goes the other way; None for an ICMP message that answers nothing."""
    turned = replace(spec, source=spec.destination, destination=spec.source, sport=spec.dport, dport=spec.sport, ttl=64)
    if spec.protocol not in (ICMP, ICMPV6):
        return turned
    pairs = ANSWERS | {answer: question for question, answer in ANSWERS.items()}
    kind = pairs.get(spec.icmp_type)
    return None if kind is None else replace(turned, icmp_type=kind, icmp_id=1, icmp_seq=1)
