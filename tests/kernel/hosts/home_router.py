"""A home router: the internet on eth0, the house on eth1, guests on eth2."""

from __future__ import annotations

from datetime import UTC, datetime

from hosts.messages import HELLO, HTTP, SSH, dhcp_discover, dns, http_question, long_dns
from hosts.plan import HOST, HostPlan, Interface, Machine
from hosts.talk import PAUSE, Talk, fields
from pyiptables.packet.build import TCP, UDP, tcp_segment, udp_datagram

WAN, LAN, GUEST = "203.0.113.10", "192.168.1.1", "192.168.50.1"
NAS, LAPTOP, TABLET, PHONE = "192.168.1.10", "192.168.1.20", "192.168.1.21", "192.168.50.30"
RESOLVER, SITE, VISITOR, SCANNER = "198.51.100.53", "198.51.100.80", "198.51.100.7", "192.0.2.66"
INTERNET_MAC, NEIGHBOUR_MAC = "02:00:5e:10:00:fe", "02:00:5e:10:00:77"
PHONE_MAC = "02:00:5e:10:02:30"
SYN, ACK = 2, 16


def play(talk: Talk) -> None:
    """An ordinary minute in the house, and what comes in from outside meanwhile."""
    _house(talk)
    _port_forwards(talk)
    _guests(talk)
    _from_outside(talk)
    _oddities(talk)


def _house(talk: Talk) -> None:
    question, answer = dns("www.example.com", SITE, 0x1001)
    talk.udp("laptop", HOST, to=(LAN, 53), at=(LAN, 53), frm=(LAPTOP, 40001), say=(question, b""))
    talk.udp(HOST, "internet", to=(RESOLVER, 53), at=(RESOLVER, 53), frm=(WAN, 40002), say=(question, answer))
    talk.udp("laptop", HOST, to=(LAN, 53), at=(LAN, 53), frm=(LAPTOP, 40003), say=(question, answer))
    talk.tcp("laptop", "internet", to=(SITE, 80), at=(SITE, 80), frm=(LAPTOP, 40010), say=HTTP)
    talk.ping("laptop", SITE, frm=LAPTOP, ident=0x21)
    talk.send("laptop", to=(SITE, 9999), frm=(LAPTOP, 40020), data=HELLO)
    talk.ping("laptop", SITE, frm=LAPTOP, ident=0x22, ttl=1)
    talk.knock("tablet", to=(SITE, 443), frm=(TABLET, 40030))
    long = long_dns("txt.example.com", 0x1004, 1800)
    talk.udp("laptop", "internet", to=(RESOLVER, 53), at=(RESOLVER, 53), frm=(LAPTOP, 40040), say=long)


def _port_forwards(talk: Talk) -> None:
    page = (http_question("nas.example.com"), HTTP[1])
    talk.tcp("internet", "nas", to=(WAN, 443), at=(NAS, 8443), frm=(VISITOR, 41000), say=page)
    talk.knock("internet", to=(WAN, 2222), frm=(VISITOR, 41010), wait=1.1)
    talk.tcp("laptop", "nas", to=(WAN, 2222), at=(NAS, 22), frm=(LAPTOP, 40050), say=SSH)
    talk.udp("internet", "nas", to=(WAN, 51820), at=(NAS, 51820), frm=(VISITOR, 41020), say=(HELLO, HELLO))


def _guests(talk: Talk) -> None:
    ask = udp_datagram(fields("0.0.0.0", "255.255.255.255"), 68, 67, dhcp_discover(PHONE_MAC))
    talk.frame("phone", fields("0.0.0.0", "255.255.255.255"), UDP, ask, to="ff:ff:ff:ff:ff:ff")
    say = dns("www.example.com", SITE, 0x1002)
    talk.udp("phone", HOST, to=(GUEST, 53), at=(GUEST, 53), frm=(PHONE, 42000), say=say)
    talk.tcp("phone", "internet", to=(SITE, 80), at=(SITE, 80), frm=(PHONE, 42010), say=HTTP)
    talk.knock("phone", to=(NAS, 445), frm=(PHONE, 42020))
    talk.send("phone", to=(GUEST, 161), frm=(PHONE, 42030), data=HELLO)
    talk.knock("phone", to=(SITE, 25), frm=(PHONE, 42040))


def _from_outside(talk: Talk) -> None:
    for number, port in enumerate((22, 23, 445, 3389, 8080)):
        talk.knock("internet", to=(WAN, port), frm=(SCANNER, 43000 + number))
    talk.ping("internet", WAN, frm=SCANNER, ident=0x31, count=5)


def _oddities(talk: Talk) -> None:
    backscatter = fields(SITE, WAN)
    talk.frame("internet", backscatter, TCP, tcp_segment(backscatter, 80, 50000, SYN | ACK, seq=1, ack=1))
    spoofed = fields("192.168.1.55", WAN)
    talk.frame("internet", spoofed, TCP, tcp_segment(spoofed, 44000, 80, SYN, seq=1))
    discovery = fields("203.0.113.77", WAN)
    talk.frame("internet", discovery, UDP, udp_datagram(discovery, 44001, 1900, b"M-SEARCH * HTTP/1.1\r\n\r\n"))
    neighbours = fields(VISITOR, "203.0.113.77")
    talk.frame("internet", neighbours, TCP, tcp_segment(neighbours, 44002, 443, SYN, seq=1), to=NEIGHBOUR_MAC)
    talk.pause(4 * PAUSE)


PLAN = HostPlan(
    name="home-router",
    interfaces={
        "eth0": Interface("02:00:5e:10:00:01", (f"{WAN}/24",)),
        "eth1": Interface("02:00:5e:10:01:01", (f"{LAN}/24",)),
        "eth2": Interface("02:00:5e:10:02:01", (f"{GUEST}/24",)),
    },
    machines={
        "internet": Machine(
            "eth0",
            INTERNET_MAC,
            ("203.0.113.1/24", *(f"{address}/32" for address in (RESOLVER, SITE, VISITOR, SCANNER))),
        ),
        "nas": Machine("eth1", "02:00:5e:10:01:10", (f"{NAS}/24",), (f"default via {LAN}",)),
        "laptop": Machine("eth1", "02:00:5e:10:01:20", (f"{LAPTOP}/24",), (f"default via {LAN}",)),
        "tablet": Machine("eth1", "02:00:5e:10:01:21", (f"{TABLET}/24",), (f"default via {LAN}",)),
        "phone": Machine("eth2", PHONE_MAC, (f"{PHONE}/24",), (f"default via {GUEST}",)),
    },
    routes=("default via 203.0.113.1 dev eth0",),
    neighbours={
        "203.0.113.1": ("eth0", INTERNET_MAC),
        NAS: ("eth1", "02:00:5e:10:01:10"),
        LAPTOP: ("eth1", "02:00:5e:10:01:20"),
        TABLET: ("eth1", "02:00:5e:10:01:21"),
        PHONE: ("eth2", PHONE_MAC),
    },
    sysctls={
        "net.ipv4.ip_forward": 1,
        **{f"net.ipv4.conf.{scope}.send_redirects": 0 for scope in ("all", "eth0", "eth1", "eth2")},
        **{f"net.ipv4.conf.{scope}.rp_filter": 1 for scope in ("all", "eth0", "eth1", "eth2")},
    },
    start=datetime(2025, 3, 15, 19, 30, 12, 481_516, UTC),
    play=play,
)
"""The router: a masquerading gateway with three port forwards, of which one is wrong."""
