"""Timeout policies: the times that ``-j CT --timeout NAME`` gives connections, as ``nfct list timeout`` prints them.

::

    .short = {
        .l3proto = 2,
        .l4proto = 6,
        .policy = {
            .SYN_SENT = 7,
            .ESTABLISHED = 100,
        },
    };

Source: libnetfilter_cttimeout's default output format; net/netfilter/nfnetlink_cttimeout.c.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pyiptables.conntrack.settings import DCCP_TIMEOUTS, SCTP_TIMEOUTS, TCP_TIMEOUTS, Settings
from pyiptables.conntrack.tuples import DCCP, GRE, ICMP, ICMPV6, SCTP, TCP, UDP, UDPLITE
from pyiptables.errors import HostError
from pyiptables.hooks import Family

FAMILIES = {2: Family.IPV4, 10: Family.IPV6}
ANSWERED, ONE = ("UNREPLIED", "REPLIED"), ("TIMEOUT",)
STATES: dict[int, tuple[str, tuple[str, ...]]] = {
    TCP: ("tcp", tuple(TCP_TIMEOUTS)),
    UDP: ("udp", ANSWERED),
    UDPLITE: ("udp", ANSWERED),
    GRE: ("gre", ANSWERED),
    SCTP: ("sctp", tuple(SCTP_TIMEOUTS)),
    DCCP: ("dccp", tuple(DCCP_TIMEOUTS)),
    ICMP: ("icmp", ONE),
    ICMPV6: ("icmpv6", ONE),
}
"""By protocol: the setting that a policy replaces, and the names of its times in order."""
GENERIC = ("generic", ONE)
NAMES = {"RETRANS": "MAX_RETRANS"}
"""Times that nfct calls otherwise."""
MOST_SECONDS = (1 << 32) - 1
_WORDS = re.compile(r"\.(\w[^\s=]*)\s*=\s*(\{|\d{1,10}(?!\d))\s*,?|(\})\s*[,;]?|(\S+)")


@dataclass(frozen=True, slots=True)
class TimeoutPolicy:
    """The times of one protocol's states, in seconds; ``protocol`` 255 is for those without a tracker."""

    name: str
    family: Family
    protocol: int
    seconds: Mapping[str, int]

    def fits(self, family: Family, protocol: int) -> bool:
        """Whether it is for connections of that family and protocol."""
        return family is self.family and (
            protocol == self.protocol or (protocol not in STATES and self.protocol == 255)
        )

    def settings(self, base: Settings) -> Settings:
        """The settings with these times in place of their own."""
        field, names = STATES.get(self.protocol, GENERIC)
        before = getattr(base, field)
        if before is None:  # a kernel without that tracker
            return base
        if names == ONE:
            times: Any = self.seconds.get("TIMEOUT", before)
        else:
            times = tuple(map(self.seconds.get, names, before))
        changed: dict[str, Any] = {field: times}
        return replace(base, **changed)


def read_policies(text: str, source: str | None = None) -> dict[str, TimeoutPolicy]:
    """The policies that the text lists, by name; HostError where it is none of ``nfct list timeout``."""
    found: dict[str, TimeoutPolicy] = {}
    stack: list[dict[str, Any]] = [{}]
    names: list[str] = []
    for word in _WORDS.finditer(text):
        name, value, closes, other = word.groups()
        if other is not None or (closes and len(stack) == 1) or (value == "{" and len(stack) > 2):
            line = text.count("\n", 0, word.start()) + 1
            raise HostError("not a list of nfct's timeouts", source=source, line=line, snippet=word[0][:200])
        if closes:
            inner = stack.pop()
            stack[-1][names.pop()] = inner
        elif value == "{":
            stack.append({})
            names.append(name)
        else:
            stack[-1][NAMES.get(name, name)] = int(value)
    if len(stack) != 1:
        raise HostError("a list of nfct's timeouts that breaks off", source=source)
    for name, parts in stack[0].items():
        found[name] = _policy(name, parts, source)
    return found


def _policy(name: str, parts: Any, source: str | None) -> TimeoutPolicy:
    """One policy; HostError where a part is missing or too large."""
    if isinstance(parts, dict):
        family, protocol, seconds = FAMILIES.get(parts.get("l3proto", 0)), parts.get("l4proto"), parts.get("policy")
        if family and isinstance(protocol, int) and protocol <= 255 and isinstance(seconds, dict):
            times = {state: value for state, value in seconds.items() if isinstance(value, int)}
            if max(times.values(), default=0) <= MOST_SECONDS:
                return TimeoutPolicy(name, family, protocol, times)
    raise HostError(f"timeout policy {name[:32]}: expected .l3proto, .l4proto and .policy", source=source)
