"""Asking the kernel: a router in a network namespace, and `ip route get` put into one short line.

`python tests/host/routes_of_kernel.py` (as root) records data/router anew: the snapshot, and for each question of
questions.txt the kernel's answer in answers.txt.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import socket
import struct
import subprocess
import sys
from pathlib import Path

DATA = Path(__file__).parent / "data" / "router"
SNAPSHOT = {
    "ip-addr.json": "ip -j address",
    "ip-maddr.json": "ip -j maddress",
    "ip-route.json": "ip -j route show table all",
    "ip6-route.json": "ip -6 -j route show table all",
    "ip-rule.json": "ip -j rule",
    "ip6-rule.json": "ip -6 -j rule",
    "ip-neigh.json": "ip -j neigh show nud permanent",
    "sysctl.txt": r"sysctl -a --pattern ^net\.ipv.\.(conf\.[^.]*\.(.*forwarding|rp_filter|accept_local|route_localnet|"
    r"src_valid_mark|send_redirects|mtu)|ip_forward)$",
}
TYPES = ["UNSPEC", "UNICAST", "LOCAL", "BROADCAST", "ANYCAST", "MULTICAST", "BLACKHOLE", "UNREACHABLE", "PROHIBIT"]
ERRORS = {os.strerror(number): name for number, name in errno.errorcode.items()}


def run(*command: str, stdin: str = "") -> str:
    """Run a command; its output, or its complaint."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else done.stderr


class Router:
    """The router of build.txt, in two namespaces (itself, and the far ends of its links)."""

    def __init__(self) -> None:
        self.name, self.peer = f"pyipt-r{os.getpid()}", f"pyipt-p{os.getpid()}"
        for name in (self.name, self.peer):
            run("ip", "netns", "add", name)
        self.sh("ip", "link", "set", "lo", "up")
        parts = (DATA / "build.txt").read_text().split("## ")[1:]
        for part in parts:
            how, _, lines = part.partition("\n")
            tool, *words = how.split()
            if tool == "sysctl":
                self.sh("sysctl", "-qw", *lines.split())
            elif tool == "links":
                for number, link in enumerate(lines.split()):
                    self._link(number, link)
            else:
                self.sh("ip", *words, "-b", "-", stdin=lines)

    def _link(self, number: int, link: str) -> None:
        mac = f"02:00:00:00:{number:02x}:01"
        ends = ("type", "veth", "peer", "name", f"p{number}", "netns", self.peer)
        run("ip", "link", "add", link, "address", mac, "netns", self.name, *ends)
        run("ip", "-n", self.peer, "link", "set", f"p{number}", "up", "arp", "off")
        self.sh("sysctl", "-qw", f"net.ipv6.conf.{link}.addr_gen_mode=1")
        self.sh("ip", "link", "set", link, "up")

    def sh(self, *command: str, stdin: str = "") -> str:
        return run("ip", "netns", "exec", self.name, *command, stdin=stdin)

    def snapshot(self, folder: Path) -> None:
        for name, command in SNAPSHOT.items():
            (folder / name).write_text(self.sh(*command.split()))

    def reply(self, question: str) -> str:
        """Answer a line of questions.txt: a route, `type -4 ADDRESS [DEV]`, or `masquerade -4 DST`."""
        match question.split():
            case ["type", family, address, *dev]:
                return self.types_of(family, address, dev[0] if dev else "")
            case ["masquerade", family, dst]:
                return self.masquerade(family, dst)
        return self.answer(question)

    def answer(self, question: str) -> str:
        """The kernel's answer to `-4 DST from SRC iif IF mark M`: TYPE dev DEV via GATEWAY src SOURCE, or an errno."""
        family, *words = question.split()
        text = self.sh("ip", family, "-j", "route", "get", *words)
        if not text.startswith("["):
            return next((name for message, name in ERRORS.items() if message in text), text.strip())
        found = json.loads(text)[0]
        line = found.get("type", "unicast")
        if "dev" in found:
            line += f" dev {found['dev']}"
        if gateway := found.get("gateway") or found.get("via", {}).get("host"):
            line += f" via {gateway}"
        if "prefsrc" in found and "from" not in words:
            line += f" src {found['prefsrc']}"
        return line

    def send(self, family: str, src: str, dst: str) -> None:
        """Send a UDP packet with these addresses from the router, whatever its own are."""
        inet = socket.AF_INET6 if family == "-6" else socket.AF_INET
        udp = struct.pack("!4H", 4000, 4001, 8, 0)
        ends = socket.inet_pton(inet, src) + socket.inet_pton(inet, dst)
        six = inet == socket.AF_INET6
        head = struct.pack("!IHBB", 6 << 28, 8, 17, 64) if six else struct.pack("!BBHHHBBH", 69, 0, 28, 1, 0, 64, 17, 0)
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net") as back, open(f"/run/netns/{self.name}") as there:
            libc.setns(there.fileno(), 0)
            try:
                with socket.socket(inet, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                    raw.sendto(head + ends + udp, (dst, 0))
            finally:
                libc.setns(back.fileno(), 0)

    def types_of(self, family: str, address: str, dev: str) -> str:
        """The names of the types that `-m addrtype` finds an address to be of; limited to an interface if given."""
        tool = "ip6tables-legacy" if family == "-6" else "iptables-legacy"
        limit = ["--limit-iface-out"] if dev else []
        self.sh(tool, "-t", "raw", "-F")
        for kind in TYPES:
            self.sh(tool, "-t", "raw", "-A", "OUTPUT", "-p", "udp", "-m", "addrtype", "--src-type", kind, *limit)
        beyond = {"eth1": ("fd00:1::77", "10.1.0.77")}.get(dev, ("2001:db8::77", "192.0.2.77"))
        self.send(family, address, beyond[0] if family == "-6" else beyond[1])
        text = self.sh(tool, "-t", "raw", "-vnxL", "OUTPUT")
        counts = re.findall(r"^ +(\d+) +\d+ .*src-type ([A-Z]+)", text, re.MULTILINE)
        return " ".join(name for count, name in counts if count != "0") or "-"

    def masquerade(self, family: str, dst: str) -> str:
        """The source that MASQUERADE gives a packet for a destination."""
        tool, source = ("ip6tables-legacy", "2001:db8:aaaa::1") if family == "-6" else ("iptables-legacy", "172.31.0.1")
        self.sh(tool, "-t", "raw", "-F")
        self.sh(tool, "-t", "nat", "-F")
        self.sh(tool, "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE")
        self.sh("conntrack", "-F")
        self.send(family, source, dst)
        text = self.sh("conntrack", "-L", "-f", "ipv6" if family == "-6" else "ipv4")
        found = re.search(rf"src={source} dst=.* dst=(\S+)", text)
        return found[1] if found else "-"

    def close(self) -> None:
        for name in (self.name, self.peer):
            run("ip", "netns", "del", name)


if __name__ == "__main__":
    router = Router()
    try:
        router.snapshot(DATA)
        asked = (DATA / "questions.txt").read_text().splitlines()
        told = [f"{line:<70} = {router.reply(line)}" if line and line[0] in "-tm" else line for line in asked]
        (DATA / "answers.txt").write_text("\n".join(told) + "\n")
    finally:
        router.close()
    sys.exit(0)
