"""Link layers: a header and what is read from it, a line each."""

from __future__ import annotations

import pytest

from pyiptables.packet.link import Direction, Frame, decode
from pyiptables.packet.skb import PacketType

TO, FROM = "020000000001", "0200000000aa"
MACS = TO + FROM
V4, V6 = "4500001400000000400100000a0000010a000002", "6000000000003b40" + "00" * 32
SLL = "0001 0006 0200000000aa 0000"  # Ethernet hardware, an address of 6 bytes and its padding


def frame(linktype: int, header: str, payload: str = "") -> Frame:
    data = bytes.fromhex(header + payload)
    return Frame(1, 0, "", linktype, Direction.UNKNOWN, data, len(data))


# link type, header, payload, ethertype, MAC header, VLANs
HEADERS = [
    (1, MACS + "0800", V4, 0x0800, MACS + "0800", ()),
    (1, MACS + "86dd", V6, 0x86DD, MACS + "86dd", ()),
    (1, MACS + "0806", "0001", 0x0806, MACS + "0806", ()),
    (1, MACS + "0800", "", 0x0800, MACS + "0800", ()),
    (1, MACS + "8100 0064 0800", V4, 0x0800, MACS + "0800", (100,)),
    (1, MACS + "8100 e064 86dd", V6, 0x86DD, MACS + "86dd", (100,)),
    (1, MACS + "8100 6000 0800", V4, 0x0800, MACS + "0800", ()),
    (1, MACS + "88a8 0fff 8100 0001 0800", V4, 0x0800, MACS + "0800", (4095, 1)),
    (1, MACS + "8100 0001 8100 0002 8100 0003 0800", V4, 0x0800, MACS + "0800", (1, 2, 3)),
    (1, MACS + "9100 0001 0800", "", 0x9100, MACS + "9100", None),
    (1, MACS + "0026", "4242 03", 0x0004, MACS + "0026", ()),
    (1, MACS + "0026", "ffff 0022", 0x0001, MACS + "0026", ()),
    (113, "0000" + SLL + "0800", V4, 0x0800, "", ()),
    (113, "0000" + SLL + "8100 0007 86dd", V6, 0x86DD, "", (7,)),
    (276, "0800 0000 00000003 0001 00 06 0200000000aa 0000", V4, 0x0800, "", ()),
    (276, "8100 0000 00000003 0001 00 06 0200000000aa 0000 0007 0800", V4, 0x0800, "", (7,)),
    (101, "", V4, 0x0800, "", ()),
    (101, "", V6, 0x86DD, "", ()),
    (12, "", V4, 0x0800, "", ()),
    (14, "", V6, 0x86DD, "", ()),
    (228, "", V4, 0x0800, "", ()),
    (229, "", V6, 0x86DD, "", ()),
    (228, "", "", 0x0800, "", ()),
    (0, "02000000", V4, 0x0800, "", ()),
    (0, "00000002", V4, 0x0800, "", ()),
    (0, "0a000000", V6, 0x86DD, "", ()),
    (0, "18000000", V6, 0x86DD, "", ()),
    (0, "1c000000", V6, 0x86DD, "", ()),
    (0, "0000001e", V6, 0x86DD, "", ()),
    (108, "00000002", V4, 0x0800, "", ()),
    (9, "ff03 0021", V4, 0x0800, "", ()),
    (9, "0021", V4, 0x0800, "", ()),
    (9, "ff03 57", V6, 0x86DD, "", ()),
    (9, "21", V4, 0x0800, "", ()),
    (50, "ff03 0057", V6, 0x86DD, "", ()),
    (50, "0f00 0800", V4, 0x0800, "", ()),
    (104, "0f00 86dd", V6, 0x86DD, "", ()),
]


@pytest.mark.parametrize("case", HEADERS)
def test_header(case):
    linktype, header, payload, ethertype, mac, vlans = case
    read = frame(linktype, header, payload)
    link = decode(read)
    assert (link.ethertype, link.mac.hex(), link.problem) == (ethertype, mac, "")
    if vlans is not None:
        assert (link.payload.hex(), link.vlans) == (payload.replace(" ", ""), vlans)
    assert read.data[link.offset :] == link.payload


