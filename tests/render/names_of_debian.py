"""The names that the recorded listings were made with, so that they do not depend on the machine."""

from __future__ import annotations

import pytest

from pyiptables.packet import names

SERVICES = {
    20: "ftp-data",
    21: "ftp",
    22: "ssh",
    53: "domain",
    80: "http",
    443: "https",
    547: "dhcpv6-server",
    8080: "http-alt",
}
PROTOCOLS = {41: "ipv6", 44: "ipv6-frag", 47: "gre", 59: "ipv6-nonxt"}
NETWORKS = ((("default",), 0), (("loopback",), 127 << 24), (("link-local",), 169 << 24 | 254 << 16))
HOSTS = {127 << 24 | 1: "localhost"}


@pytest.fixture(autouse=True)
def debian_names(monkeypatch):
    monkeypatch.setattr(names, "service_name", lambda port, protocol=None: SERVICES.get(port))
    monkeypatch.setattr(
        names, "service_port", lambda name, protocol=None: {v: k for k, v in SERVICES.items()}.get(name)
    )
    monkeypatch.setattr(names, "_protocols_file", lambda: PROTOCOLS)
    monkeypatch.setattr(names, "_networks_file", lambda: NETWORKS)
    monkeypatch.setattr(names, "host_name", lambda address, ipv6: HOSTS.get(address))
    names.protocol_number.cache_clear()
    monkeypatch.setitem(names.KNOWN_PROTOCOLS, "gre", 47)
    monkeypatch.setitem(names.KNOWN_PROTOCOLS, "ipv6", 41)
    yield
    names.protocol_number.cache_clear()
