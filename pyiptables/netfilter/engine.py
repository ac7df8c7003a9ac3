"""The engine: a ruleset on a host, and all that changes while packets pass (counters, connections, time, chance).

Packets in, events and frames out; no I/O.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from pyiptables.conntrack import ConntrackTable, Ctinfo, Status, must_reroute, nat_fn
from pyiptables.extensions.base import Extension
from pyiptables.hooks import TABLES, Family, Hook, Priority, Verdict
from pyiptables.host import Host
from pyiptables.ipset.sets import Sets
from pyiptables.netfilter import made, sanity
from pyiptables.netfilter.path import NetworkLayer
from pyiptables.netfilter.prepared import PreparedTable
from pyiptables.netfilter.services import EngineServices
from pyiptables.netfilter.traversal import Walk
from pyiptables.packet.checksum import checksum
from pyiptables.packet.packet import Packet
from pyiptables.packet.skb import PacketType, Skb
from pyiptables.ruleset.model import Ruleset
from pyiptables.trace import events
from pyiptables.trace.events import Trace
from pyiptables.trace.recorder import Recorder

OPEN = (int(Ctinfo.ESTABLISHED), int(Ctinfo.ESTABLISHED_REPLY))
CONNTRACK_IN, CONNTRACK_OUT = 1, 2
"""Who asks for fragments to be put together (enum ip_defrag_users)."""


class Engine:
    """Sends packets through a ruleset on a host.

    ``sets`` are those that rules look things up in (the engine changes a copy). ``seed`` decides all that the kernel leaves
    to chance. ``misses`` records why rules did not match, too;
    ``record=False`` records nothing, for speed: then :meth:`send` returns a trace without events.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        host: Host,
        *,
        sets: Sets | None = None,
        seed: int = 0,
        misses: bool = False,
        record: bool = True,
    ) -> None:
        self.ruleset = ruleset
        self.host = host
        self.family = ruleset.family
        self.random = Random(seed)
        self.last: Skb | None = None
        """The packet that was handed over last, as it is now; None where it was no packet."""
        self.state = ""
        """What conntrack said of it, as :func:`ct_state` does."""
        self.owner: tuple[int, int] = (0, 0)
        """User and group of the processes that send, where a packet does not say: root, unless set."""
        self.recorder = Recorder(misses=misses) if record else None
        self.network = NetworkLayer(host, self.recorder)
        self.conntrack = ConntrackTable(host.sysctls, self.random)
        if has_match(ruleset, "connbytes"):  # its check turns accounting on (xt_connbytes.c)
            self.conntrack.settings = replace(self.conntrack.settings, acct=True)
        self.sets = sets.copy() if sets is not None else Sets()
        self.services = EngineServices(self)
        self.tables = {
            name: PreparedTable(table, ruleset.family, self.services) for name, table in ruleset.tables.items()
        }
        self.tracking = needs_conntrack(ruleset)
        self.conntrack.log = self.services.helper_log
        self.conntrack.note = self.services.helper_note
        self._register()

    def _register(self) -> None:
        """Put conntrack, NAT and the tables at their hooks, each at the kernel's priority."""
        hooks = self.network.hooks
        if self.tracking:
            for hook in (Hook.PREROUTING, Hook.OUTPUT):
                hooks.register(hook, Priority.DEFRAG, "defragmentation", self._defrag)
                hooks.register(hook, Priority.CONNTRACK, "conntrack", self._track)
            for hook in (Hook.INPUT, Hook.POSTROUTING):
                if has_target(self.ruleset, "SYNPROXY"):
                    hooks.register(hook, Priority.CONNTRACK_CONFIRM - 1, "SYNPROXY", self.services.proxy.hook)
                hooks.register(hook, Priority.CONNTRACK_CONFIRM, "conntrack", self._confirm)
        for name, table in self.tables.items():
            for hook, priority in TABLES[name].items():
                hooks.register(hook, priority, f"table {name}", self._callback(table, hook))

    def _callback(self, table: PreparedTable, hook: Hook) -> Callable[[Skb], Verdict]:
        if table.name == "nat":
            return lambda skb: self._nat(table, hook, skb)
        if table.name == "mangle" and hook is Hook.OUTPUT:
            return lambda skb: self._mangle_output(table, skb)
        return lambda skb: self._traverse(table, hook, skb)

    # in and out

    def send(self, packet: Packet) -> Trace:
        """Hand a packet to the host, and walk it, and all that it gives rise to, to their ends."""
        self.network.now = self.conntrack.now = self.services.now = packet.time
        if self.recorder is not None:
            self.recorder.add(
                events.Arrived(packet.number, packet.time, packet.family, packet.interface, packet.local, packet.data)
            )
        self.network.ended = self.network.routed = self.last = None
        self.network.loopback.begin()
        self.state = ""
        if packet.packet_type is PacketType.OTHERHOST:
            self.network.decide("DROP", None, "the frame is for another host's MAC")
        elif packet.family is not self.family:
            self.network.decide(
                "DROP", None, f"no {packet.family.command} rules: the ruleset is {self.family.command}'s"
            )
        elif packet.local:
            self._send_local(packet)
        else:
            self._receive(packet)
        self.network.loopback.run()
        return Trace(packet.number, self.recorder.take() if self.recorder is not None else ())

    def fall_silent(self) -> None:
        """Record nothing from now on, and make no frames: what counts is how ways end and what is counted."""
        self.recorder = self.network.recorder = None
        self.network.sends = False

    def speak(self, recorder: Recorder | None) -> None:
        """Record again, and make frames."""
        self.recorder = self.network.recorder = recorder
        self.network.sends = True

    def take_frames(self) -> list[tuple[str, int, bytes]]:
        """The frames that left since last asked: interface, link type, bytes."""
        frames, self.network.sent = self.network.sent, []
        return frames

    def snapshot(self) -> Ruleset:
        """The ruleset with its counters as they are now."""
        made_tables = {name: table.snapshot() for name, table in self.tables.items()}
        return Ruleset(self.family, made_tables)

    def _skb(self, packet: Packet, data: bytes) -> Skb:
        skb = Skb(data, packet.family, iif=packet.interface, mac=packet.mac)
        skb.pkt_type = packet.packet_type
        skb.mark, skb.tstamp, skb.number, skb.host = packet.mark, packet.time, packet.number, self.host
        self.last = skb
        if packet.uid is not None:
            skb.owner = (packet.uid, packet.gid if packet.gid is not None else packet.uid)
        elif packet.local:
            skb.owner = self.owner
        return skb

    def _receive(self, packet: Packet) -> None:
        checked = sanity.check(packet.data, packet.family)
        if checked.reason:
            if checked.problem is not None:
                self.network.parameter_problem(self._skb(packet, checked.data), *checked.problem)
            self.network.decide("DROP", None, checked.reason)
            return
        self.network.receive(self._skb(packet, checked.data))

    def _send_local(self, packet: Packet) -> None:
        """A local process sends a whole packet, as through a raw socket: length and header checksum are the kernel's."""
        data = bytearray(packet.data)
        if packet.family is Family.IPV4 and len(data) >= 20:
            data[2:4] = len(data).to_bytes(2, "big")
            data[10:12] = b"\0\0"
            data[10:12] = checksum(data[: (data[0] & 15) * 4]).to_bytes(2, "big")
        checked = sanity.check_sent(bytes(data), packet.family)
        if checked.reason:
            self.network.decide("DROP", None, checked.reason)
            return
        skb = self._skb(packet, checked.data)
        decision = self.network.route_output(skb, raw=packet.raw)
        if decision.refused:
            self.network.decide("DROP", None, f"routing: {decision.words}")
            return
        if packet.raw and skb.family is Family.IPV4 and not skb.saddr:
            made.put_source(skb, decision.source)
        self.network.send(skb)

    # callbacks

    def _traverse(self, table: PreparedTable, hook: Hook, skb: Skb) -> Verdict:
        recorder = self.recorder
        if recorder is not None:
            recorder.add(events.TableEntered(table.name, hook.name))
        walk = Walk(table, hook, skb, self.services, recorder)
        verdict = walk.run()
        self.network.place = walk.place
        if recorder is not None and walk.place is not None:
            recorder.add(events.TableLeft(table.name, verdict.name, walk.place.number == 0))
        return verdict

    def _mangle_output(self, table: PreparedTable, skb: Skb) -> Verdict:
        """mangle's OUTPUT routes again when it changed what routing looks at (ipt_mangle_out)."""
        before = (skb.saddr, skb.daddr, skb.mark, made.tos_of(skb))
        verdict = self._traverse(table, Hook.OUTPUT, skb)
        if verdict in (Verdict.DROP, Verdict.STOLEN):
            return verdict
        if before != (skb.saddr, skb.daddr, skb.mark, made.tos_of(skb)) and self.network.reroute(skb) is Verdict.DROP:
            return Verdict.DROP
        return verdict

    def _nat(self, table: PreparedTable, hook: Hook, skb: Skb) -> Verdict:
        destination = skb.daddr
        before = self.services.look(skb)
        verdict = nat_fn(self.conntrack, skb, hook, lambda packet: self._traverse(table, hook, packet))
        self.services.tell(before, skb)
        if verdict is not Verdict.ACCEPT:
            return verdict
        if hook is Hook.PREROUTING and skb.daddr != destination:
            skb.dst = None
        if hook is Hook.OUTPUT and must_reroute(skb):
            return self.network.reroute(skb)
        return verdict

    def _defrag(self, skb: Skb) -> Verdict:
        if skb.family is Family.IPV4 and not (skb.fragoff or skb.more_fragments):
            return Verdict.ACCEPT
        if skb.nfct is not None or skb.ctinfo == Ctinfo.UNTRACKED:
            return Verdict.ACCEPT
        user = CONNTRACK_IN if skb.hook is Hook.PREROUTING else CONNTRACK_OUT
        return Verdict.ACCEPT if self.network.whole(skb, user) else Verdict.STOLEN

    def _track(self, skb: Skb) -> Verdict:
        template = skb.nfct is not None and skb.nfct.status & Status.TEMPLATE
        seen = (skb.nfct is not None and not template) or skb.ctinfo == Ctinfo.UNTRACKED
        verdict = self.conntrack.track(skb, skb.hook)
        if skb.ctinfo not in OPEN:
            self.services.touched = None  # what becomes of a packet that opens a connection does not repeat
        if not self.state:
            self.state = ct_state(skb)[0]
        if self.recorder is not None:
            state, reply = ct_state(skb)
            connection = skb.nfct.original if skb.nfct is not None else None
            self.recorder.add(events.Tracked(state, reply, "known already" if seen else "", connection))
        return verdict

    def _confirm(self, skb: Skb) -> Verdict:
        if skb.nfct is None or skb.nfct.helper is None:
            return self.conntrack.confirm(skb)
        before = self.services.look(skb)
        verdict = self.conntrack.confirm(skb)
        self.services.tell(before, skb)
        return verdict


