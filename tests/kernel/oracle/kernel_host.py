"""A host made of network namespaces, whose netfilter is asked: frames are put on its wires, and what comes out is read.

Each interface of the host is one end of a wire; the far ends stand in a second namespace, where frames are injected and
read. What is delivered to the host itself ends behind its last INPUT hook, so that no process and no closed port answers;
neighbour discovery and group reports of the host itself end before its first OUTPUT hook.
"""

from __future__ import annotations

import os
import re
import select
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from hosts.lab import run, within

from oracle.universe import Universe

_ALL_NAMESPACES = Path("/proc/sys/net/netfilter/nf_log_all_netns")
_OFFLOADS = ("tx", "rx", "tso", "gso", "gro")
_ETH_P_ALL = 3
_LAST = 2**31 - 1
"""The priority of conntrack's confirmation; what is registered there earlier runs after it."""
_QUIET = """
table {family} quiet {{
  chain in {{ type filter hook input priority {last}; drop; }}
  {out}
}}
"""
_QUIET6 = "chain out { type filter hook output priority -1000; icmpv6 type { 130-136, 143 } drop; }"
_SETTINGS = {
    "net.ipv4.ip_forward": 1,
    "net.ipv4.icmp_ratelimit": 0,
    "net.ipv4.icmp_ratemask": 0,
    "net.ipv4.icmp_msgs_per_sec": 100000,
    "net.ipv4.icmp_msgs_burst": 100000,
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.netfilter.nf_log.2": "nf_log_ipv4",
}
_SETTINGS6 = {
    "net.ipv6.conf.all.forwarding": 1,
    "net.ipv6.icmp.ratelimit": 0,
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.default.router_solicitations": 0,
    "net.ipv6.conf.default.accept_ra": 0,
    "net.netfilter.nf_log.10": "nf_log_ipv6",
}
_WITHOUT_IPV6 = {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1}
_SYSCTLS = (
    r"^net\.ipv[46]\.(conf\.[^.]*\.)?(.*forward|rp_filter|accept_|route_localnet|src_valid_mark|icmp|ip_default_ttl"
    r"|.*hop_limit|ipfrag|ip6frag|send_redirects|fwmark_reflect|disable_ipv6)|^net\.netfilter\.nf_conntrack"
)
_SNAPSHOT = {
    "ip-addr.json": ("ip", "-j", "address"),
    "ip-maddr.json": ("ip", "-j", "maddr"),
    "ip-route.json": ("ip", "-j", "route", "show", "table", "all"),
    "ip6-route.json": ("ip", "-6", "-j", "route", "show", "table", "all"),
    "ip-rule.json": ("ip", "-j", "rule"),
    "ip6-rule.json": ("ip", "-6", "-j", "rule"),
    "ip-neigh.json": ("ip", "-j", "neigh"),
    "sysctl.txt": ("sysctl", "-a", "--pattern", _SYSCTLS),
    "ipset.save": ("ipset", "save"),
}


class LogLostError(RuntimeError):
    """Others filled the kernel's log, which is everybody's, faster than it could be read."""


