"""What the engine lends to matches that keep state and to targets: time, chance, shared state, and deeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pyiptables.conntrack import (
    Entry,
    Manip,
    NatRange,
    Settings,
    Status,
    Tuple,
    Zone,
    attach,
    set_closing,
    setup_info,
)
from pyiptables.extensions.effects import NatRequest, TemplateRequest
from pyiptables.extensions.targets._services import SynproxyRequest
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.netfilter import made
from pyiptables.netfilter.actions import Actions
from pyiptables.netfilter.changes import Snapshot
from pyiptables.netfilter.errors_back import mark_back, reset_route
from pyiptables.netfilter.setservices import SetActions
from pyiptables.netfilter.synproxy import SynProxy
from pyiptables.trace import events

if TYPE_CHECKING:
    from pyiptables.netfilter.engine import Engine

NOTICE, ALL_FLAGS = 5, 0x0F
SAVED_NAME = 4
"""So many bytes of a timeout policy's name does iptables-save print."""
MACDECODE, ETHERNET_MAC = 0x20, 6
LOOPBACK = {Family.IPV4: 0x7F000001, Family.IPV6: 1}
NARROW_SCOPES = {0xFE80 >> 6: 2, 0xFEC0 >> 6: 5}
"""Link-local and site-local unicast prefixes of ten bits, with the scope that multicasts of their reach have."""
ANSWERS = {
    "icmp-net-unreachable": (3, 0),
    "icmp-host-unreachable": (3, 1),
    "icmp-proto-unreachable": (3, 2),
    "icmp-port-unreachable": (3, 3),
    "icmp-net-prohibited": (3, 9),
    "icmp-host-prohibited": (3, 10),
    "icmp-admin-prohibited": (3, 13),
    "icmp6-no-route": (1, 0),
    "icmp6-adm-prohibited": (1, 1),
    "icmp6-addr-unreachable": (1, 3),
    "icmp6-port-unreachable": (1, 4),
    "icmp6-policy-fail": (1, 5),
    "icmp6-reject-route": (1, 6),
}
"""The type and code of each answer of REJECT."""


