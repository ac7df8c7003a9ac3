"""The host of a scenario and its surroundings: interfaces, networks, neighbours, routes, settings, drawn from a seed.

Names and networks carry a number of their own, so that the kernel's log, which is everybody's, can be told apart.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from random import Random

PORTS = (21, 22, 53, 69, 80, 443, 1024, 5000, 8080, 33001, 33002, 33003, 40001, 40002)
"""The ports that rules and packets speak of, so that they often meet."""
CLIENT_PORTS = (33001, 33002, 33003, 40001, 40002)
NUMBERS = 200
"""How many universes there are."""


@dataclass(slots=True)
class Link:
    """An interface of the host, and who is reached through it: ``near`` on its wire, ``far`` behind the gateway."""

    mac: str
    addresses: list[str]
    near: list[str]
    far: list[str] = field(default_factory=list)
    mtu: int = 1500


@dataclass(slots=True)
class Universe:
    """A host that an area may still change: ``routes`` and ``policy`` are words of ``ip route add`` and ``ip rule add``."""

    family: int
    number: int
    links: dict[str, Link]
    gateway: str
    routes: list[str]
    policy: list[str] = field(default_factory=list)
    sysctls: dict[str, str | int] = field(default_factory=dict)
    link_local: bool = False

    @property
    def names(self) -> list[str]:
        """The interfaces' names."""
        return list(self.links)

    @property
    def local(self) -> list[str]:
        """The host's addresses."""
        return [re.split("[/ ]", address)[0] for link in self.links.values() for address in link.addresses]

    @property
    def remote(self) -> list[str]:
        """Everybody else's."""
        return [address for link in self.links.values() for address in (*link.near, *link.far)]

    @property
    def mtus(self) -> list[int]:
        """The MTUs of interfaces and routes."""
        told = (route.split() for route in self.routes if " mtu " in route)
        return [*(link.mtu for link in self.links.values()), *(int(words[words.index("mtu") + 1]) for words in told)]

    def home(self, address: str) -> str | None:
        """The interface behind which an address is; None for the host's own and for strangers."""
        return next((name for name, link in self.links.items() if address in (*link.near, *link.far)), None)

    def neighbours(self) -> dict[str, tuple[str, str]]:
        """The address of each machine on a wire, with the interface and its MAC."""
        found = {}
        for number, (name, link) in enumerate(self.links.items()):
            for place, address in enumerate(link.near):
                found[address] = (name, f"02:aa:00:00:{number:02x}:{place:02x}")
        found[self.gateway] = (self.names[0], "02:aa:00:00:00:fe")
        return found

    def mac_of(self, name: str, address: str) -> str:
        """The MAC with which a packet from an address comes in on an interface."""
        for known in (address, self.gateway):
            where = self.neighbours().get(known)
            if where is not None and where[0] == name:
                return where[1]
        return "02:bb:00:00:00:01"


def universe(rng: Random, family: int) -> Universe:
    """Draw a host with three interfaces: one with the default route, one network, one with two networks."""
    n = rng.randint(1, NUMBERS)
    wan, lan, dmz = f"wan{n}", f"lan{n}", f"dmz{n}"
    if family == 4:
        links = {
            wan: Link(
                "02:00:00:00:00:01",
                [f"198.18.{n}.1/24", f"198.18.{n}.2/24"],
                [f"198.18.{n}.{host}" for host in range(10, 14)],
                [f"203.0.113.{host}" for host in range(1, 5)],
            ),
            lan: Link("02:00:00:00:01:01", [f"10.{n}.0.1/24"], [f"10.{n}.0.{host}" for host in range(10, 15)]),
            dmz: Link(
                "02:00:00:00:02:01",
                [f"10.{n}.128.1/17", f"172.20.{n}.1/28"],
                [*(f"10.{n}.{net}.{host}" for net in (128, 200) for host in (10, 11)), f"172.20.{n}.3"],
            ),
        }
        gateway, elsewhere = f"198.18.{n}.254", f"10.220.0.0/16 via 10.{n}.0.14 dev {lan}"
        links[lan].far = ["10.220.0.5", "10.220.7.7"]
    else:
        here = f"2001:db8:{n:x}"
        links = {
            wan: Link(
                "02:00:00:00:00:01",
                [f"{here}::1/64", f"{here}::2/64"],
                [f"{here}::1{host}" for host in range(4)],
                [f"2001:db8:ffff::{host}" for host in range(1, 5)],
            ),
            lan: Link("02:00:00:00:01:01", [f"{here}:1::1/64"], [f"{here}:1::1{host}" for host in range(5)]),
            dmz: Link(
                "02:00:00:00:02:01",
                [f"{here}:200::1/56", f"fd00:{n:x}::1/112"],
                [*(f"{here}:{net}::1{host}" for net in (200, "2a0") for host in range(2)), f"fd00:{n:x}::3"],
            ),
        }
        gateway, elsewhere = f"{here}::fe", f"2001:db8:9999::/64 via {here}:1::14 dev {lan}"
        links[lan].far = ["2001:db8:9999::5"]
    return Universe(family, n, links, gateway, [f"default via {gateway} dev {wan}", elsewhere])
