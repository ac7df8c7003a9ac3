"""What targets do to the bytes of packets, and what they ask of the engine: a table of words, packet, outcome.

Packets are as in packet_words.py, with ``ttl``, ``tos``, ``options`` (TCP's, in hexadecimal), ``secmark``, ``ctsecmark``
and ``hook`` besides; ``about=SRC>DST`` is a UDP packet that an ICMP error is about. The outcome names what is asked of the
engine, then each field that changed, then the verdict; ``wrong-checksum`` where a checksum no longer holds.
"""

import pytest
from packet_words import ADDRESSES, CTINFO, PROTOCOLS, entry
from rule_words import facts_for, read
from test_packets import rows

from pyiptables.extensions.targets._rateest import RateEstimator
from pyiptables.extensions.targets._services import SetValues
from pyiptables.extensions.targets.TCPMSS import asks_for_syn
from pyiptables.hooks import Family, Hook, Verdict
from pyiptables.packet.addresses import from_text, to_text
from pyiptables.packet.build import IpFields, icmp_message, ip_packet, tcp_segment, udp_datagram
from pyiptables.packet.checksum import ones_sum, pseudo_sum
from pyiptables.packet.mangle import dsfield
from pyiptables.packet.skb import Skb


def packet(text, family):
    words = text.split()
    (kind, *numbers), given = [w for w in words if "=" not in w], dict(w.split("=", 1) for w in words if "=" in w)
    numbers = [int(number, 0) for number in numbers]
    source, destination = ADDRESSES[family]
    ends = (from_text(given.get(key, one))[0] for key, one in (("from", source), ("to", destination)))
    ttl, tos, frag = (int(given.get(key, default), 0) for key, default in (("ttl", "64"), ("tos", "0"), ("frag", "0")))
    fields = IpFields(family, *ends, ttl=ttl, tos=tos, fragment=frag)
    body = payload(kind, numbers, fields, given)[: int(given.get("cut", 65535))]
    skb = Skb(ip_packet(fields, PROTOCOLS[kind], body), family, iif="eth0")
    skb.mark, skb.secmark = int(given.get("mark", "0"), 0), int(given.get("secmark", "0"))
    skb.hook = Hook[given.get("hook", "FORWARD")]
    if "ct" in given:
        skb.nfct, skb.ctinfo = entry(given, skb), CTINFO[given["ct"]]
        skb.nfct.secmark = int(given.get("ctsecmark", "0"))
    return skb


def payload(kind, numbers, fields, given):
    data = bytes(int(given.get("size", "0")))
    if kind == "tcp":
        flags = numbers[2] if len(numbers) > 2 else 2
        options = bytes.fromhex(given.get("options", ""))
        return tcp_segment(fields, *numbers[:2], flags, options=options, payload=data)
    if kind == "udp":
        return udp_datagram(fields, *numbers, data)
    if "about" in given:
        inner = IpFields(fields.family, *(from_text(end)[0] for end in given["about"].split(">")))
        data = ip_packet(inner, PROTOCOLS["udp"], udp_datagram(inner, 1000, 53, b"12345678"))
    return icmp_message(fields, *numbers, payload=data)


def fields_of(skb):
    data, at = skb.data, skb.thoff
    found = {"src": to_text(skb.saddr, skb.family), "dst": to_text(skb.daddr, skb.family), "ttl": skb.ttl}
    found |= {"tos": hex(dsfield(skb)), "priority": hex(skb.priority), "secmark": hex(skb.secmark)}
    found["mark"] = hex(skb.mark)
    found["length"] = int.from_bytes(data[2:4] if skb.family is Family.IPV4 else data[4:6], "big")
    if skb.protocol == PROTOCOLS["tcp"] and at + 20 <= len(data):
        found["flags"] = hex(data[at + 13])
        found["options"] = data[at + 20 : at + (data[at + 12] >> 4) * 4].hex()
    if skb.protocol == PROTOCOLS["icmp6"] and at + 48 <= len(data):
        inner = Skb(data[at + 8 :], skb.family)
        found["inner"] = f"{to_text(inner.saddr, skb.family)}>{to_text(inner.daddr, skb.family)}"
    if skb.nfct is not None:
        found["ctsecmark"] = hex(skb.nfct.secmark)
    return found


def checksums_hold(skb):
    data, body = skb.data, skb.data[skb.thoff :]
    if skb.family is Family.IPV4:
        source, destination, head = data[12:16], data[16:20], ones_sum(data[: skb.ihl])
    else:
        source, destination, head = data[8:24], data[24:40], 0xFFFF
    pseudo = 0 if skb.protocol == PROTOCOLS["icmp"] else pseudo_sum(source, destination, skb.protocol, len(body))
    return head == 0xFFFF and (ones_sum(body, pseudo) == 0xFFFF)


