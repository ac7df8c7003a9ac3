"""What a trace takes for granted where the host does not say: each is told, none is guessed in silence."""

from __future__ import annotations

import pytest

from pyiptables import Engine, Host, Ruleset, parse_packet
from pyiptables.hooks import Family
from pyiptables.trace import events

ONE_HOP = "default via 192.0.2.254 dev eth0"
TWO_HOPS = "default nexthop via 192.0.2.254 dev eth0 nexthop via 10.0.0.254 dev eth1"

CASES = [
    # the default route, the packet, what is assumed
    (ONE_HOP, "-i eth2 -p udp -s 10.2.0.5 -d 198.51.100.8 --dport 53", []),
    (TWO_HOPS, "-i eth2 -p udp -s 10.2.0.5 -d 198.51.100.8 --dport 53", ["of the 2 next hops"]),
    (TWO_HOPS, "-p udp -s 192.0.2.1 -d 198.51.100.8 --dport 53", ["of the 2 next hops"]),
    (TWO_HOPS, "-i eth2 -p udp -s 10.2.0.5 -d 192.0.2.8 --dport 53", []),
]


@pytest.mark.parametrize(("route", "packet", "assumed"), CASES)
def test_next_hops(route: str, packet: str, assumed: list[str]) -> None:
    interfaces = {"eth0": "192.0.2.1/24", "eth1": "10.0.0.1/24", "eth2": "10.2.0.1/24"}
    host = Host.from_values(
        {
            "forwarding": True,
            "routes": [route],
            "interfaces": {name: {"addresses": [address]} for name, address in interfaces.items()},
        },
        "",
        "here",
    )
    trace = Engine(Ruleset(Family.IPV4), host).send(parse_packet(packet))
    told = [event.text for event in trace.events if isinstance(event, events.Assumed)]
    assert len(told) == len(assumed), told
    assert all(text.startswith(start) for text, start in zip(told, assumed, strict=True))
