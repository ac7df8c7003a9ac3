"""The host: interfaces, addresses, routes, policy rules, neighbours, settings, and routing as Linux does it.

    host = Host.from_snapshot("folder")     # outputs of `ip -j address` ... and `sysctl -a`
    host = Host.from_toml("host.toml")      # a small file written by hand
    host = Host.assumed(["eth0", "eth1"])   # next to nothing is known; see host.assumptions

    host.route(Family.IPV4, dst, src=src, iif="eth0", mark=0, tos=0)     # a packet that came in -> Decision
    host.route(Family.IPV4, dst, src=src, output=True)                   # one that this host sends -> Decision
    host.address_type(family, address, dev="")                           # RouteType
    host.address_has_type(family, address, bits, dev="")                 # -m addrtype
    host.masquerade_source(family, oif, next_hop)                        # address, 0 for none
    host.neighbour(dev, address), host.interface(name), host.is_local(family, address), host.sysctl(name, default)

All of it is frozen. Errors are :class:`~pyiptables.errors.HostError`.
"""

from pyiptables.host.decision import Decision, Kind
from pyiptables.host.host import Host
from pyiptables.host.model import (
    Action,
    Address,
    Interface,
    Neighbour,
    NextHop,
    PolicyRule,
    Route,
    RouteType,
    Scope,
    default_rules,
)

__all__ = [
    "Action",
    "Address",
    "Decision",
    "Host",
    "Interface",
    "Kind",
    "Neighbour",
    "NextHop",
    "PolicyRule",
    "Route",
    "RouteType",
    "Scope",
    "default_rules",
]