class EngineServices(Actions, SetActions):
    """The engine's side of what extensions ask for."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.network = engine.network
        self.sets = engine.sets
        self.touched: list[Any] | None = None
        """Where the walk notes each rule and policy that counts the packet; None where nobody wants to know."""
        self.looked = 0
        """What the walk looked at in the meantime (bits of :class:`~pyiptables.netfilter.looks.Look`)."""
        self.random = engine.random
        self.host = engine.host
        self.now = 0
        self._shared: dict[str, Any] = {}

    def shared(self, name: str, make: Callable[[], Any]) -> Any:
        """The state of that name, made on first use."""
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]

    def share(self, name: str, state: Any) -> None:
        """Give the state of that name, in place of what its first use would make."""
        self._shared[name] = state

    def nat(self, skb: Any, request: NatRequest, manip: str) -> Verdict:
        """Map one side of the packet's new connection (xt_nat.c); a packet without a connection passes."""
        if skb.nfct is None:
            return Verdict.ACCEPT
        return setup_info(self.engine.conntrack, skb.nfct, nat_range(request), Manip[manip])

    def masquerade(self, skb: Any, request: NatRequest) -> Verdict:
        """Map the source to the outgoing interface's address (nf_nat_masquerade.c); DROP where it has none."""
        if skb.nfct is None:
            return Verdict.ACCEPT
        if skb.family is Family.IPV4 and skb.saddr == 0:
            return Verdict.ACCEPT
        route = skb.dst
        plain = skb.family is Family.IPV6 or route.gateway_family is not Family.IPV4
        address = self.host.masquerade_source(skb.family, skb.oif, skb.daddr if plain else route.next_hop)
        if not address:
            return Verdict.DROP
        skb.nfct.masq_ifindex = skb.oif
        return self.nat(skb, replace(request, addresses=(address, address)), "SRC")

    def redirect(self, skb: Any, request: NatRequest) -> Verdict:
        """Map the destination to this host: the incoming interface's first address, or loopback's at OUTPUT.

        Source: net/netfilter/nf_nat_redirect.c. DROP where the interface has no address.
        """
        address = LOOPBACK[skb.family] if skb.hook is Hook.OUTPUT else self._first_address(skb)
        if not address:
            return Verdict.DROP
        return self.nat(skb, replace(request, addresses=(address, address)), "DST")

    def _first_address(self, skb: Any) -> int:
        interface = self.host.interface(skb.iif)
        own = [each for each in interface.addresses if each.family is skb.family] if interface is not None else []
        if skb.family is Family.IPV6:
            scope = narrow_scope(skb.daddr)
            own = [each for each in own if not each.tentative and scope in (0, narrow_scope(each.address))]
        return next((each.address for each in own if not each.secondary), 0)

    def template(self, skb: Any, request: TemplateRequest) -> Entry:
        """The template that the CT target hangs on a packet: zone, helper (xt_CT.c)."""
        zone = skb.mark & 0xFFFF if request.zone is None else request.zone
        nobody = Tuple(skb.family, 0, 0, 0, 0, 0)
        made_entry = Entry(nobody, nobody, Zone(zone, request.directions), int(Status.TEMPLATE))
        made_entry.helper = request.helper or None
        if request.timeout:
            made_entry.settings = self._times(skb, request.timeout)
        return made_entry

    def _times(self, skb: Any, name: str) -> Settings | None:
        """The settings with the times of a timeout policy; None, saying so, where there is none such for the packet."""
        table = self.engine.conntrack
        named = [table.policies[name]] if name in table.policies else []
        if not named and len(name.encode("utf-8", "surrogateescape")) == SAVED_NAME:
            named = [policy for other, policy in table.policies.items() if other.startswith(name)]
        fitting = [policy for policy in named if policy.fits(skb.family, skb.protocol)]
        if len(fitting) == 1:
            return fitting[0].settings(table.settings)
        self.network.note(events.Assumed(f"timeout policy {name} is not known: connections get the usual timeouts"))
        return None

    @cached_property
    def proxy(self) -> SynProxy:
        """What stands behind SYNPROXY, made for the first packet that needs it."""
        return SynProxy(self.network, self.engine.conntrack, self.random.getrandbits(64))

    def synproxy(self, skb: Any, request: SynproxyRequest) -> Verdict | None:
        """Answer a client's SYN, or check its ACK and open the connection to the server."""
        return self.proxy.answer(skb, request)

    def helper_log(self, skb: Any, prefix: str) -> None:
        """A line in the kernel's log by a helper that drops a packet; it names no interface (nf_ct_helper_log)."""
        iif, oif, mac = skb.iif, skb.oif, skb.mac
        skb.iif, skb.oif, skb.mac = "", "", b""
        self.log(skb, prefix=prefix, level=NOTICE, flags=ALL_FLAGS)
        skb.iif, skb.oif, skb.mac = iif, oif, mac

    def helper_note(self, text: str) -> None:
        """Tell that the helper of a packet's connection is not modelled."""
        self.engine.network.note(events.Assumed(text))

    def log(self, skb: Any, *, prefix: str, level: int, flags: int, trace: bool = False) -> None:
        """A line in the kernel's log about the packet as it is now."""
        recorder = self.engine.recorder
        if recorder is None:
            return
        interface = self.host.interface(skb.iif) if flags & MACDECODE else None
        if interface is not None and len(interface.mac) != ETHERNET_MAC:
            flags &= ~MACDECODE
        uid, gid = skb.owner if skb.owner is not None else (None, None)
        recorder.add(
            events.Logged(
                skb.tstamp,
                prefix,
                level,
                flags,
                skb.family,
                skb.iif,
                skb.oif,
                skb.mac,
                skb.mark,
                bytes(skb.data),
                trace,
                uid,
                gid,
            )
        )

    def reject(self, skb: Any, kind: str) -> Verdict:
        """Answer a packet with an ICMP error or a TCP reset, named as REJECT names it, and drop it.

        Source: ipt_REJECT.c, ip6t_REJECT.c, nf_reject_ipv4.c, nf_reject_ipv6.c.
        """
        if kind == "tcp-reset":
            self._reset(skb)
        elif made.transport_checksum_right(skb) and not skb.fragoff:
            error, code = ANSWERS[kind]
            self.engine.network.icmp_error(skb, error, code, 0, f"REJECT with {kind}")
        return Verdict.DROP

    def _reset(self, skb: Any) -> None:
        network = self.engine.network
        if not made.may_reset(skb):
            return
        reset = made.tcp_reset(skb, network.default_ttl(skb.family))
        decision = reset_route(network, skb, reset)
        if decision.refused:
            return
        reset.mark = mark_back(network, skb)
        attach(reset, skb)
        if skb.nfct is not None:
            set_closing(self.engine.conntrack, skb.nfct)
        network.emit(reset, decision, "REJECT with tcp-reset")

    # what NAT changed, for the story

    def look(self, skb: Any) -> Snapshot | None:
        """The packet as it is, where somebody listens."""
        return Snapshot(skb) if self.engine.recorder is not None else None

    def tell(self, before: Snapshot | None, skb: Any) -> None:
        """Record what changed since."""
        recorder = self.engine.recorder
        if before is not None and recorder is not None:
            for change in before.changes(skb):
                if change.what in ("source", "destination"):
                    recorder.add(change)


def narrow_scope(address: int) -> int:
    """The scope of an IPv6 address that reaches less than the world: 1 host, 2 link, 5 site; 0 of any other."""
    if address >> 120 == 0xFF:
        scope = address >> 112 & 15
        return scope if scope in (1, 2, 5) else 0
    return 1 if address == 1 else NARROW_SCOPES.get(address >> 118, 0)


def nat_range(request: NatRequest) -> NatRange:
    """The range that a NAT target asks for, as the NAT core reads it."""
    low, high = request.addresses or (0, 0)
    first, last = request.ports or (0, 0)
    return NatRange(request.flags, low, high, first, last, request.base_port or 0)