# link type, header, source, destination, packet type, interface index
ADDRESSES = [
    (1, MACS + "0800", FROM, TO, None, None),
    (1, MACS + "8100 0001 0800", FROM, TO, None, None),
    (113, "0000" + SLL + "0800", FROM, None, PacketType.HOST, None),
    (113, "0001" + SLL + "0800", FROM, None, PacketType.BROADCAST, None),
    (113, "0002" + SLL + "0800", FROM, None, PacketType.MULTICAST, None),
    (113, "0003" + SLL + "0800", FROM, None, PacketType.OTHERHOST, None),
    (113, "0004" + SLL + "0800", FROM, None, PacketType.OUTGOING, None),
    (113, "0004 ffff 0000 0000000000000000 0800", None, None, PacketType.OUTGOING, None),
    (113, "0000 0304 0006 000000000000 0000 0800", "000000000000", None, PacketType.HOST, None),
    (276, "0800 0000 00000003 0001 00 06 0200000000aa 0000", FROM, None, PacketType.HOST, 3),
    (276, "0800 0000 01020304 0001 04 06 0200000000aa 0000", FROM, None, PacketType.OUTGOING, 0x01020304),
    (276, "0800 0000 00000000 fffe 03 00 0000000000000000", None, None, PacketType.OTHERHOST, 0),
    (101, "45", None, None, None, None),
]


@pytest.mark.parametrize("case", ADDRESSES)
def test_addresses(case):
    linktype, header, source, destination, packet_type, index = case
    link = decode(frame(linktype, header))
    assert link.source == (bytes.fromhex(source) if source else None)
    assert link.destination == (bytes.fromhex(destination) if destination else None)
    assert (link.packet_type, link.interface_index, link.problem) == (packet_type, index, "")


# link type, frame, what the problem says
PROBLEMS = [
    (147, V4, "link type 147 is not known"),
    (1, "", "frame of 0 bytes is too short for an Ethernet header (14 bytes)"),
    (1, MACS + "08", "frame of 13 bytes is too short"),
    (1, MACS + "8100", "ends inside a VLAN tag"),
    (1, MACS + "8100 0001 08", "ends inside a VLAN tag"),
    (1, MACS + "88a8 0001 8100 00", "ends inside a VLAN tag"),
    (113, "0000" + SLL + "08", "too short for a Linux cooked header (16 bytes)"),
    (113, "0000" + SLL + "8100 0001", "ends inside a VLAN tag"),
    (113, "0009" + SLL + "0800", "packet type 9 "),
    (113, "0004 0338 0000 0000000000000000 0000", "netlink"),
    (276, "0800 0000 00000003 0001 00 06 0200000000aa 00", "too short for a Linux cooked v2 header (20 bytes)"),
    (276, "0800 0000 00000003 0001 ff 06 0200000000aa 0000", "packet type 255 "),
    (101, "", "too short for an IP header"),
    (101, "00", "IP version 0 is neither 4 nor 6"),
    (12, "f0", "IP version 15 "),
    (0, "020000", "too short for a loopback header (4 bytes)"),
    (0, "07000000", "address family 7 "),
    (108, "00000007", "address family 7 "),
    (9, "", "too short for a PPP header (2 bytes)"),
    (9, "ff03", "too short for a PPP header (4 bytes)"),
    (9, "ff03 00", "too short for a PPP header (4 bytes)"),
    (9, "ff03 c021 01", "PPP protocol 0xc021 "),
    (104, "0f0008", "too short for a Cisco HDLC header (4 bytes)"),
]


@pytest.mark.parametrize(("linktype", "data", "problem"), PROBLEMS)
def test_problem(linktype, data, problem):
    link = decode(frame(linktype, data))
    assert problem in link.problem
    assert link == (0, 0, b"", b"", None, None, None, None, (), link.problem)


@pytest.mark.parametrize(("linktype", "header", "payload"), [case[:3] for case in HEADERS])
def test_cut_anywhere(linktype, header, payload):
    whole = bytes.fromhex(header + payload)
    for size in range(len(whole)):
        link = decode(frame(linktype, whole[:size].hex()))
        assert link.problem or whole[:size].endswith(link.payload)
