"""Names as Debian 12 has them, wherever the tests run."""

import pytest

from pyiptables.packet import names

SERVICES = {
    "tcp": "tcpmux 1 echo 7 discard 9 systat 11 daytime 13 netstat 15 ftp-data 20 ftp 21 ssh 22 domain 53"
    " http 80 https 443",
    "udp": "echo 7 discard 9 daytime 13 domain 53 tftp 69 ntp 123 https 443",
}
PORTS = {
    (protocol, name): int(port)
    for protocol, text in SERVICES.items()
    for name, port in zip(text.split()[::2], text.split()[1::2], strict=True)
}
NAMES = {(protocol, port): name for (protocol, name), port in PORTS.items()}


@pytest.fixture(autouse=True, scope="session")
def _debian_names():
    patch = pytest.MonkeyPatch()
    patch.setattr(names, "service_port", lambda name, protocol=None: either(PORTS, name, protocol))
    patch.setattr(names, "service_name", lambda port, protocol=None: either(NAMES, port, protocol))
    patch.setattr(names, "host_name", lambda address, ipv6: "localhost" if address == 0x7F000001 else None)
    yield
    patch.undo()


def either(table, key, protocol):
    return next((table[one, key] for one in ([protocol] if protocol else SERVICES) if (one, key) in table), None)
