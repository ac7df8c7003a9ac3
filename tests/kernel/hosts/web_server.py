"""A web server: the public network on eth0, the administrators' on eth1."""

from __future__ import annotations

from datetime import UTC, datetime

from hosts.messages import HELLO, HTTP, NTP, SSH, http_answer, http_question
from hosts.plan import HOST, HostPlan, Interface, Machine
from hosts.talk import PAUSE, Talk, fields
from pyiptables.packet.build import TCP, tcp_segment

PUBLIC, ADMIN = "192.0.2.10", "10.20.0.10"
VISITOR, CROWD, SCANNER, MIRROR = "198.51.100.7", "198.51.100.99", "203.0.113.66", "198.51.100.80"
OPERATOR, METRICS, LOGS = "10.20.0.30", "10.20.0.5", "10.20.0.9"
GATEWAY_MAC, OPERATOR_MAC, METRICS_MAC, LOGS_MAC = (f"02:00:5e:20:0{n}" for n in ("0:fe", "1:30", "1:05", "1:09"))
FIN, SYN, PSH, ACK, URG = 1, 2, 8, 16, 32


def play(talk: Talk) -> None:
    """Visitors, an administrator, the server's own errands, and scanners."""
    _visitors(talk)
    _administrators(talk)
    _own_errands(talk)
    _scanners(talk)
    _flood(talk)


def _visitors(talk: Talk) -> None:
    talk.tcp("internet", HOST, to=(PUBLIC, 80), at=(PUBLIC, 80), frm=(VISITOR, 40000), say=HTTP)
    secure = (http_question("www.example.com", "/account"), http_answer())
    talk.tcp("internet", HOST, to=(PUBLIC, 443), at=(PUBLIC, 443), frm=(VISITOR, 40010), say=secure)
    talk.udp("internet", HOST, to=(PUBLIC, 123), at=(PUBLIC, 123), frm=(VISITOR, 40020), say=NTP)
    talk.ping("internet", PUBLIC, frm=VISITOR, ident=0x41)
    talk.ping("internet", PUBLIC, frm=VISITOR, ident=0x42, size=400)


def _administrators(talk: Talk) -> None:
    for port in (41000, 41001, 41002):
        talk.tcp("operator", HOST, to=(ADMIN, 22), at=(ADMIN, 22), frm=(OPERATOR, port), say=(b"", SSH[1]))
    talk.knock("operator", to=(ADMIN, 22), frm=(OPERATOR, 41003))
    talk.knock("metrics", to=(ADMIN, 9100), frm=(METRICS, 41010))


def _own_errands(talk: Talk) -> None:
    loop = (http_question("localhost", "/health"), http_answer(b"ok\n"))
    talk.tcp(HOST, HOST, to=("127.0.0.1", 8000), at=("127.0.0.1", 8000), frm=("127.0.0.1", 42000), say=loop)
    talk.ping(HOST, PUBLIC, frm=PUBLIC, ident=0x43)
    update = (http_question("mirror.example.com", "/updates"), http_answer())
    talk.tcp(HOST, "internet", to=(MIRROR, 443), at=(MIRROR, 443), frm=(PUBLIC, 42010), say=update)
    talk.send(HOST, to=(LOGS, 514), frm=(ADMIN, 42020), data=b"<13>Mar 18 08:15:02 web: started")


def _scanners(talk: Talk) -> None:
    talk.knock("internet", to=(PUBLIC, 22), frm=(SCANNER, 43000))
    talk.send("internet", to=(PUBLIC, 161), frm=(SCANNER, 43001), data=HELLO)
    talk.send("metrics", to=("10.20.0.255", 137), frm=(METRICS, 137), data=HELLO)
    header = fields(SCANNER, PUBLIC)
    xmas = tcp_segment(header, 43002, 80, FIN | PSH | URG, seq=1)
    talk.frame("internet", header, TCP, xmas)
    talk.frame("internet", header, TCP, tcp_segment(header, 43003, 80, ACK, seq=1, ack=1))
    talk.frame("internet", header, TCP, tcp_segment(header, 43004, 80, SYN, seq=1), bad=True)


def _flood(talk: Talk) -> None:
    talk.pause(1.2)  # until the limit of WEB has its whole burst again
    talk.flood("internet", HOST, to=(PUBLIC, 80), at=(PUBLIC, 80), frm=(CROWD, 44000), count=9)
    talk.pause(4 * PAUSE)


PLAN = HostPlan(
    name="web-server",
    interfaces={
        "eth0": Interface("02:00:5e:20:00:01", (f"{PUBLIC}/24",)),
        "eth1": Interface("02:00:5e:20:01:01", (f"{ADMIN}/24",)),
    },
    machines={
        "internet": Machine(
            "eth0",
            GATEWAY_MAC,
            ("192.0.2.1/24", *(f"{address}/32" for address in (VISITOR, CROWD, SCANNER, MIRROR))),
        ),
        "operator": Machine("eth1", OPERATOR_MAC, (f"{OPERATOR}/24",)),
        "metrics": Machine("eth1", METRICS_MAC, (f"{METRICS}/24",)),
        "logs": Machine("eth1", LOGS_MAC, (f"{LOGS}/24",)),
    },
    routes=("default via 192.0.2.1 dev eth0",),
    neighbours={
        "192.0.2.1": ("eth0", GATEWAY_MAC),
        OPERATOR: ("eth1", OPERATOR_MAC),
        METRICS: ("eth1", METRICS_MAC),
        LOGS: ("eth1", LOGS_MAC),
    },
    sysctls={f"net.ipv4.conf.{scope}.rp_filter": 1 for scope in ("all", "eth0", "eth1")},
    start=datetime(2025, 3, 18, 8, 15, 2, 108_000, UTC),
    play=play,
)
"""The server: everything is closed but the web, time and, for administrators, ssh; one rule came too late."""