class Services:
    """An engine that notes what it is asked for."""

    now = 0

    def __init__(self):
        self.asked = []
        self.state = {}

    def shared(self, name, make):
        return self.state.setdefault(name, make())

    def note(self, *words, **named):
        self.asked += [*map(str, words), *(f"{name}={value}" for name, value in named.items())]

    def audit(self, skb, kind):
        self.note("audit", kind)

    def nflog(self, skb, **named):
        self.note("nflog", **named)

    def tee(self, skb, gateway, oif):
        self.note("tee", gateway, oif)

    def nat(self, skb, request, manip):
        self.note("nat", request.addresses, manip)
        return Verdict.ACCEPT

    def tproxy(self, skb, address, port):
        self.note("tproxy", address, port)
        return port == 3128

    def synproxy(self, skb, request):
        self.note("synproxy", request.mss, request.timestamp)
        return Verdict.DROP if skb.data[skb.thoff + 13] & 2 else None

    def path_mtu(self, skb):
        self.note("path_mtu")
        return 1460

    def parameter_problem(self, skb, pointer):
        self.note("parameter_problem", pointer)

    def set_add(self, skb, reference, **named):
        self.note("set_add", reference.name, ",".join(reference.sides), **named)

    def set_delete(self, skb, reference):
        self.note("set_delete", reference.name, ",".join(reference.sides))

    def set_values(self, skb, reference):
        self.note("set_values", reference.name, ",".join(reference.sides))
        return SetValues(mark=5, mark_mask=0xF, priority=7) if reference.name == "M" else None


@pytest.mark.parametrize(("command", "words", "text", "outcome"), list(rows("mangling.txt")))
def test_mangling(command, words, text, outcome):
    facts = facts_for(command, "mangle")
    (target,) = read(words, facts)
    skb, services = packet(text, facts.family), Services()
    before, held = fields_of(skb), checksums_hold(skb)
    verdict = target.apply(skb, target.open(services), services)
    changed = [f"{name}={value}" for name, value in fields_of(skb).items() if value != before.get(name)]
    wrong = ["wrong-checksum"] if held and not checksums_hold(skb) else []
    found = services.asked + changed + wrong + ([verdict.name] if verdict else [])
    assert " ".join(found) == ("" if outcome == "-" else outcome)


@pytest.mark.parametrize(("command", "words", "saved", "numeric", "by_name"), list(rows("lossy.txt")))
def test_words_that_are_not_read_again(command, words, saved, numeric, by_name):
    facts = facts_for(command)
    (target,) = read(words, facts)
    assert f"-j {target.name}{target.save(facts)}" == saved
    assert target.list(facts, True)[1:] == numeric
    assert target.list(facts, False)[1:] == (numeric if by_name == "=" else by_name)


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        ("-p tcp -m tcp --syn", True),
        ("-p tcp -m tcp --tcp-flags SYN,ACK SYN,ACK", True),
        ("-p tcp -m tcp --tcp-flags SYN,ACK ACK", False),
        ("-p tcp -m tcp ! --syn", False),
        ("-p tcp -m tcp --dport 80", False),
        ("-p tcp -m multiport --dports 80", False),
    ],
)
def test_tcpmss_wants_a_syn(words, asks):
    (match,) = read(words, facts_for("iptables"))
    assert asks_for_syn(match) == asks


@pytest.mark.parametrize(
    ("interval", "ewma_log", "packets", "asked", "rates"),
    [
        (-2, 1, "0 100 200", 0.3, (600, 6)),
        (-2, 1, "0 100 200", 0.6, (300, 3)),
        (-2, 1, "0 100 200", 10, (0, 0)),
        (0, 2, "0 100 200", 0.9, (0, 0)),
        (0, 2, "0 100 200", 1.1, (75, 0)),
        (3, 30, "0", 1e9, (0, 0)),
    ],
)
def test_rate_estimator(interval, ewma_log, packets, asked, rates):
    estimator = RateEstimator(interval, ewma_log)
    for time in packets.split():
        estimator.count(100, int(time) * 1_000_000)
    assert estimator.rates(int(asked * 1e9)) == rates


def test_rate_estimator_shared_by_name():
    (first,) = read("-j RATEEST --rateest-name a --rateest-interval 1s --rateest-ewmalog 4s", facts_for("iptables"))
    (other,) = read("-j RATEEST --rateest-name b --rateest-interval 1s --rateest-ewmalog 4s", facts_for("iptables"))
    services = Services()
    assert first.open(services) is first.open(services) is not other.open(services)
    assert first.apply(packet("udp 1 2", Family.IPV4), first.open(services), services) is None
