"""Names of services, protocols, hosts and networks, looked up where and as the C library does.

Source: getservbyname(3), getprotobyname(3), getaddrinfo(3), and /etc/networks for getnetbyaddr(3).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from pyiptables.hooks import Family
from pyiptables.packet.addresses import to_text

KNOWN_PROTOCOLS = {
    "tcp": 6,
    "udp": 17,
    "udplite": 136,
    "icmp": 1,
    "icmpv6": 58,
    "ipv6-icmp": 58,
    "esp": 50,
    "ah": 51,
    "sctp": 132,
    "ipv6-mh": 135,
    "mh": 135,
    "mobility-header": 135,
    "dccp": 33,
    "ipcomp": 108,
    "all": 0,
}
"""Protocol names that the program knows without looking in /etc/protocols."""
TOS_NAMES = {
    "Minimize-Delay": 0x10,
    "Maximize-Throughput": 0x08,
    "Maximize-Reliability": 0x04,
    "Minimize-Cost": 0x02,
    "Normal-Service": 0x00,
}
"""Types of service (RFC 1349)."""
DSCP_CLASSES = {
    **{f"CS{number}": number << 3 for number in range(8)},
    "BE": 0,
    **{f"AF{number}{drop}": number << 3 | drop << 1 for number in range(1, 5) for drop in range(1, 4)},
    "EF": 0x2E,
}
"""The code points of DiffServ classes (RFC 2474, 2597, 3246)."""

SAVED_PROTOCOLS = {
    0: "all",
    1: "icmp",
    6: "tcp",
    17: "udp",
    33: "dccp",
    50: "esp",
    51: "ah",
    58: "ipv6-icmp",
    108: "ipcomp",
    132: "sctp",
    135: "mobility-header",
    136: "udplite",
}
"""Protocols that are saved by name; all others are saved as numbers."""


@cache
def service_port(name: str, protocol: str | None = None) -> int | None:
    """The port of a service name in /etc/services, or None."""
    import socket

    try:
        return socket.getservbyname(name, protocol) if protocol else socket.getservbyname(name)
    except (OSError, ValueError, UnicodeError):
        return None


@cache
def service_name(port: int, protocol: str | None = None) -> str | None:
    """The service name of a port, or None."""
    import socket

    try:
        return socket.getservbyport(port, protocol) if protocol else socket.getservbyport(port)
    except (OSError, OverflowError):
        return None


@cache
def protocol_number(name: str, *, exact: bool = False) -> int | None:
    """The number of a protocol name, in the program's own list first, then in /etc/protocols; in any case unless exact."""
    name = name if exact else name.lower()
    found = KNOWN_PROTOCOLS.get(name)
    if found is not None:
        return found
    import socket

    try:
        return socket.getprotobyname(name)
    except (OSError, ValueError, UnicodeError):
        return None


@cache
def _protocols_file() -> dict[int, str]:
    """/etc/protocols by number; Python has no getprotobynumber."""
    found: dict[int, str] = {}
    for words in _lines_of("/etc/protocols"):
        if words[1].isascii() and words[1].isdigit() and len(words[1]) < 10:
            found.setdefault(int(words[1]), words[0])
    return found


def protocol_name(number: int) -> str | None:
    """The name of a protocol: the program's own, else that of /etc/protocols, or None (proto_to_name)."""
    return SAVED_PROTOCOLS.get(number) or _protocols_file().get(number)


_resolving = True


@contextmanager
def without_resolver() -> Iterator[None]:
    """Meanwhile the resolver is not asked: no host but localhost has an address."""
    global _resolving  # noqa: PLW0603
    before, _resolving = _resolving, False
    try:
        yield
    finally:
        _resolving = before


def resolve_host(name: str, ipv6: bool) -> tuple[int, ...]:
    """The addresses of a host name, in the resolver's order, each once; empty when it is not found."""
    if _resolving:
        return _resolved(name, ipv6)
    return (1 if ipv6 else 0x7F000001,) if name == "localhost" else ()


@cache
def _resolved(name: str, ipv6: bool) -> tuple[int, ...]:
    import socket

    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    try:
        answers = socket.getaddrinfo(name.encode("utf-8", "surrogateescape"), None, family, socket.SOCK_RAW)
    except (OSError, UnicodeError):
        return ()
    packed = (socket.inet_pton(family, str(answer[4][0]).partition("%")[0]) for answer in answers)
    return tuple(dict.fromkeys(int.from_bytes(address, "big") for address in packed))


@cache
def host_name(address: int, ipv6: bool) -> str | None:
    """The name that the resolver gives an address, or None (gethostbyaddr)."""
    import socket

    family = socket.AF_INET6 if ipv6 else socket.AF_INET
    try:
        return socket.gethostbyaddr(socket.inet_ntop(family, address.to_bytes(16 if ipv6 else 4, "big")))[0]
    except (OSError, UnicodeError):
        return None


@cache
def _networks_file() -> tuple[tuple[tuple[str, ...], int], ...]:
    """/etc/networks: the names of each network, its aliases last, and its IPv4 address."""
    import socket

    found: list[tuple[tuple[str, ...], int]] = []
    for name, address, *aliases in _lines_of("/etc/networks"):
        parts = address.split(".")
        try:  # a part may be octal or hexadecimal; missing ones are 0
            packed = socket.inet_aton(".".join(parts + ["0"] * (4 - len(parts))))
        except (OSError, ValueError):
            continue
        found.append(((name, *aliases), int.from_bytes(packed, "big")))
    return tuple(found)


def network_name(address: int) -> str | None:
    """The name of an IPv4 network in /etc/networks, or None."""
    return next((names[0] for names, value in _networks_file() if value == address), None)


def network_address(name: str) -> int | None:
    """The IPv4 address of a network name, or of an alias, in /etc/networks; or None."""
    return next((value for names, value in _networks_file() if name in names), None)


def _lines_of(path: str) -> Iterator[list[str]]:
    """The words of each line of a file of names, comments left out; nothing when it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            for line in file:
                words = line.partition("#")[0].split()
                if len(words) >= 2:
                    yield words
    except OSError:
        return


def any_name(address: int, family: Family) -> str:
    """A host's name, or an IPv4 network's, or the address (xtables_ipaddr_to_anyname)."""
    if family is Family.IPV6:
        return host_name(address, True) or to_text(address, family)
    return host_name(address, False) or network_name(address) or to_text(address, family)
