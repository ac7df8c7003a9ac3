"""Families, hooks, priorities, verdicts, and which table hooks where: the kernel's own numbers.

Source: include/uapi/linux/netfilter.h, netfilter_ipv4.h, netfilter_ipv6.h.
"""

from __future__ import annotations

from enum import Enum, IntEnum


class Family(IntEnum):
    """An address family, numbered as AF_INET and AF_INET6.

    ``bits`` of an address: 32 or 128; ``version``: that of IP, 4 or 6; ``command``: the one that handles it.
    """

    IPV4 = 2
    IPV6 = 10

    bits: int
    version: int
    command: str

    def __init__(self, number: int) -> None:
        """Looked up as plain attributes, for each rule and packet."""
        self.bits, self.version, self.command = (32, 4, "iptables") if number == 2 else (128, 6, "ip6tables")


class Hook(IntEnum):
    """A hook of the network layer, numbered as NF_INET_*."""

    PREROUTING = 0
    INPUT = 1
    FORWARD = 2
    OUTPUT = 3
    POSTROUTING = 4


class Priority(IntEnum):
    """Where a callback stands at a hook; lower runs first (enum nf_ip_hook_priorities)."""

    DEFRAG = -400
    RAW = -300
    CONNTRACK = -200
    MANGLE = -150
    NAT_DST = -100
    FILTER = 0
    SECURITY = 50
    NAT_SRC = 100
    CONNTRACK_HELPER = 300
    CONNTRACK_CONFIRM = 2**31 - 1


class Verdict(Enum):
    """What a callback decides about a packet (NF_*)."""

    DROP = 0
    ACCEPT = 1
    STOLEN = 2
    QUEUE = 3
    REPEAT = 4


TABLES: dict[str, dict[Hook, int]] = {
    "raw": {Hook.PREROUTING: Priority.RAW, Hook.OUTPUT: Priority.RAW},
    "mangle": dict.fromkeys(Hook, Priority.MANGLE),
    "nat": {
        Hook.PREROUTING: Priority.NAT_DST,
        Hook.INPUT: Priority.NAT_SRC,
        Hook.OUTPUT: Priority.NAT_DST,
        Hook.POSTROUTING: Priority.NAT_SRC,
    },
    "filter": dict.fromkeys((Hook.INPUT, Hook.FORWARD, Hook.OUTPUT), Priority.FILTER),
    "security": dict.fromkeys((Hook.INPUT, Hook.FORWARD, Hook.OUTPUT), Priority.SECURITY),
}
"""The tables, each with the hooks of its built-in chains and its priority there."""
