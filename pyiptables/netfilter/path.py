"""The path of a packet through the network layer, hook by hook.

::

    receive ── PREROUTING ── routing ──┬── forward ── FORWARD ──┐
                                       │                        ├── leave ── POSTROUTING ── transmit
    deliver ── INPUT ── process        │        send ── OUTPUT ─┘
       └───────────────────────────────┘                                        └─ lo: receive again

Source: net/ipv4/ip_input.c, ip_forward.c, ip_output.c, netfilter.c; net/ipv6/ip6_input.c, ip6_output.c, netfilter.c.
"""

from __future__ import annotations

from typing import NamedTuple

from pyiptables.conntrack import attach
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.host import Decision, Host, Kind
from pyiptables.netfilter import ip_options, made
from pyiptables.netfilter.defrag import AS_IT_IS, Defragmenter
from pyiptables.netfilter.errors_back import Told, error_route, mark_back
from pyiptables.netfilter.forwarding6 import is_of_a_link, may_leave, may_pass
from pyiptables.netfilter.fragments import taken_apart
from pyiptables.netfilter.link import Neighbourhood
from pyiptables.netfilter.loopback import Loopback
from pyiptables.netfilter.registration import Registry
from pyiptables.netfilter.traversal import Place
from pyiptables.packet.checksum import replace
from pyiptables.packet.skb import PacketType, Skb
from pyiptables.trace import events
from pyiptables.trace.recorder import Recorder

LOCAL_DELIVER = 0
"""Who asks for a datagram to be put together (enum ip_defrag_users): local delivery, or a conntrack hook."""
DEST_UNREACH, TIME_EXCEEDED, PARAMETER_PROBLEM, FRAG_NEEDED = 3, 11, 12, 4
DEST_UNREACH6, TOO_BIG6, TIME_EXCEEDED6, PARAMETER_PROBLEM6 = 1, 2, 3, 4
DELIVERED = (Kind.LOCAL, Kind.BROADCAST, Kind.MULTICAST, Kind.ANYCAST)


class Ended(NamedTuple):
    """How a packet's way ended: the verdict, where, and the rule or policy that gave it, or the reason."""

    verdict: str
    hook: Hook | None
    reason: str
    place: Place | None


