"""Typed packets at a host's door: what the link layer gives them there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pyiptables.errors import PacketError
from pyiptables.hooks import Family
from pyiptables.host import Host
from pyiptables.packet.addresses import to_text
from pyiptables.packet.packet import Packet
from pyiptables.packet.typed_packet import TypedPacket


def handed_over(typed: TypedPacket, host: Host, *, time: int = 0, number: int = 0) -> Packet:
    """A typed packet as an engine on that host takes it, at a time in nanoseconds.

    PacketError when it arrives on an interface that the host does not have.
    """
    return replace(typed.packet(time, number), mac=arriving_mac(typed, host))


def forwarded_ways(packets: Iterable[TypedPacket]) -> dict[str, str]:
    """The ways that packets say they take through a host that forwards them: addresses, with the interface to each."""
    found: dict[str, str] = {}
    for packet in packets:
        if packet.interface and packet.out_interface:
            size, start = (4, 12) if packet.family is Family.IPV4 else (16, 8)
            ends = [packet.data[start + size * which : start + size * (which + 1)] for which in (0, 1)]
            for end, name in zip(ends, (packet.interface, packet.out_interface), strict=True):
                if len(end) == size and name != "lo":
                    found.setdefault(to_text(int.from_bytes(end, "big"), packet.family), name)
    return found


def refuse_ways(packets: Iterable[TypedPacket]) -> None:
    """PacketError for packets that say by which interface a host sends them on, where that host is known."""
    for packet in packets:
        if packet.interface and packet.out_interface:
            raise PacketError(
                f"out {packet.out_interface} cannot be said of a packet that arrives: the host that is given has routes",
                hint="leave it away",
            )


def arriving_mac(typed: TypedPacket, host: Host) -> bytes:
    """The link-layer header of a typed packet that arrives: from its own MACs, or to the interface's."""
    if not typed.interface:
        return b""
    interface = host.interface(typed.interface)
    if interface is None:
        known = ", ".join(each.name for each in host.interfaces)
        raise PacketError(f"the host has no interface {typed.interface!r}", hint=f"it has {known}")
    kind = b"\x08\0" if typed.data[:1] and typed.data[0] >> 4 == 4 else b"\x86\xdd"
    destination = typed.mac_destination or interface.mac or bytes(6)
    return bytes(destination) + bytes(typed.mac_source or bytes(6)) + kind