def ct_state(skb: Any) -> tuple[str, bool]:
    """The state that ``--ctstate`` would see, without SNAT and DNAT, and whether the packet goes in the reply direction."""
    if skb.ctinfo == Ctinfo.UNTRACKED:
        return "UNTRACKED", False
    if skb.nfct is None:
        return "INVALID", False
    names = {0: "ESTABLISHED", 1: "RELATED", 2: "NEW", 3: "ESTABLISHED", 4: "RELATED"}
    return names[int(skb.ctinfo)], skb.ctinfo >= 3


def has_target(ruleset: Ruleset, name: str) -> bool:
    """Whether a rule has that target."""
    return any(rule.spec.target is not None and rule.spec.target.name == name for _, _, _, rule in ruleset.rules())


def has_match(ruleset: Ruleset, name: str) -> bool:
    """Whether a rule has that match."""
    return any(match.name == name for _, _, _, rule in ruleset.rules() for match in rule.spec.matches)


def needs_conntrack(ruleset: Ruleset) -> bool:
    """Whether a rule makes the kernel track connections: without one it does not (nf_ct_netns_get)."""
    for table, _, _, rule in ruleset.rules():
        spec = rule.spec
        for extension in (*spec.matches, spec.target) if spec.target is not None else spec.matches:
            asks = type(extension).tracks is not Extension.tracks
            if asks and extension.tracks(spec.facts(ruleset.family, table.name)):
                return True
    return False
