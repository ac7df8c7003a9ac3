"""Rulesets like those that kube-proxy restores, for any number of services.

Chains, their names, comments and the spelling of options are those of kube-proxy in iptables mode
(kubernetes/kubernetes: pkg/proxy/iptables/proxier.go). The same arguments always give the same lines.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

POD_NETWORK = "10.128.0.0/9"
ENDPOINTS = 10 << 24 | 128 << 16
"""Pods that serve have addresses from 10.128.0.2 on, those that only ask from 10.192.0.0 on."""
CLUSTER_ADDRESSES = 10 << 24 | 96 << 16
NODE_PORTS = 30000
NAMESPACES = ("default", "kube-system", "monitoring", "shop", "payments", "search", "staging", "team-a")
NAMES = ("api", "web", "worker", "cache", "queue", "gateway", "frontend", "orders", "users", "metrics", "events")
PORTS = (
    ("http", 80, 8080),
    ("https", 443, 8443),
    ("grpc", 9000, 9000),
    ("postgres", 5432, 5432),
    ("redis", 6379, 6379),
)

SHARED = """\
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" \
-j KUBE-EXTERNAL-SERVICES
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED \
-j ACCEPT
"""
NAT_SHARED = """\
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
"""
LAST = (
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain"'
    " -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n"
)


def dotted(address: int) -> str:
    """An IPv4 address in its usual form."""
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def chain_name(kind: str, *parts: str) -> str:
    """``KUBE-SVC-...``: the hash that kube-proxy names its chains by."""
    digest = hashlib.sha256("".join(parts).encode()).digest()
    return f"KUBE-{kind}-{base64.b32encode(digest).decode()[:16]}"


@dataclass(frozen=True, slots=True)
class Service:
    """A service: the address and port that are asked, and the pods that answer; ``node_port`` 0 for none."""

    name: str
    protocol: str
    address: int
    port: int
    target_port: int
    endpoints: tuple[int, ...]
    node_port: int

    def rules(self) -> Iterator[str]:
        """Its rules in the nat table."""
        service, external = chain_name("SVC", self.name, self.protocol), chain_name("EXT", self.name, self.protocol)
        asked = f"-m {self.protocol} -p {self.protocol} -d {dotted(self.address)} --dport {self.port}"
        said = f'-m comment --comment "{self.name} cluster IP"'
        yield f"-A KUBE-SERVICES {said} {asked} -j {service}\n"
        if self.node_port:
            yield (
                f"-A KUBE-NODEPORTS -m comment --comment {self.name} -m {self.protocol} -p {self.protocol}"
                f" --dport {self.node_port} -j {external}\n"
            )
            yield (
                f'-A {external} -m comment --comment "masquerade traffic for {self.name} external destinations"'
                " -j KUBE-MARK-MASQ\n"
            )
            yield f"-A {external} -j {service}\n"
        yield f"-A {service} {said} {asked} ! -s {POD_NETWORK} -j KUBE-MARK-MASQ\n"
        for number, endpoint in enumerate(self.endpoints):
            place = f"{dotted(endpoint)}:{self.target_port}"
            left = len(self.endpoints) - number
            chance = f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else ""
            to = chain_name("SEP", self.name, self.protocol, place)
            yield f'-A {service} -m comment --comment "{self.name} -> {place}"{chance} -j {to}\n'
        for endpoint in self.endpoints:
            place = f"{dotted(endpoint)}:{self.target_port}"
            to = chain_name("SEP", self.name, self.protocol, place)
            yield f"-A {to} -m comment --comment {self.name} -s {dotted(endpoint)} -j KUBE-MARK-MASQ\n"
            yield (
                f"-A {to} -m comment --comment {self.name} -m {self.protocol} -p {self.protocol}"
                f" -j DNAT --to-destination {place}\n"
            )

    def refusal(self) -> str:
        """The rule in the filter table of a service that nobody serves."""
        return (
            f'-A KUBE-SERVICES -m comment --comment "{self.name} has no endpoints" -m {self.protocol} -p {self.protocol}'
            f" -d {dotted(self.address)} --dport {self.port} -j REJECT\n"
        )


def services(count: int, endpoints: int = 3, seed: int = 1) -> list[Service]:
    """So many services, each with so many pods: one in ten is UDP, one in seven has a node port, one in twenty no pod."""
    chance = random.Random(seed)
    made = []
    pod = ENDPOINTS + 2
    for number in range(1, count + 1):
        port_name, port, target_port = chance.choice(PORTS)
        name = f"{chance.choice(NAMESPACES)}/{chance.choice(NAMES)}-{number}:{port_name}"
        protocol = "udp" if chance.random() < 0.1 else "tcp"
        served = 0 if chance.random() < 0.05 else endpoints
        node_port = NODE_PORTS + number if chance.random() < 1 / 7 and number < 2768 else 0
        pods = tuple(range(pod, pod + served))
        pod += served
        made.append(Service(name, protocol, CLUSTER_ADDRESSES + number, port, target_port, pods, node_port))
    return made


def ruleset(wanted: list[Service]) -> Iterator[str]:
    """The lines of a restore file for these services, line breaks included."""
    yield from _table(
        "filter",
        ("INPUT", "FORWARD", "OUTPUT"),
        ("KUBE-NODEPORTS", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-FORWARD"),
        [*SHARED.splitlines(keepends=True), *(service.refusal() for service in wanted if not service.endpoints)],
    )
    rules = [rule for service in wanted if service.endpoints for rule in service.rules()]
    own = dict.fromkeys(rule.split(" ", 2)[1] for rule in rules)
    shared = ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-MARK-MASQ", "KUBE-POSTROUTING")
    yield from _table(
        "nat",
        ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"),
        tuple(dict.fromkeys((*shared, *own))),
        [*NAT_SHARED.splitlines(keepends=True), *rules, LAST],
    )


def _table(name: str, built_in: tuple[str, ...], own: tuple[str, ...], rules: list[str]) -> Iterator[str]:
    yield f"*{name}\n"
    yield from (f":{chain} ACCEPT [0:0]\n" for chain in built_in)
    yield from (f":{chain} - [0:0]\n" for chain in own)
    yield from rules
    yield "COMMIT\n"
