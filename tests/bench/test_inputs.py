"""What the benchmarks are fed with is what it is said to be."""

from __future__ import annotations

from collections import Counter

import pytest

from pyiptables import Family, load
from pyiptables.cli.trace import main

from . import captures, flat, kube


@pytest.mark.parametrize(("services", "rules"), [(1, 27), (100, 1134)])
def test_kube(services, rules):
    ruleset = load(kube.ruleset(kube.services(services)))
    assert sum(1 for _ in ruleset.rules()) == rules


def test_flat():
    assert len(load(flat.ruleset(100)).table("filter").chains["INPUT"].rules) == 100


@pytest.fixture
def traced(tmp_path, capsys):
    """The summary of 2000 packets in 40 flows through the rules of 20 services, and the connections that are left."""
    services = kube.services(20, endpoints=1)
    (tmp_path / "rules").write_text("".join(kube.ruleset(services)))
    (tmp_path / "host").write_text(captures.HOST)
    with open(tmp_path / "capture", "wb") as file:
        captures.write(file, services, 2000, 40)
    files = [f"--{name}={tmp_path / name.removeprefix('save-')}" for name in ("rules", "host", "save-conntrack")]
    assert main([*files, "--summary", str(tmp_path / "capture")], Family.IPV4, None) == 0
    return capsys.readouterr().out.splitlines()[1:-1], (tmp_path / "conntrack").read_text().splitlines()


def test_every_packet_is_forwarded_and_belongs_to_its_flow(traced):
    summary, connections = traced
    packets = [line for line in summary if " ACCEPT" in line]
    assert len(packets) == 2000
    assert len(connections) == 40
    states = Counter(state for line in packets for state in ("NEW", "EST", "INV") if f" {state}" in line)
    assert states["INV"] == 0
    assert 40 <= states["NEW"] < 100


def test_tcp_flows_are_torn_down(traced):
    _, connections = traced
    tcp = [line for line in connections if line.startswith("tcp")]
    assert len(tcp) > 20
    assert all("TIME_WAIT" in line and "[ASSURED]" in line for line in tcp)
