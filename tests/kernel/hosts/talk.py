"""Conversations between the machines of a laboratory: real sockets where one talks, made frames where nobody would."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import ExitStack

from hosts.lab import Lab
from pyiptables.hooks import Family
from pyiptables.packet.addresses import from_text
from pyiptables.packet.build import ICMP, IpFields, icmp_message, ip_packet

Place = tuple[str, int]
"""An address and a port."""

PAUSE = 0.012
"""Seconds between the steps of a conversation; each has settled by then."""
_PATIENCE = 3.0
_ECHO_REQUEST = 8
_CLOSE_BY_RESET = struct.pack("ii", 1, 0)


def fields(source: str, destination: str, *, ttl: int = 64, ident: int = 1) -> IpFields:
    """The header of a made IPv4 packet."""
    return IpFields(Family.IPV4, from_text(source)[0], from_text(destination)[0], ttl=ttl, ident=ident)


class Talk:
    """What machines can do in a laboratory. Ports are given by the plan, so that every recording has the same."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def pause(self, seconds: float = PAUSE) -> None:
        """Let the packets that are under way arrive."""
        time.sleep(seconds)

    def tcp(self, client: str, server: str, *, to: Place, at: Place, frm: Place, say: tuple[bytes, bytes]) -> None:
        """Hold a TCP conversation: connect ``frm`` ``to``, which reaches the server's ``at``; say both; close both."""
        question, answer = say
        with ExitStack() as stack:
            listener = stack.enter_context(self._listen(server, at))
            near = stack.enter_context(self._bound(client, socket.SOCK_STREAM, frm))
            near.connect(to)
            far = stack.enter_context(listener.accept()[0])
            far.settimeout(_PATIENCE)
            self.pause()
            if question:
                near.sendall(question)
                far.recv(65536)
                self.pause()
            if answer:
                far.sendall(answer)
                near.recv(65536)
                self.pause(4 * PAUSE)  # a delayed acknowledgement takes up to 40 ms
            far.close()
            self.pause(4 * PAUSE)
            near.close()
            self.pause()

    def knock(self, client: str, *, to: Place, frm: Place, wait: float = PAUSE) -> bool:
        """Try to connect to where no connection comes about; say whether the other side refused."""
        with self._bound(client, socket.SOCK_STREAM, frm) as near:
            near.settimeout(wait)
            try:
                near.connect(to)
            except TimeoutError:
                return False
            except OSError:
                return True
            finally:
                self.pause()
        raise RuntimeError(f"{client} could connect to {to}, which was not expected")

    def flood(self, client: str, server: str, *, to: Place, at: Place, frm: Place, count: int) -> None:
        """Open ``count`` connections at once, from ports that follow each other, and reset those that came about."""
        with ExitStack() as stack:
            stack.enter_context(self._listen(server, at))
            near = [
                stack.enter_context(self._bound(client, socket.SOCK_STREAM, (frm[0], frm[1] + n))) for n in range(count)
            ]
            for one in near:
                one.setblocking(False)
                one.connect_ex(to)
            self.pause()
            for one in near:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_BY_RESET)
                one.close()
            self.pause()

    def udp(self, client: str, server: str, *, to: Place, at: Place, frm: Place, say: tuple[bytes, bytes]) -> None:
        """Ask and answer by UDP; without an answer, only the question arrives."""
        question, answer = say
        with self._bound(server, socket.SOCK_DGRAM, at) as far, self._bound(client, socket.SOCK_DGRAM, frm) as near:
            near.sendto(question, to)
            _, sender = far.recvfrom(65536)
            self.pause()
            if answer:
                far.sendto(answer, sender)
                near.recvfrom(65536)
                self.pause()

    def send(self, client: str, *, to: Place, frm: Place, data: bytes) -> None:
        """Send one UDP datagram that nobody answers, unless with an error."""
        with self._bound(client, socket.SOCK_DGRAM, frm) as near:
            near.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            near.sendto(data, to)
            self.pause()

    def ping(
        self, client: str, to: str, *, frm: str, ident: int, count: int = 1, ttl: int = 64, size: int = 56
    ) -> None:
        """Send echo requests, 1 ms apart; the other side's kernel answers them."""
        with self.lab.socket(client, socket.AF_INET, socket.SOCK_RAW, ICMP) as raw:
            raw.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            raw.bind((frm, 0))
            for sequence in range(1, count + 1):
                rest = struct.pack(">HH", ident, sequence)
                payload = bytes(n & 0xFF for n in range(size))
                raw.sendto(icmp_message(fields(frm, to), _ECHO_REQUEST, 0, rest, payload), (to, 0))
                self.pause(0.001)
            self.pause()

    def frame(
        self, machine: str, header: IpFields, protocol: int, payload: bytes, *, to: str = "", bad: bool = False
    ) -> None:
        """Put a frame of one's own making on the machine's wire, for the host's MAC or for ``to``.

        ``bad`` spoils the IP header's checksum.
        """
        plan = self.lab.plan
        there = plan.machines[machine]
        packet = bytearray(ip_packet(header, protocol, payload))
        if bad:
            packet[10] ^= 0x55
        mac = to or plan.interfaces[there.wire].mac
        ether = bytes.fromhex(mac.replace(":", "") + there.mac.replace(":", "") + "0800")
        with self.lab.socket(machine, socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
            raw.bind(("eth0", 0))
            raw.send(ether + bytes(packet))
            self.pause()

    def _listen(self, who: str, at: Place) -> socket.socket:
        listener = self._bound(who, socket.SOCK_STREAM, at)
        listener.listen(64)
        return listener

    def _bound(self, who: str, kind: int, at: Place) -> socket.socket:
        """Open a socket at an address and port; it gives up waiting after a while."""
        one = self.lab.socket(who, socket.AF_INET, kind)
        one.settimeout(_PATIENCE)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.bind(at)
        return one
