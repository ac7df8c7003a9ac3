"""``-j REJECT``: source extensions/libipt_REJECT.c, libip6t_REJECT.c, net/ipv4/netfilter/ipt_REJECT.c."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pyiptables.errors import ParameterProblem
from pyiptables.extensions.base import Kind, Option, RuleFacts, Target, opt
from pyiptables.extensions.effects import EffectServices
from pyiptables.hooks import Family, Hook, Verdict

TCP_RESET = "tcp-reset"

NAMES = {
    Family.IPV4: {
        "icmp-net-unreachable": "net-unreach",
        "icmp-host-unreachable": "host-unreach",
        "icmp-proto-unreachable": "proto-unreach",
        "icmp-port-unreachable": "port-unreach",
        "icmp-net-prohibited": "net-prohib",
        "icmp-host-prohibited": "host-prohib",
        TCP_RESET: "tcp-rst",
        "icmp-admin-prohibited": "admin-prohib",
    },
    Family.IPV6: {
        "icmp6-no-route": "no-route",
        "icmp6-adm-prohibited": "adm-prohibited",
        "icmp6-addr-unreachable": "addr-unreach",
        "icmp6-port-unreachable": "port-unreach",
        TCP_RESET: TCP_RESET,
        "icmp6-policy-fail": "policy-fail",
        "icmp6-reject-route": "reject-route",
    },
}
"""The answers and their aliases, in the order in which they are looked for."""

DEFAULT = {Family.IPV4: "icmp-port-unreachable", Family.IPV6: "icmp6-port-unreachable"}


class RejectKind(Kind):
    """The name of an answer, or its beginning; the first that fits is meant."""

    metavar = "type"

    def parse(self, texts: Sequence[str], option: Option, facts: RuleFacts) -> Any:
        """The full name."""
        text = texts[0].lower() if texts[0].isascii() else texts[0]
        for name, alias in NAMES[facts.family].items():
            if name.startswith(text) or alias.startswith(text):
                return name
        raise ParameterProblem(f'unknown reject type "{texts[0]}"')

    def choices(self, family: Family) -> Iterable[str]:
        """The names."""
        return NAMES[family]


class RejectTarget(Target):
    """Drop the packet and answer it with an ICMP error or a TCP reset."""

    name = "REJECT"
    tables = frozenset({"filter"})
    hooks = frozenset({Hook.INPUT, Hook.FORWARD, Hook.OUTPUT})
    terminal = True
    needs = "the host's routes, for the answer"

    kind = opt("--reject-with", kind=RejectKind(), help="the answer; port unreachable unless given")

    @classmethod
    def combine(cls, values: dict[str, Any], facts: RuleFacts) -> dict[str, Any]:
        """The default answer is said like any other."""
        return values or {"kind": DEFAULT[facts.family]}

    def kernel_check(self, facts: RuleFacts) -> str | None:
        """A reset answers nothing but TCP."""
        tcp = facts.protocol == 6 and not facts.protocol_inverted
        return "tcp-reset needs -p tcp" if self.kind == TCP_RESET and not tcp else None

    def list(self, facts: RuleFacts, numeric: bool) -> str:
        """``reject-with icmp-port-unreachable``."""
        return f" reject-with {self.kind}"

    def apply(self, skb: Any, state: None, services: EffectServices) -> Verdict | None:
        """Answer, and drop."""
        return services.reject(skb, self.kind)
