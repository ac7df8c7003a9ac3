"""IPv4 options of a packet that came in: checked and filled in once it is routed, and again when it is sent on.

Record route and timestamp get the host's own address and time; what is broken, or asks for a route that the host does not
take, ends the packet's way. Source: net/ipv4/ip_options.c, net/ipv4/ip_input.c (ip_rcv_options), RFC 791.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyiptables.hooks import Family
from pyiptables.host import Kind, RouteType
from pyiptables.packet.checksum import checksum
from pyiptables.packet.skb import Skb

if TYPE_CHECKING:
    from pyiptables.netfilter.path import NetworkLayer

END, NOOP, RECORD_ROUTE, TIMESTAMP, LOOSE, STRICT, ROUTER_ALERT = 0, 1, 7, 68, 131, 137, 148
TIMES_ONLY, TIMES_AND_ADDRESSES, TIMES_OF_GIVEN = 0, 1, 3
MOST_OVERFLOW = 15
PARAMETER_PROBLEM = 12
FIRST = 20
DAY_IN_MS = 86_400_000


@dataclass(slots=True)
class Options:
    """Where in the header the options are that the host has to do with, 0 for none; ``changed``: the checksum is old.

    ``problem`` is the place of what is broken, -1 when all is well. ``needs_address``: record route has a free slot.
    """

    record_route: int = 0
    timestamp: int = 0
    source_route: int = 0
    needs_address: bool = False
    changed: bool = False
    problem: int = -1


def fill_in(skb: Skb, address: Callable[[], int], foreign: Callable[[int], bool]) -> Options:
    """Check the options of a routed packet and fill in what it asks for (ip_options_compile).

    ``address`` tells which of the host's addresses is recorded, ``foreign`` whether an address is another host's.
    """
    found, data, at = Options(), skb.data, FIRST
    while at < skb.ihl:
        kind = data[at]
        if kind == END:
            found.changed = found.changed or any(data[at : skb.ihl])
            data[at : skb.ihl] = bytes(skb.ihl - at)
            break
        if kind == NOOP:
            at += 1
            continue
        size = data[at + 1] if at + 1 < skb.ihl else 0
        found.problem = at if size < 2 or at + size > skb.ihl else _one(found, skb, at, address, foreign)
        if found.problem >= 0:
            break
        at += size
    return found


def _one(found: Options, skb: Skb, at: int, address: Callable[[], int], foreign: Callable[[int], bool]) -> int:
    """Take one option; the place of what is wrong with it, or -1."""
    data = skb.data
    kind, size = data[at], data[at + 1]
    if kind in (LOOSE, STRICT):
        if size < 3 or data[at + 2] < 4 or found.source_route:
            return at + 1 if size < 3 else at + 2 if data[at + 2] < 4 else at
        found.source_route = at
    elif kind == RECORD_ROUTE:
        return _record_route(found, data, at, address)
    elif kind == TIMESTAMP:
        return _timestamp(found, skb, at, address, foreign)
    elif kind == ROUTER_ALERT and size < 4:
        return at + 1
    return -1


def _record_route(found: Options, data: bytearray, at: int, address: Callable[[], int]) -> int:
    size = data[at + 1]
    if found.record_route:
        return at
    if size < 3:
        return at + 1
    place = data[at + 2]
    if place < 4 or (place <= size and place + 3 > size):
        return at + 2
    if place <= size:
        data[at + place - 1 : at + place + 3] = address().to_bytes(4, "big")
        data[at + 2] += 4
        found.changed = found.needs_address = True
    found.record_route = at
    return -1


def _timestamp(found: Options, skb: Skb, at: int, address: Callable[[], int], foreign: Callable[[int], bool]) -> int:
    data = skb.data
    size = data[at + 1]
    if found.timestamp:
        return at
    if size < 4:
        return at + 1
    place, way = data[at + 2], data[at + 3] & 15
    if place < 5 or (place <= size and place + 3 > size):
        return at + 2
    found.timestamp = at
    if place > size:
        overflow = data[at + 3] >> 4
        if way != TIMES_OF_GIVEN:
            if overflow == MOST_OVERFLOW:
                return at + 3
            data[at + 3] = way | (overflow + 1) << 4
            found.changed = True
        return -1
    if way in (TIMES_AND_ADDRESSES, TIMES_OF_GIVEN) and place + 7 > size:
        return at + 2
    slot = at + place - 1
    if way == TIMES_AND_ADDRESSES:
        data[slot : slot + 4] = address().to_bytes(4, "big")
        slot += 4
    elif way == TIMES_OF_GIVEN:
        if foreign(int.from_bytes(data[slot : slot + 4], "big")):
            return -1
        slot += 4
    elif way != TIMES_ONLY:
        return -1
    data[slot : slot + 4] = (skb.tstamp // 1_000_000 % DAY_IN_MS).to_bytes(4, "big")
    data[at + 2] += 4 if way == TIMES_ONLY else 8
    found.changed = True
    return -1


def receive(network: NetworkLayer, skb: Skb) -> Options | None:
    """Check and fill in the options of a routed packet; None when its way ended there (ip_rcv_options)."""

    def own() -> int:
        return skb.daddr if skb.dst.kind is Kind.LOCAL else _address_towards(network, skb.saddr, "")

    def foreign(address: int) -> bool:
        return network.host.address_type(Family.IPV4, address) is RouteType.UNICAST

    found = fill_in(skb, own, foreign)
    if found.problem >= 0:
        network.icmp_error(skb, PARAMETER_PROBLEM, 0, found.problem << 24, "parameter problem")
        network.decide("DROP", None, f"the IP options are broken at byte {found.problem} of the header")
        return None
    settings = (f"net/ipv4/conf/{scope}/accept_source_route" for scope in ("all", skb.iif))
    if found.source_route and not all(network.host.sysctl(name) for name in settings):
        network.decide("DROP", None, "the packet asks for a route, and accept_source_route is off")
        return None
    return found


def _address_towards(network: NetworkLayer, address: int, oif: str) -> int:
    """The own address that packets to another one would have (fib_compute_spec_dst, ip_rt_get_source)."""
    return network.host.route(Family.IPV4, address, oif=oif, output=True).source


def send_on(network: NetworkLayer, skb: Skb, options: Options) -> None:
    """Record the address that a forwarded packet leaves from, and make the checksum right (ip_forward_options)."""
    data = skb.data
    if options.needs_address:
        slot = options.record_route + data[options.record_route + 2] - 5
        data[slot : slot + 4] = _address_towards(network, skb.daddr, skb.dst.oif).to_bytes(4, "big")
    if options.changed:
        data[10:12] = b"\0\0"
        data[10:12] = checksum(data[: skb.ihl]).to_bytes(2, "big")


def echoed(skb: Skb, source: int) -> bytes:
    """The options of an ICMP error about an IPv4 packet that came in: its records of the route, which go on.

    A timestamp is only repeated when it is full. Source: __ip_options_echo, ip_options_build.
    """
    if skb.family is not Family.IPV4 or not skb.iif:
        return b""
    data, at, found = skb.data, FIRST, {}
    while at + 2 < skb.ihl and data[at] != END:
        size = 1 if data[at] == NOOP else data[at + 1]
        if size < 1 or at + size > skb.ihl:
            break
        option, place = bytearray(data[at : at + size]), data[at + 2]
        if data[at] == RECORD_ROUTE and place + 3 <= size:
            option[2] += 4
            option[place - 1 : place + 3] = source.to_bytes(4, "big")
        if data[at] == RECORD_ROUTE or (data[at] == TIMESTAMP and place > size):
            found[data[at]] = bytes(option)
        at += size
    return b"".join(found[kind] for kind in sorted(found))
