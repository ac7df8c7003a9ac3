"""Typed packets at a host's door: what the link layer gives them there."""

from __future__ import annotations

from dataclasses import replace

from pyiptables.errors import PacketError
from pyiptables.host import Host
from pyiptables.packet.packet import Packet
from pyiptables.packet.typed_packet import TypedPacket


def handed_over(typed: TypedPacket, host: Host, *, time: int = 0, number: int = 0) -> Packet:
    """A typed packet as an engine on that host takes it, at a time in nanoseconds.

    PacketError when it arrives on an interface that the host does not have.
    """
    return replace(typed.packet(time, number), mac=arriving_mac(typed, host))


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
