"""Make a packet of a few words: ``udp 1000 53 frag=185 mark=0x1 ct=ESTABLISHED status=4``.

First the protocol and what belongs to it: ``tcp SPORT DPORT [FLAGS]``, ``udp SPORT DPORT``, ``icmp TYPE CODE``,
``icmp6 TYPE CODE``. Then KEY=VALUE: ``cut`` keeps so many bytes behind the network header, ``frag`` is the fragment's
offset, ``size`` the payload's bytes, ``from`` and ``to`` are addresses, ``in`` is an interface. ``ct`` is a state (with
a trailing ``<`` for the reply direction), ``status`` a sum of the kernel's bits, ``orig`` and ``reply`` are
``SRC:SPORT>DST:DPORT``, ``left`` is in seconds.
"""

from pyiptables.conntrack.entry import Entry
from pyiptables.conntrack.tuples import Tuple
from pyiptables.hooks import Family
from pyiptables.packet.addresses import from_text
from pyiptables.packet.build import IpFields, icmp_message, ip_packet, tcp_segment, udp_datagram
from pyiptables.packet.skb import Skb

NOW = 1_700_000_000_000_000_000
CTINFO = {"ESTABLISHED": 0, "RELATED": 1, "NEW": 2, "ESTABLISHED<": 3, "RELATED<": 4}
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58}
ADDRESSES = {Family.IPV4: ("192.0.2.1", "198.51.100.2"), Family.IPV6: ("2001:db8::1", "2001:db8::2")}


def packet(text, family):
    words = text.split()
    plain = [word for word in words if "=" not in word]
    given = dict(word.split("=", 1) for word in words if "=" in word)
    source, destination = ADDRESSES[family]
    source, destination = (from_text(given.get(key, one))[0] for key, one in (("from", source), ("to", destination)))
    fields = IpFields(family, source, destination, fragment=int(given.get("frag", 0)))
    body = payload(plain, fields, bytes(int(given.get("size", 0))))[: int(given.get("cut", 65535))]
    skb = Skb(ip_packet(fields, PROTOCOLS[plain[0]], body), family, iif=given.get("in", "eth0"))
    skb.mac = bytes.fromhex("020000000001" + given["mac"].replace(":", "") + "0800") if "mac" in given else b""
    skb.mark, skb.tstamp = int(given.get("mark", "0"), 0), NOW
    if given.get("ct") == "UNTRACKED":
        skb.ctinfo = 7
    elif given.get("ct", "INVALID") != "INVALID":
        skb.nfct, skb.ctinfo = entry(given, skb), CTINFO[given["ct"]]
    return skb


def payload(words, fields, data):
    kind, *numbers = words
    if kind == "tcp":
        return tcp_segment(fields, int(numbers[0]), int(numbers[1]), int([*numbers, "2"][2], 0), payload=data)
    if kind == "udp":
        return udp_datagram(fields, int(numbers[0]), int(numbers[1]), data)
    return icmp_message(fields, int(numbers[0]), int(numbers[1]), payload=data)


def entry(given, skb):
    made = Entry(
        tuple_of(given.get("orig", "10.0.0.1:1000>10.0.0.2:80"), skb),
        tuple_of(given.get("reply", "10.0.0.2:80>10.0.0.1:1000"), skb),
        status=int(given.get("status", "8"), 0),
    )
    made.mark = int(given.get("ctmark", "0"), 0)
    made.timeout = NOW + int(float(given.get("left", 0)) * 1_000_000_000)
    return made


def tuple_of(text, skb):
    (src, sport), (dst, dport) = (end.rsplit(":", 1) for end in text.split(">"))
    return Tuple(skb.family, from_text(src)[0], from_text(dst)[0], skb.protocol, int(sport), int(dport))
