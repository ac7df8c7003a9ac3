#!/usr/bin/env python3
"""record_hosts.py [HOST...]: build the example hosts of rulesets/ and record what the kernel does there.

For each host (all, or those named) the machine's own kernel is made into the host and its neighbourhood, with network
namespaces; the folder's rules.v4 is loaded, and the conversations of the host's plan are held. Written into the folder:

- rules.v4 as iptables-save -c prints it, and the snapshot: what ip, sysctl and ipset say of the host;
- capture.pcapng: every IPv4 frame on every interface of the host, with its direction and the kernel's time, shifted
  so that the first has the plan's date;
- expected.rules.v4: iptables-save -c afterwards, so the counters that a replay of the capture has to reach;
- expected.kernel.log: the lines that LOG wrote, in order, without times.

Needs root, iproute2, iptables (legacy), ipset and ethtool. ``--tools FOLDER`` takes iptables-save and iptables-restore
from there; without it they are iptables-legacy-save and iptables-legacy-restore.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from hosts import home_router, kubernetes_node, web_server
from hosts.kernel_log import KernelLog
from hosts.lab import Lab
from hosts.plan import HOST, HostPlan
from hosts.sniffer import Sniffed, Sniffer
from hosts.talk import Talk

from pyiptables.packet.capture import CaptureWriter
from pyiptables.packet.link import Frame, LinkType

RULESETS = Path(__file__).parents[2] / "rulesets"
PLANS = {module.PLAN.name: module.PLAN for module in (home_router, web_server, kubernetes_node)}
SYSCTLS = "|".join(
    (
        r"^net\.ipv4\.ip_forward",
        r"^net\.ipv[46]\.conf\..*\.(forwarding|rp_filter|src_valid_mark|accept_local|route_localnet|send_redirects)$",
        r"^net\.ipv4\.icmp_",
        r"^net\.ipv4\.ip_default_ttl",
        r"^net\.netfilter\.nf_conntrack_(acct|checksum|helper|tcp_loose|tcp_be_liberal|.*timeout.*)$",
    )
)
SNAPSHOT = {
    "ip-addr.json": ("ip", "-j", "address"),
    "ip-route.json": ("ip", "-j", "route", "show", "table", "all"),
    "ip6-route.json": ("ip", "-6", "-j", "route", "show", "table", "all"),
    "ip-rule.json": ("ip", "-j", "rule"),
    "ip6-rule.json": ("ip", "-6", "-j", "rule"),
    "ip-neigh.json": ("ip", "-j", "neigh"),
    "sysctl.txt": ("sysctl", "-a", "--pattern", SYSCTLS),
    "ipset.save": ("ipset", "save"),
}
SETTLED = 0.2
"""Seconds after which the last conversation's packets have all passed."""


def main() -> None:
    """Read the command line and record."""
    parser = argparse.ArgumentParser(description="record the example hosts of rulesets/ (needs root)")
    parser.add_argument("hosts", nargs="*", metavar="HOST", help=", ".join(PLANS))
    parser.add_argument("--tools", type=Path, help="folder with iptables-save and iptables-restore")
    parser.add_argument("--rulesets", type=Path, default=RULESETS, help="where the folders of the hosts are")
    options = parser.parse_args()
    if unknown := set(options.hosts) - PLANS.keys():
        parser.error(f"no plan for {', '.join(sorted(unknown))}: expected {', '.join(PLANS)}")
    if os.geteuid():
        parser.error("needs root")
    for name in options.hosts or PLANS:
        record(PLANS[name], options.rulesets / name, options.tools)


def record(plan: HostPlan, folder: Path, tools: Path | None) -> None:
    """Record one host into its folder, whose rules.v4 says the rules; nothing is written when something went wrong."""
    programs = tools / "iptables" if tools else Path("iptables-legacy")
    save, restore = (f"{programs}-{word}" for word in ("save", "restore"))
    with Lab(plan) as lab, KernelLog() as log, Sniffer(lab) as sniffer:
        load(lab, restore, (folder / "rules.v4").read_text())
        files = {"rules.v4": dated(lab.sh(HOST, save, "-c"), plan.start)}
        files |= {name: lab.sh(HOST, *command) for name, command in SNAPSHOT.items()}
        early = sniffer.drain()
        plan.play(Talk(lab))
        time.sleep(SETTLED)
        sniffed = sniffer.drain()
        counted = lab.sh(HOST, save, "-c")
        late = sniffer.drain()
        lines = [line for line in log.lines() if any(prefix in line for prefix in log_prefixes(counted))]
    if early or late:
        raise RuntimeError(f"{plan.name}: {len(early)} frames before and {len(late)} after the conversations")
    files["expected.rules.v4"] = dated(counted, plan.start)
    files["expected.kernel.log"] = "".join(f"{line}\n" for line in lines)
    for name, text in files.items():
        (folder / name).write_text(text)
    write_capture(folder / "capture.pcapng", sniffed, plan.start)
    print(f"{plan.name}: {len(sniffed)} frames, {len(lines)} log lines")


def load(lab: Lab, restore: str, text: str) -> None:
    """Load the tables one by one: the kernel lists the latest first, so that they are saved in alphabetical order."""
    for table in sorted(re.findall(r"(?m)^\*(\w+)", text), reverse=True):
        lab.sh(HOST, restore, "-c", "-T", table, stdin=text)


def dated(saved: str, when: datetime) -> str:
    """Put a date into the comment lines of iptables-save, in place of the recording's."""
    return re.sub(r"(?m)^(# .*) on .*$", rf"\1 on {when:%a %b %e %H:%M:%S %Y}", saved)


def write_capture(path: Path, sniffed: list[Sniffed], start: datetime) -> None:
    """Write frames as pcapng, the first at ``start`` and the others as much later as they were."""
    first = round(start.timestamp() * 1_000_000) * 1000 - sniffed[0].time_ns
    with path.open("wb") as file:
        writer = CaptureWriter(file)
        for number, (when, interface, direction, data) in enumerate(sniffed, start=1):
            writer.write(Frame(number, first + when, interface, LinkType.ETHERNET, direction, data, len(data)))


def log_prefixes(rules: str) -> set[str]:
    """Find what the rules' LOG targets begin their lines with: the kernel's log is everybody's."""
    return set(re.findall(r'--log-prefix "([^"]+)"', rules))


if __name__ == "__main__":
    main()
