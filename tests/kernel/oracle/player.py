"""Playing packets into a host: each is injected, and what became of it is read, so that answers can be made from it."""

from __future__ import annotations

import ipaddress
import re
import time
from random import Random
from typing import NamedTuple

from oracle.kernel_host import KernelHost
from oracle.packets import Header, View

STEP_NS = 10_000_000
"""The capture's clock goes on by so much with each packet."""
TOLERANCE = 0.003
"""Seconds that a packet may be late where time is real."""
WAIT = 0.005
"""Seconds without a frame after which a packet has had its effect."""
_LOGGED = re.compile(r"SRC=(\S+) DST=(\S+) .*?PROTO=(\S+)(?: SPT=(\d+) DPT=(\d+))?")
TOS = (0, 0, 0, 0x10, 8, 0x28, 1, 2, 3)
TTLS = (64, 64, 64, 63, 128, 3)


class Sent(NamedTuple):
    """A packet that was played: when, in steps from the start, where (None: the host sent it), the bytes."""

    tick: int
    interface: str | None
    data: bytes


class Seen(NamedTuple):
    """What a packet became: where it came out (None: delivered to the host), and what is read there."""

    interface: str | None
    view: View


class EnoughError(Exception):
    """As many packets as were wanted have been played."""


class Player:
    """Sends packets and keeps what came of each; with ``clock`` the capture's time is real, else each takes a step.

    After ``limit`` packets it raises EnoughError.
    """

    def __init__(self, rng: Random, kernel: KernelHost, *, clock: bool = False, limit: int = 10_000) -> None:
        self.rng, self.kernel, self.universe = rng, kernel, kernel.universe
        self.clock, self.limit = clock, limit
        self.sent: list[Sent] = []
        self.emitted: list[Sent] = []
        self.log: list[tuple[int, str]] = []
        self.ident = 1
        self.options: tuple[bytes, ...] = ()
        """IP options that headers get now and then."""
        self.extensions: tuple[tuple[tuple[int, bytes], ...], ...] = ()
        """Chains of extension headers that IPv6 headers get now and then."""
        self._tick = 0
        self._start = time.monotonic()

    @property
    def six(self) -> bool:
        """Whether the host is IPv6's."""
        return self.universe.family == 6

    def pause(self, seconds: float) -> None:
        """Let time pass, where it is real."""
        if self.clock:
            self._tick += round(seconds * 1e9) // STEP_NS

    def header(self, source: str, destination: str, **fields: int) -> Header:
        """A header between two addresses, its other fields drawn."""
        rng = self.rng
        self.ident += 1
        ttl = fields.pop("ttl", rng.choice(TTLS) if rng.random() < 0.97 else rng.choice((1, 2)))
        options = rng.choice(self.options) if self.options and rng.random() < 0.4 else b""
        chain = rng.choice(self.extensions) if self.extensions and rng.random() < 0.5 else ()
        return Header(
            source, destination, ttl, fields.pop("tos", rng.choice(TOS)), self.ident, options=options, extensions=chain,
            **fields,
        )  # fmt: skip

    def send(self, interface: str | None, packet: bytes, *, mac: str = "") -> list[Seen]:
        """Play a packet and say what this very packet became; ``mac`` is whom the frame is for, if not the host.

        A packet that the wire does not carry is not played.
        """
        carried = min(self.universe.mtus) if interface is None else self.universe.links[interface].mtu
        if len(packet) > carried:
            return []
        if len(self.sent) >= self.limit:
            raise EnoughError
        data = packet if interface is None else self._frame(interface, packet, mac)
        self._tick += 1
        self._keep_time()
        self.sent.append(Sent(self._tick, interface, data))
        came = self.kernel.inject(interface, data, WAIT)
        lines = self.kernel.log()
        self.log += [(self._tick, line) for line in lines]
        self.emitted += [Sent(self._tick, name, frame) for name, frame in came]
        view = View(packet)
        out = [Seen(name, View(frame[14:])) for name, frame in came if frame[12:14] in (b"\x08\0", b"\x86\xdd")]
        became = [seen for seen in out if _same(seen.view, view)]
        return became or self._delivered(view, lines)

    def _keep_time(self) -> None:
        if not self.clock:
            return
        if not self.sent:
            self._start = time.monotonic() - self._tick * STEP_NS / 1e9
            return
        while True:  # until it is the time that the capture will say, a sleep that took too long being made good
            wait = self._start + self._tick * STEP_NS / 1e9 - time.monotonic()
            if -TOLERANCE <= wait <= 0:
                return
            if wait > 0:
                time.sleep(wait)
            else:
                self._tick += 1 + int(-wait * 1e9) // STEP_NS

    def _frame(self, interface: str, packet: bytes, mac: str) -> bytes:
        six = packet[0] >> 4 == 6
        source = View(packet).source if len(packet) >= (40 if six else 20) else ""
        macs = (mac or self.universe.links[interface].mac) + self.universe.mac_of(interface, source)
        return bytes.fromhex(macs.replace(":", "")) + (b"\x86\xdd" if six else b"\x08\0") + packet

    def _delivered(self, view: View, lines: list[str]) -> list[Seen]:
        """The packet as the last line of INPUT tells it, where there is one."""
        for line in reversed(lines):
            if ":INPUT:" not in line:
                continue
            found = _LOGGED.search(line)
            if found is not None:
                view.source, view.destination = (str(ipaddress.ip_address(found[n])) for n in (1, 2))
                if found[4] and view.sport:
                    view.sport, view.dport = int(found[4]), int(found[5])
                return [Seen(None, view)]
        return []


def _same(one: View, other: View) -> bool:
    """Whether what came out is what went in, as far as NAT lets it be."""
    return one.protocol == other.protocol and (
        one.body[8:] == other.body[8:] or (bool(one.flags) and one.flags == other.flags)
    )