class KernelHost:
    """The host of a universe; use it as a context, which takes it down at the end."""

    def __init__(self, universe: Universe) -> None:
        self.universe = universe
        stamp = f"{os.getpid()}-{time.monotonic_ns() % 1_000_000}"
        self._host, self._wires = f"host-{stamp}", f"wires-{stamp}"
        self._taps: dict[str, socket.socket] = {}
        self._raw: socket.socket | None = None
        self._log = -1
        six = universe.family == 6
        self.command = "ip6tables-legacy" if six else "iptables-legacy"
        self._signs = _signs(universe)

    def __enter__(self) -> KernelHost:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def sh(self, *command: str, stdin: str | None = None) -> str:
        """Run a program on the host and return what it printed; RuntimeError when it fails."""
        return run("ip", "netns", "exec", self._host, *command, stdin=stdin)

    def accepts(self, *command: str, stdin: str | None = None) -> bool:
        """Run a program on the host and say whether it succeeded."""
        try:
            self.sh(*command, stdin=stdin)
        except RuntimeError:
            return False
        return True

    # building

    def _build(self) -> None:
        six = self.universe.family == 6
        for name in (self._host, self._wires):
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        self._set(self._wires, _WITHOUT_IPV6)
        self._set(self._host, _SETTINGS | (_SETTINGS6 if six else _WITHOUT_IPV6))
        if six:
            self._set(self._host, {"net.ipv6.conf.default.addr_gen_mode": int(not self.universe.link_local)})
        self.sh("nft", "-f", "-", stdin=_QUIET.format(
            family="ip6" if six else "ip", last=_LAST, out=_QUIET6 if six else ""
        ))  # fmt: skip
        self._batch(self._wires, self._far_ends())
        for name in self.universe.names:
            self.sh("ethtool", "-K", name, *(word for offload in _OFFLOADS for word in (offload, "off")))
        self._batch(self._host, self._near_ends())
        for what, lines in {"route": self.universe.routes, "rule": self.universe.policy}.items():
            for line in lines:  # what the kernel refuses (a second route of the same metric) is left out
                self.accepts("ip", f"-{self.universe.family}", what, "add", *line.split())
        if self.universe.sysctls:
            self._set(self._host, self.universe.sysctls)
        self._open()
        if six:
            self.drain(0.1)

    def _set(self, namespace: str, settings: dict[str, str | int]) -> None:
        words = [f"{name}={value}" for name, value in settings.items()]
        run("ip", "netns", "exec", namespace, "sysctl", "-qw", *words)

    def _batch(self, namespace: str, lines: Iterator[str]) -> None:
        run("ip", "-n", namespace, "-batch", "-", stdin="\n".join(lines) + "\n")

    def _far_ends(self) -> Iterator[str]:
        for number, (name, link) in enumerate(self.universe.links.items()):
            yield (
                f"link add far{number} mtu 9000 type veth peer name {name} address {link.mac} mtu {link.mtu} "
                f"netns {self._host}"
            )
            yield f"link set far{number} up arp off promisc on"

    def _near_ends(self) -> Iterator[str]:
        for name, link in self.universe.links.items():
            yield f"link set {name} up"
            for address in link.addresses:
                yield f"address add {address} dev {name}" + (" nodad" if ":" in address else " broadcast +")
        for address, (name, mac) in self.universe.neighbours().items():
            yield f"neigh add {address} lladdr {mac} dev {name} nud permanent"

    def _open(self) -> None:
        with within(self._wires):
            for number, name in enumerate(self.universe.names):
                tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
                tap.bind((f"far{number}", _ETH_P_ALL))
                tap.setblocking(False)
                self._taps[name] = tap
        with within(self._host):
            inet = socket.AF_INET6 if self.universe.family == 6 else socket.AF_INET
            self._raw = socket.socket(inet, socket.SOCK_RAW, socket.IPPROTO_RAW)
            self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        _ALL_NAMESPACES.write_text("1")
        self._log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)

    def _remove(self) -> None:
        for each in (*self._taps.values(), *((self._raw,) if self._raw else ())):
            each.close()
        if self._log >= 0:
            os.close(self._log)
        for name in (self._host, self._wires):
            subprocess.run(("ip", "netns", "delete", name), capture_output=True, check=False)

    # asking

    def inject(self, interface: str | None, data: bytes, wait: float) -> list[tuple[str, bytes]]:
        """Put a frame on an interface's wire, or send a packet from the host (None); the frames that came of it."""
        if interface is not None:
            self._taps[interface].send(data)
        elif self._raw is not None:
            six = self.universe.family == 6
            packed = data[24:40] if six else data[16:20]
            to = socket.inet_ntop(socket.AF_INET6 if six else socket.AF_INET, packed)
            with suppress(OSError, ValueError):  # dropped on its way out, no way out, or no whole address
                self._raw.sendto(data, (to, 0, 0, 0) if six else (to, 0))
        return self.drain(wait)

    def drain(self, wait: float) -> list[tuple[str, bytes]]:
        """The frames that left, until none came for ``wait`` seconds: interface, bytes."""
        found, names = [], {tap: name for name, tap in self._taps.items()}
        while ready := select.select(list(names), [], [], wait)[0]:
            for tap in ready:
                frame, sender = tap.recvfrom(65536)
                if sender[2] != socket.PACKET_OUTGOING:
                    found.append((names[tap], frame))
            wait = 0.001
        return found

    def listen(self) -> None:
        """Leave out what was logged until now."""
        os.lseek(self._log, 0, os.SEEK_END)

    def log(self) -> list[str]:
        """The lines that rules of this host logged since the last call, without times; LogLostError when some are lost."""
        lines = []
        while True:
            try:
                record = os.read(self._log, 8192).decode(errors="replace")
            except BlockingIOError:
                return lines
            except BrokenPipeError as error:
                raise LogLostError("lines of the kernel's log were overwritten before they were read") from error
            message = record.partition(";")[2].partition("\n")[0]
            if "IN=" in message and " OUT=" in message and self._signs.search(message):
                lines.append(re.sub(r"(UID=\d+ )?(GID=\d+ )?", "", message).rstrip())

    def rules(self) -> str:
        """The ruleset with counters, without comments."""
        return re.sub(r"(?m)^#.*\n", "", self.sh(f"{self.command}-save", "-c"))

    def connections(self) -> str:
        """The connections as conntrack lists them."""
        return self.sh("conntrack", "-L", "-f", f"ipv{self.universe.family}")

    def sets(self) -> str:
        """The sets as ipset saves them."""
        return self.sh("ipset", "save")

    def snapshot(self, folder: Path) -> None:
        """Write what the host's tools say of it."""
        for name, command in _SNAPSHOT.items():
            (folder / name).write_text(self.sh(*command))


def _signs(universe: Universe) -> re.Pattern[str]:
    """What tells this host's log lines from those of others: its interfaces, or its addresses where only lo is named."""
    names = "|".join(universe.names)
    own = [*universe.local, *universe.remote, "::1" if universe.family == 6 else "127.0.0.1"]
    spelled = "|".join(re.escape(_spelled(address)) for address in own)
    return re.compile(rf"(IN|OUT)=({names})\b|IN=(lo)? OUT=(lo)? .*(SRC|DST)=({spelled})\b")


def _spelled(address: str) -> str:
    """An address as the kernel's log writes it: IPv6 in full."""
    if ":" not in address:
        return address
    packed = socket.inet_pton(socket.AF_INET6, address)
    return ":".join(packed[at : at + 2].hex() for at in range(0, 16, 2))
