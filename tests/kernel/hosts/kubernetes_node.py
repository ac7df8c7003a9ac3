"""A Kubernetes node: the cluster's network on eth0, and an interface for each of three pods."""

from __future__ import annotations

from datetime import UTC, datetime

from hosts.messages import HELLO, HTTP, NTP, dns, http_answer, http_question
from hosts.plan import HOST, HostPlan, Interface, Machine
from hosts.talk import PAUSE, Talk, fields
from pyiptables.packet.build import TCP, tcp_segment

NODE, POD_GATEWAY = "10.0.10.11", "10.244.1.1"
CONTROL, WORKER = "10.0.10.10", "10.0.10.12"
DNS_POD, WEB_POD, CLIENT_POD, REMOTE_POD = "10.244.1.3", "10.244.1.7", "10.244.1.8", "10.244.2.9"
KUBERNETES, KUBE_DNS, WEB, API, CART = "10.96.0.1", "10.96.0.10", "10.96.40.10", "10.96.77.20", "10.96.55.5"
VISITOR, TIME = "192.0.2.50", "198.51.100.123"
SYN, ACK = 2, 16


def play(talk: Talk) -> None:
    """Each way that a packet can take to a service, and the ways that lead nowhere."""
    _from_a_pod(talk)
    _from_outside(talk)
    _from_the_node(talk)
    _nowhere(talk)


def _from_a_pod(talk: Talk) -> None:
    say = dns("web.default.svc.cluster.local", WEB, 0x2001)
    talk.udp("client", "dns", to=(KUBE_DNS, 53), at=(DNS_POD, 53), frm=(CLIENT_POD, 40000), say=say)
    page = (http_question("web.default"), HTTP[1])
    talk.tcp("client", "web", to=(WEB, 80), at=(WEB_POD, 8080), frm=(CLIENT_POD, 40010), say=page)
    talk.tcp("web", "web", to=(WEB, 80), at=(WEB_POD, 8080), frm=(WEB_POD, 40020), say=page)
    pods = (http_question("kubernetes.default", "/api/v1/pods"), http_answer())
    talk.tcp("client", "control", to=(KUBERNETES, 443), at=(CONTROL, 6443), frm=(CLIENT_POD, 40030), say=pods)
    talk.udp("client", "outside", to=(TIME, 123), at=(TIME, 123), frm=(CLIENT_POD, 40040), say=NTP)
    talk.ping("client", DNS_POD, frm=CLIENT_POD, ident=0x51)
    forbidden = (http_question("api.shop"), http_answer())
    talk.tcp("client", "worker", to=(API, 80), at=(REMOTE_POD, 8080), frm=(CLIENT_POD, 40050), say=forbidden)


def _from_outside(talk: Talk) -> None:
    page = (http_question("www.example.com"), HTTP[1])
    talk.tcp("outside", "web", to=(NODE, 30080), at=(WEB_POD, 8080), frm=(VISITOR, 41000), say=page)
    talk.tcp("outside", "worker", to=(NODE, 30081), at=(REMOTE_POD, 8080), frm=(VISITOR, 41010), say=page)


def _from_the_node(talk: Talk) -> None:
    probe = (http_question(WEB_POD, "/healthz"), http_answer(b"ok\n"))
    talk.tcp(HOST, "web", to=(WEB_POD, 8080), at=(WEB_POD, 8080), frm=(POD_GATEWAY, 42000), say=probe)


def _nowhere(talk: Talk) -> None:
    talk.knock("client", to=(CART, 80), frm=(CLIENT_POD, 40060))
    talk.knock("outside", to=(NODE, 30443), frm=(VISITOR, 41020))
    talk.knock("outside", to=(NODE, 8081), frm=(VISITOR, 41030))
    talk.send("client", to=(WEB_POD, 9999), frm=(CLIENT_POD, 40070), data=HELLO)
    late = fields(CLIENT_POD, WEB_POD)
    talk.frame("client", late, TCP, tcp_segment(late, 40080, 8080, SYN | ACK, seq=1, ack=1))
    tired = fields(VISITOR, NODE, ttl=1)
    talk.frame("outside", tired, TCP, tcp_segment(tired, 41040, 30080, SYN, seq=1))
    talk.pause(4 * PAUSE)


def _pod(number: int, address: str) -> Machine:
    routes = (f"{POD_GATEWAY} scope link", f"default via {POD_GATEWAY}")
    return Machine(PODS[address], f"02:00:5e:30:01:{number:02}", (f"{address}/32",), routes)


PODS = {DNS_POD: "veth3c0f8a21", WEB_POD: "veth9be01d57", CLIENT_POD: "veth52ad77e4"}
"""The node's interface of each pod."""
OUTSIDE_MAC, CONTROL_MAC, WORKER_MAC = "02:00:5e:30:00:fe", "02:00:5e:30:00:10", "02:00:5e:30:00:12"

PLAN = HostPlan(
    name="kubernetes-node",
    interfaces={
        "eth0": Interface("02:00:5e:30:00:11", (f"{NODE}/24",)),
        **{
            name: Interface(f"02:00:5e:30:01:f{n}", (f"{POD_GATEWAY}/32",))
            for n, name in enumerate(PODS.values(), start=1)
        },
    },
    machines={
        "outside": Machine("eth0", OUTSIDE_MAC, ("10.0.10.1/24", f"{VISITOR}/32", f"{TIME}/32")),
        "control": Machine("eth0", CONTROL_MAC, (f"{CONTROL}/24",)),
        "worker": Machine("eth0", WORKER_MAC, (f"{WORKER}/24", f"{REMOTE_POD}/32"), (f"10.244.1.0/24 via {NODE}",)),
        "dns": _pod(3, DNS_POD),
        "web": _pod(7, WEB_POD),
        "client": _pod(8, CLIENT_POD),
    },
    routes=(
        "default via 10.0.10.1 dev eth0",
        f"10.244.0.0/24 via {CONTROL} dev eth0",
        f"10.244.2.0/24 via {WORKER} dev eth0",
        *(f"{address} dev {device}" for address, device in PODS.items()),
    ),
    neighbours={
        "10.0.10.1": ("eth0", OUTSIDE_MAC),
        CONTROL: ("eth0", CONTROL_MAC),
        WORKER: ("eth0", WORKER_MAC),
        **{address: (device, _pod(int(address.split(".")[-1]), address).mac) for address, device in PODS.items()},
    },
    sysctls={
        "net.ipv4.ip_forward": 1,
        **{f"net.ipv4.conf.{scope}.send_redirects": 0 for scope in ("all", "eth0", *PODS.values())},
    },
    start=datetime(2025, 3, 20, 13, 5, 41, 900_250, UTC),
    play=play,
)
"""The node: kube-proxy in iptables mode, six services, and a rule of somebody who did not know where DNAT happens."""
