"""What sysctls say about connection tracking: switches, limits, and each protocol's timeouts in seconds.

Source: Documentation/networking/nf_conntrack-sysctl.rst; defaults of Linux 6.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyiptables.errors import HostError

PREFIX = "net.netfilter.nf_conntrack_"

TCP_TIMEOUTS = {
    "NONE": 120,
    "SYN_SENT": 120,
    "SYN_RECV": 60,
    "ESTABLISHED": 432_000,
    "FIN_WAIT": 120,
    "CLOSE_WAIT": 60,
    "LAST_ACK": 30,
    "TIME_WAIT": 120,
    "CLOSE": 10,
    "SYN_SENT2": 120,
    "MAX_RETRANS": 300,
    "UNACKNOWLEDGED": 300,
}
SCTP_TIMEOUTS = {
    "NONE": 10,
    "CLOSED": 10,
    "COOKIE_WAIT": 3,
    "COOKIE_ECHOED": 3,
    "ESTABLISHED": 210,
    "SHUTDOWN_SENT": 3,
    "SHUTDOWN_RECD": 3,
    "SHUTDOWN_ACK_SENT": 3,
    "HEARTBEAT_SENT": 30,
}
DCCP_TIMEOUTS = {
    "NONE": 240,
    "REQUEST": 240,
    "RESPOND": 480,
    "PARTOPEN": 480,
    "OPEN": 43_200,
    "CLOSEREQ": 64,
    "CLOSING": 64,
    "TIMEWAIT": 240,
}


@dataclass(frozen=True, slots=True)
class Settings:
    """The table's settings; timeouts are tuples of seconds in the order of the tracker's states."""

    acct: bool
    checksum: bool
    maximum: int
    buckets: int
    expect_maximum: int
    tcp_loose: bool
    tcp_be_liberal: bool
    tcp_ignore_invalid_rst: bool
    tcp_max_retrans: int
    tcp: tuple[int, ...]
    udp: tuple[int, int]
    gre: tuple[int, int]
    sctp: tuple[int, ...]
    dccp: tuple[int, ...] | None
    icmp: int
    icmpv6: int
    generic: int

    @classmethod
    def read(cls, sysctls: Mapping[str, str]) -> Settings:
        """The settings that the sysctls (full name to value) ask for, defaults elsewhere; HostError for a bad value.

        DCCP has a tracker only in kernels before 6.17, which is told by the presence of its sysctls.
        """

        def number(name: str, default: int) -> int:
            text = sysctls.get(PREFIX + name)
            if text is None:
                return default
            word = text.strip()
            if not word.isascii() or not word.isdigit() or len(word) > 10:
                raise HostError(f"{PREFIX}{name} = {text.strip()[:40]!r} is not a number")
            return int(word)

        def states(protocol: str, defaults: Mapping[str, int]) -> tuple[int, ...]:
            return tuple(number(f"{protocol}_timeout_{name.lower()}", value) for name, value in defaults.items())

        return cls(
            acct=bool(number("acct", 0)),
            checksum=bool(number("checksum", 1)),
            maximum=number("max", 262_144),
            buckets=number("buckets", 262_144),
            expect_maximum=number("expect_max", 4096),
            tcp_loose=bool(number("tcp_loose", 1)),
            tcp_be_liberal=bool(number("tcp_be_liberal", 0)),
            tcp_ignore_invalid_rst=bool(number("tcp_ignore_invalid_rst", 0)),
            tcp_max_retrans=number("tcp_max_retrans", 3),
            tcp=states("tcp", TCP_TIMEOUTS),
            udp=(number("udp_timeout", 30), number("udp_timeout_stream", 120)),
            gre=(number("gre_timeout", 30), number("gre_timeout_stream", 180)),
            sctp=states("sctp", SCTP_TIMEOUTS),
            dccp=states("dccp", DCCP_TIMEOUTS) if f"{PREFIX}dccp_loose" in sysctls else None,
            icmp=number("icmp_timeout", 30),
            icmpv6=number("icmpv6_timeout", 30),
            generic=number("generic_timeout", 600),
        )
