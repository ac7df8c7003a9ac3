"""Network namespaces, wired as a plan says: one for the host, one for each machine, one for the wires between them.

A wire is a Linux bridge in a namespace of its own, so that the host's interfaces are plain ones and every machine has
its own MAC. IPv6 is off everywhere; checksums are computed in software, so that what is captured is what a wire has.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from hosts.plan import HOST, HostPlan

_LIBC = ctypes.CDLL(None, use_errno=True)
WIRES = "the wires"
"""Who has the bridges, among the host and the machines."""
_BRIDGE_RULES = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
_OFFLOADS = ("tx", "rx", "tso", "gso", "gro")
_EVERYWHERE = {"net.ipv6.conf.all.disable_ipv6": 1, "net.ipv6.conf.default.disable_ipv6": 1}
_UNLIMITED = {"net.ipv4.icmp_ratelimit": 0}
"""Errors are sent whenever they are due, so that a recording does not depend on how long ago the last one was."""


def run(*command: str, stdin: str | None = None) -> str:
    """Run a program and return what it printed; RuntimeError with its message when it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr or done.stdout}")
    return done.stdout


@contextmanager
def within(namespace: str) -> Iterator[None]:
    """Let sockets that are opened in the body belong to a network namespace."""
    with open("/proc/self/ns/net", "rb") as back, open(f"/run/netns/{namespace}", "rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(back.fileno())


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Lab:
    """The namespaces of one plan; use it as a context, which takes them down at the end."""

    def __init__(self, plan: HostPlan) -> None:
        self.plan = plan
        self._prefix = f"rec{os.getpid()}"
        self._names = {name: f"{self._prefix}-{n}" for n, name in enumerate((HOST, WIRES, *plan.machines))}
        self._wires = self._names[WIRES]

    def __enter__(self) -> Lab:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()

    def namespace(self, who: str) -> str:
        """The network namespace of the host or a machine."""
        return self._names[who]

    def sh(self, who: str, *command: str, stdin: str | None = None) -> str:
        """Run a program on the host or a machine and return what it printed."""
        return run("ip", "netns", "exec", self.namespace(who), *command, stdin=stdin)

    def socket(self, who: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """Open a socket on the host or a machine."""
        with within(self.namespace(who)):
            return socket.socket(family, kind, protocol)

    def _build(self) -> None:
        for name in self._names.values():
            run("ip", "netns", "add", name)
            run("ip", "-n", name, "link", "set", "lo", "up")
        for who in self._names:
            self._set(who, _EVERYWHERE | _UNLIMITED)
        if _BRIDGE_RULES.exists():  # a bridge that minds IP would drop what is broken, and put fragments together
            self._set(WIRES, {"net.bridge.bridge-nf-call-iptables": 0})
        for number, (name, interface) in enumerate(self.plan.interfaces.items()):
            run("ip", "-n", self._wires, "link", "add", f"wire{number}", "type", "bridge", "mcast_snooping", "0")
            run("ip", "-n", self._wires, "link", "set", f"wire{number}", "up")
            self._attach(HOST, name, interface.mac, number, f"host{number}")
        wires = list(self.plan.interfaces)
        for number, (who, machine) in enumerate(self.plan.machines.items()):
            self._attach(who, "eth0", machine.mac, wires.index(machine.wire), f"far{number}")
            self._batch(
                who,
                chain(
                    (f"address add {address} dev eth0" for address in machine.addresses),
                    (f"route add {route} dev eth0" for route in machine.routes),
                ),
            )
        self._set(HOST, self.plan.sysctls)
        self._batch(HOST, self._host_commands())

    def _host_commands(self) -> Iterator[str]:
        for name, interface in self.plan.interfaces.items():
            yield from (f"address add {address} dev {name}" for address in interface.addresses)
        yield from (f"route add {route}" for route in self.plan.routes)
        for address, (device, mac) in self.plan.neighbours.items():
            yield f"neigh replace {address} lladdr {mac} dev {device} nud reachable"

    def _attach(self, who: str, interface: str, mac: str, wire: int, far: str) -> None:
        near = self.namespace(who)
        run(
            *("ip", "link", "add", interface, "address", mac, "netns", near, "type", "veth"),
            *("peer", "name", far, "netns", self._wires),
        )
        run("ip", "-n", self._wires, "link", "set", far, "master", f"wire{wire}", "up")
        run("ip", "-n", near, "link", "set", interface, "up")
        self.sh(who, "ethtool", "-K", interface, *(word for name in _OFFLOADS for word in (name, "off")))

    def _set(self, who: str, settings: Mapping[str, str | int]) -> None:
        self.sh(who, "sysctl", "-qw", *(f"{name}={value}" for name, value in settings.items()))

    def _batch(self, who: str, lines: Iterable[str]) -> None:
        run("ip", "-n", self.namespace(who), "-batch", "-", stdin="\n".join(lines) + "\n")

    def _remove(self) -> None:
        for name in self._names.values():
            subprocess.run(("ip", "netns", "delete", name), capture_output=True, check=False)