class NetworkLayer:
    """Walks packets through the hooks of one host; what they do there is registered in ``hooks``."""

    def __init__(self, host: Host, recorder: Recorder | None) -> None:
        self.host = host
        self.hooks = Registry()
        self.recorder = recorder
        self.place: Place | None = None
        """The rule or policy that gave the last verdict."""
        self.routed: Decision | None = None
        """The last routing decision about the packet that was handed over."""
        self.ended: Ended | None = None
        """How the way of the packet that was handed over last ended, packets made on it left aside."""
        self.depth = 0
        """How many made packets within one another are on their way."""
        self.loopback = Loopback(self)
        self.defragmenter = Defragmenter()
        self.neighbourhood = Neighbourhood(host)
        self.sends = True
        """Whether frames that leave are made at all; nobody may want them."""
        self.sent: list[tuple[str, int, bytes]] = []
        """Frames that left, since last taken: interface, link type, bytes."""
        self.now = 0
        self.told = Told()
        self.answers_timestamps = True
        """Whether the host's own ICMP layer answers: not for a capture that holds what the host sends."""

    def note(self, event: events.Event) -> None:
        """Record an event, where somebody listens."""
        if self.recorder is not None:
            self.recorder.add(event)

    # the figure

    def receive(self, skb: Skb) -> None:
        """A packet that came in on ``skb.iif`` and passed the sanity checks (ip_rcv)."""
        if not self.hook(Hook.PREROUTING, skb, skb.iif, ""):
            return
        if skb.dst is None:
            self.route_input(skb)
        decision: Decision = skb.dst
        options = None
        if skb.family is Family.IPV4 and skb.ihl > ip_options.FIRST and decision.kind is not Kind.MARTIAN:
            options = ip_options.receive(self, skb)
            if options is None:
                return
        if decision.refused:
            self.refuse(skb, decision)
        elif decision.kind is Kind.FORWARD:
            self.forward(skb, options)
        else:
            self.deliver(skb)

    def deliver(self, skb: Skb) -> None:
        """To a process of this host (ip_local_deliver)."""
        if skb.family is Family.IPV4 and (skb.fragoff or skb.more_fragments) and not self.whole(skb, LOCAL_DELIVER):
            return
        if self.hook(Hook.INPUT, skb, skb.iif, ""):
            self.note(events.Delivered(skb.iif))
            self.decide("ACCEPT", Hook.INPUT, "delivered to the host itself")
            if self.answers_timestamps and made.asks_for_time(skb):
                self.answer_timestamp(skb)

    def forward(self, skb: Skb, options: ip_options.Options | None) -> None:
        """On to another host (ip_forward)."""
        decision: Decision = skb.dst
        if skb.pkt_type is not PacketType.HOST:
            self.decide("DROP", None, "the frame was not for this host alone, so it is not forwarded")
            return
        if skb.ttl <= 1:
            kind = TIME_EXCEEDED if skb.family is Family.IPV4 else TIME_EXCEEDED6
            self.icmp_error(skb, kind, 0, 0, "time exceeded")
            self.decide("DROP", None, f"{self.hops(skb)} {skb.ttl} is used up")
            return
        if skb.family is Family.IPV6 and skb.iif != decision.oif and not may_pass(self, skb):
            return
        if self.too_big(skb, decision):
            return
        iif = skb.iif
        self.decrement_ttl(skb)
        if self.hook(Hook.FORWARD, skb, iif, decision.oif):
            if options is not None:
                ip_options.send_on(self, skb, options)
            self.leave(skb, iif)

    def send(self, skb: Skb, indev: str = "") -> None:
        """A packet that this host made, routed already (ip_local_out); a copy by TEE has an interface at POSTROUTING."""
        if self.hook(Hook.OUTPUT, skb, "", skb.dst.oif):
            self.leave(skb, indev)

    def leave(self, skb: Skb, iif: str) -> None:
        """Out of the interface that routing chose (ip_output)."""
        oif = skb.dst.oif
        if skb.dst.looped_back and skb.family is Family.IPV4:
            self.loopback.group_copy(skb, oif)
            if self.stays_here(skb):
                return
        if not self.hook(Hook.POSTROUTING, skb, iif, oif):
            return
        if skb.dst.looped_back and skb.family is Family.IPV6:
            self.loopback.group_copy(skb, oif)
            if self.stays_here(skb):
                return
        if skb.family is Family.IPV6 and not may_leave(self, skb, forwarded=bool(iif)):
            return
        self.transmit(skb, oif)

    def stays_here(self, skb: Skb) -> bool:
        """Whether a multicast that came back may go no further, as its hops are used up."""
        if skb.ttl or skb.dst.kind is not Kind.MULTICAST:
            return False
        self.decide("DROP", None, f"a multicast with {self.hops(skb)} 0 does not leave the host")
        return True

    # what stands between the hooks

    def hook(self, hook: Hook, skb: Skb, iif: str, oif: str) -> bool:
        """Run a hook; False when the packet's way ended there."""
        skb.hook, skb.iif, skb.oif = hook, iif, oif
        if self.recorder is not None:
            self.recorder.add(events.HookEntered(hook, iif, oif))
        self.place = None
        verdict, owner = self.hooks.iterate(hook, skb)
        if verdict is Verdict.ACCEPT:
            return True
        if verdict is Verdict.STOLEN:
            return False
        self.decide(
            "DROP", hook, f"queued by {owner}, and nobody listens" if verdict is Verdict.QUEUE else f"by {owner}"
        )
        return False

    def decide(self, verdict: str, hook: Hook | None, reason: str) -> None:
        """Record how a packet's way ended."""
        place = self.place if verdict == "DROP" and hook is not None else None
        if not self.depth and (self.ended is None or self.ended.verdict == "ACCEPT"):
            self.ended = Ended(verdict, hook, reason, place)
        if self.recorder is None:
            return
        if place is None:
            self.note(events.Decided(verdict, hook, reason))
        else:
            self.note(
                events.Decided(verdict, hook, reason, place.table, place.chain, place.number, place.spec, place.via)
            )

    def route_input(self, skb: Skb) -> None:
        """Decide where a packet that came in goes (ip_route_input)."""
        ports = made.ports_of(skb)
        skb.dst = self.host.route(
            skb.family, skb.daddr, src=skb.saddr, iif=skb.iif, mark=skb.mark, tos=made.tos_of(skb),
            protocol=skb.protocol, sport=ports[0], dport=ports[1], output=False,
        )  # fmt: skip
        self.tell_route(skb.dst)

    def route_output(self, skb: Skb, *, again: bool = False, raw: bool = False) -> Decision:
        """Decide where a packet that this host made goes.

        ``raw`` asks for the destination only, as a raw socket takes the rest from the header afterwards; ``again`` is
        for what OUTPUT changed. Source: ip_route_output_flow, ip_route_me_harder, raw_sendmsg.
        """
        protocol, ports = (0, (0, 0)) if raw else (skb.protocol, made.ports_of(skb))
        source, tos = (0, 0) if raw else (skb.saddr, made.tos_of(skb))
        # A process that sends to :: means itself (rawv6_sendmsg); a packet that is routed again is taken at its word.
        daddr = skb.daddr or int(skb.family is Family.IPV6 and not again)
        strict = again and skb.family is Family.IPV6 and is_of_a_link(skb.daddr)
        decision = self.host.route(
            skb.family, daddr, src=source, mark=skb.mark, tos=tos, oif=skb.dst.oif if strict else "",
            protocol=protocol, sport=ports[0], dport=ports[1], output=True,
        )  # fmt: skip
        if not decision.refused:
            skb.dst = decision
        self.tell_route(decision, again)
        return decision

    def tell_route(self, decision: Decision, again: bool = False) -> None:
        """Record a routing decision, and what it takes for granted."""
        if not self.depth:
            self.routed = decision
        if self.recorder is None:
            return
        self.recorder.add(events.Routed(decision.kind.name, decision.words, decision.oif, again))
        hops = 0 if decision.route is None else len(decision.route.nexthops)
        if hops > 1:
            first = "the first that is up, for the kernel's choice hangs on a random key"
            self.recorder.add(events.Assumed(f"of the {hops} next hops of the route it takes {first}"))

    def reroute(self, skb: Skb) -> Verdict:
        """Route again after OUTPUT changed what routing looks at; DROP when there is no way any more."""
        decision = self.route_output(skb, again=True)
        return Verdict.DROP if decision.refused else Verdict.ACCEPT

    def refuse(self, skb: Skb, decision: Decision) -> None:
        """Routing found no way: an ICMP error where one is due (ip_error)."""
        if decision.icmp is not None and (skb.family is Family.IPV6 or self.told.may_tell(skb.saddr, self.now)):
            self.icmp_error(skb, *decision.icmp, 0, "no route to the destination")
        self.decide("DROP", None, f"routing: {decision.words}")

    def too_big(self, skb: Skb, decision: Decision) -> bool:
        """Whether a packet may not be forwarded for its size (ip_exceeds_mtu, ip6_pkt_too_big)."""
        size = len(skb.data)
        if not decision.mtu or size <= decision.mtu:
            return False
        if skb.family is Family.IPV4 and not skb.data[6] & 0x40:
            return False
        if skb.frag_max_size:  # it came in fragments: those count, and it may be fragmented again
            size = skb.frag_max_size
            if size <= decision.mtu:
                return False
        if skb.family is Family.IPV4:
            self.icmp_error(skb, DEST_UNREACH, FRAG_NEEDED, decision.mtu, "fragmentation needed")
        else:
            self.icmp_error(skb, TOO_BIG6, 0, decision.mtu, "packet too big")
        self.decide("DROP", None, f"{size} bytes are more than the MTU {decision.mtu} of {decision.oif}")
        return True

    @staticmethod
    def hops(skb: Skb) -> str:
        """What the family calls its hop counter."""
        return "ttl" if skb.family is Family.IPV4 else "hop limit"

    @staticmethod
    def decrement_ttl(skb: Skb) -> None:
        """Take one off the TTL, with the header checksum (ip_decrease_ttl), or off the hop limit."""
        data = skb.data
        if skb.family is Family.IPV4:
            check = data[10] << 8 | data[11]
            before = data[8] << 8 | data[9]
            data[8] -= 1
            data[10:12] = replace(check, before, before - 0x100).to_bytes(2, "big")
        else:
            data[7] -= 1
        skb.ttl -= 1

    def whole(self, skb: Skb, user: int) -> bool:
        """Put a fragment to the others; True when the packet goes on, as the whole datagram for the most part."""
        answer = self.defragmenter.add(skb, user, self.now)
        if answer == "whole":
            self.note(events.Reassembled(bytes(skb.data)))
            return True
        if answer == AS_IT_IS:
            return True
        if answer == "held":
            self.note(events.Held("waits for the other fragments"))
            self.decide("STOLEN", skb.hook, "a fragment waits for the others of its datagram")
        else:
            self.decide("DROP", None, answer)
        return False

    def transmit(self, skb: Skb, oif: str) -> None:
        """Onto the wire, in fragments where it must be; what goes to ``lo`` comes back in (ip_finish_output)."""
        if self.host.interface(oif) is not None and oif == "lo":
            self.decide("ACCEPT", Hook.POSTROUTING, "to the host itself, through lo")
            self.loopback.take(skb)
            return
        for data in taken_apart(skb, skb.dst.mtu or 1500) if self.sends else ():
            for interface, linktype, frame in self.neighbourhood.frames(skb, data, skb.dst):
                self.sent.append((interface, linktype, frame))
                if self.recorder is not None:
                    self.recorder.add(events.Sent(interface, frame, linktype))
        self.decide("ACCEPT", Hook.POSTROUTING, f"sent out of {oif}")

    def icmp_error(self, skb: Skb, kind: int, code: int, info: int, what: str) -> None:
        """Tell the sender of a packet what became of it, where that may be told."""
        if not made.may_answer_icmp(skb, kind, code, info):
            return
        decision = error_route(self, skb)
        if decision.refused:
            return
        source = decision.source
        options = ip_options.echoed(skb, source) if kind != PARAMETER_PROBLEM else b""
        error = made.icmp_error(skb, source, kind, code, info, self.default_ttl(skb.family), options)
        error.mark = mark_back(self, skb)
        attach(error, skb)  # icmp_glue_bits: an error belongs to the connection of its cause
        self.emit(error, decision, what)

    def parameter_problem(self, skb: Skb, code: int, pointer: int) -> None:
        """Tell the sender of an IPv6 packet which byte of it is wrong (icmpv6_param_prob)."""
        self.icmp_error(skb, PARAMETER_PROBLEM6, code, pointer, "parameter problem")

    def answer_timestamp(self, skb: Skb) -> None:
        """The one answer that the ICMP layer gives whatever the settings are (icmp_timestamp)."""
        reply = made.timestamp_reply(skb, self.default_ttl(skb.family))
        decision = self.host.route(reply.family, reply.daddr, src=reply.saddr, output=True)
        if not decision.refused:
            self.emit(reply, decision, "timestamp reply")

    def default_ttl(self, family: Family) -> int:
        """The TTL or hop limit of packets made here."""
        if family is Family.IPV4:
            return self.host.sysctl("net.ipv4.ip_default_ttl", 64)
        return self.host.sysctl("net.ipv6.conf.all.hop_limit", 64)

    def emit(self, packet: Skb, decision: Decision, what: str, indev: str = "") -> None:
        """Send a packet that this host made on its own, as a story within the story of the packet that caused it."""
        self.note(events.Made(what, packet.family, bytes(packet.data)))
        place = self.place
        packet.dst = decision
        self.note(events.Routed(decision.kind.name, decision.words, decision.oif))
        self.depth += 1
        self.send(packet, indev)
        self.depth -= 1
        self.note(events.MadeEnd())
        self.place = place
