"""What the walk of single packets says, in the terms of packet sets: for holding both against each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pyiptables.analysis.interfaces import Names
from pyiptables.analysis.space import ICMP, ICMPV6, PORTED, TCP
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.netfilter.engine import Engine, ct_state
from pyiptables.netfilter.prepared import PreparedChain, PreparedRule
from pyiptables.packet.addresses import to_text
from pyiptables.packet.spec import PacketSpec
from pyiptables.packet.spec_bytes import to_bytes
from pyiptables.packet.typed_packet import TypedPacket
from pyiptables.ruleset.model import Ruleset
from pyiptables.trace import events

TYPE_NAMES = {"UNICAST", "LOCAL", "BROADCAST", "MULTICAST", "ANYCAST"}


@dataclass
class Visited:
    """A rule that a packet came to: the packet's values there, and whether it matched."""

    table: str
    chain: str
    number: int
    hook: str
    values: dict[str, Any]
    matched: bool


@dataclass
class Story:
    """One packet's way: the rules it came to, and its ends by hook."""

    visited: list[Visited] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    ended: tuple[str, str] | None = None
    arrived: dict[str, Any] = field(default_factory=dict)


def values_of(skb: Any, host: Host, tracking: bool) -> dict[str, Any]:
    """A packet at some place as field values."""
    kind = host.address_type(skb.family, skb.daddr).name
    found = {
        "source": skb.saddr, "destination": skb.daddr, "protocol": skb.protocol, "iif": skb.iif, "oif": skb.oif,
        "mark": skb.mark, "ttl": skb.ttl, "fragment": skb.fragoff,
        "destination_type": kind if kind in TYPE_NAMES else "OTHER",
    }  # fmt: skip
    if tracking:
        state, reply = ct_state(skb)
        found |= {"state": state, "reply": int(reply)}
    if not skb.fragoff:
        words = [int.from_bytes(skb.data[skb.thoff + at : skb.thoff + at + 2], "big") for at in (0, 2)]
        if skb.protocol in PORTED:
            found |= {"sport": words[0], "dport": words[1]}
        if skb.protocol in (ICMP, ICMPV6):
            found |= {"icmp_type": words[0] >> 8, "icmp_code": words[0] & 255}
        if skb.protocol == TCP:
            found |= {"flags": skb.data[skb.thoff + 13]}
    return found


@contextmanager
def listening(engine: Engine, story: Story) -> Iterator[None]:
    """Note each rule that the packet comes to; packets that the host makes on the way are left aside."""
    matches, getitem = PreparedRule.matches, PreparedChain.__getitem__
    last: list[PreparedChain] = []

    def got(chain: PreparedChain, place: int) -> PreparedRule:
        last[:] = [chain]
        return getitem(chain, place)

    def asked(rule: PreparedRule, skb: Any) -> bool:
        chain = last[0]
        values = values_of(skb, engine.host, engine.tracking and chain.table.name != "raw")
        result = matches(rule, skb)
        if not engine.network.depth and skb is engine.last:
            story.visited.append(Visited(chain.table.name, chain.name, rule.number, skb.hook.name, values, result))
        return result

    PreparedRule.matches, PreparedChain.__getitem__ = asked, got  # type: ignore[method-assign]
    try:
        yield
    finally:
        PreparedRule.matches, PreparedChain.__getitem__ = matches, getitem  # type: ignore[method-assign]


def walk(engine: Engine, packet: TypedPacket, time: int = 0) -> Story:
    """Send a packet, and tell its way."""
    story = Story()
    with listening(engine, story):
        trace = engine.send(packet.packet(time, 1))
    depth = 0
    for event in trace.events:
        depth += isinstance(event, events.Made) - isinstance(event, events.MadeEnd)
        if depth:
            continue
        if isinstance(event, events.Looped):
            break
        if isinstance(event, events.HookEntered):
            story.passed.append(event.hook.name)
        if isinstance(event, events.Decided) and story.ended is None:
            story.ended = (event.verdict, event.hook.name if event.hook is not None else "")
    return story


def host_for(ruleset: Ruleset, names: Names, addresses: dict[str, list[str]] | None = None) -> Host:
    """A host with the interfaces that the rules name."""
    return Host.assumed([name for name in names.examples if name not in ("", "lo")], addresses or {})


class Packets:
    """Random packets made of what the rules speak of."""

    def __init__(self, ruleset: Ruleset, names: Names, seed: int) -> None:
        self.random = Random(seed)
        self.family = ruleset.family
        self.names = [name for name in names.examples if name not in ("", "lo")]
        bits = ruleset.family.bits
        self.addresses = (
            [0xC6336407, 0xC0000201, 0x0A000001] if bits == 32 else [(0x20010DB8 << 96) + 7, (0x20010DB8 << 96) + 1]
        )
        self.ports = [22, 53, 80, 443, 40000, 0, 65535]
        for _, _, _, rule in ruleset.rules():
            spec = rule.spec
            for address in (spec.source, spec.destination):
                if address is not None:
                    host = self.random.getrandbits(bits) & ~address.mask & ((1 << bits) - 1)
                    self.addresses += [address.address | host]
            for match in spec.matches:
                for key in ("dport", "sport", "destinations", "sources", "either"):
                    given = match.values.get(key)
                    for pair in (
                        (given,) if isinstance(given, tuple) and given and isinstance(given[0], int) else given or ()
                    ):
                        if isinstance(pair, tuple):
                            self.ports += [end for end in (*pair, pair[0] - 1, pair[1] + 1) if 0 <= end <= 65535]

    def one(self) -> TypedPacket:
        """A packet that arrives, or that a process sends."""
        random, six = self.random, self.family is Family.IPV6
        protocol = random.choice([6, 6, 6, 17, 17, ICMPV6 if six else ICMP, 47, 132])
        kinds = [128, 129, 1, 2, 133, 135, 136] if six else [8, 0, 3, 11, 5, 13, 30]
        spec = PacketSpec(
            self.family, random.choice(self.addresses), random.choice(self.addresses), protocol,
            sport=random.choice(self.ports), dport=random.choice(self.ports),
            flags=random.choice([2, 2, 2, 16, 18, 17, 4, 0, 1, 3, 41, 63]), icmp_type=random.choice(kinds),
            icmp_code=random.choice([0, 0, 1, 4]), ttl=random.choice([64, 64, 255, 1, 2]),
        )  # fmt: skip
        local = random.random() < 0.25
        return TypedPacket(self.family, to_bytes(spec), None if local or not self.names else random.choice(self.names))


def address_text(number: int, family: Family) -> str:
    """An address with the length of one host."""
    return f"{to_text(number, family)}/{family.bits}"
