"""P102."""

from __future__ import annotations

from collections.abc import Iterator

from pyiptables.hooks import Family
from pyiptables.lint.check import Check
from pyiptables.lint.finding import Finding
from pyiptables.lint.subject import Subject

LOOPBACK = {Family.IPV4: (0x7F000000, 0xFF000000, "127.0.0.0/8"), Family.IPV6: (1, (1 << 128) - 1, "::1")}


class LoopbackTraffic(Check):
    """Loopback is not accepted first, or its addresses are not refused elsewhere.

    The CIS benchmarks ask for ``-i lo -j ACCEPT`` in INPUT, ``-o lo -j ACCEPT`` in OUTPUT, and behind the first a rule
    that drops what comes from 127.0.0.0/8 (::1) by another interface. Off unless asked for; the kernel itself drops
    such packets unless ``route_localnet`` is on.

    Bad:
        -A INPUT -p tcp --dport 22 -j ACCEPT

    Good:
        -A INPUT -i lo -j ACCEPT
        -A INPUT -s 127.0.0.0/8 -j DROP
        -A OUTPUT -o lo -j ACCEPT

    Suppress when:
        the rules accept loopback in another way.
    """

    code = "P102"
    name = "loopback-traffic"
    default = False

    def run(self, subject: Subject) -> Iterator[Finding]:
        """What is missing, at the chain where it should stand."""
        for family in subject.families:
            table = subject.ruleset(family).tables.get("filter")
            if table is None:
                continue
            address, mask, text = LOOPBACK[family]
            inputs, outputs = table.chains["INPUT"], table.chains["OUTPUT"]
            accepted = refused = 0
            for number, rule in enumerate(inputs.rules, 1):
                spec = rule.spec
                if spec.jump == "ACCEPT" and spec.in_interface is not None and spec.in_interface.name == "lo":
                    accepted = accepted or number
                source = spec.source
                if spec.target_name in ("DROP", "REJECT") and source is not None and not source.invert:
                    refused = number if (source.address, source.mask) == (address, mask) else refused
            place = subject.chain_place(family, "filter", "INPUT")
            if not accepted:
                yield self.found(place, "INPUT has no rule that accepts -i lo", family=family)
            if refused <= accepted or not refused:
                yield self.found(
                    place, f"INPUT does not drop what comes from {text} by other interfaces", family=family
                )
            if not any(_leaves_by_lo(rule.spec.out_interface, rule.spec.jump) for rule in outputs.rules):
                there = subject.chain_place(family, "filter", "OUTPUT")
                yield self.found(there, "OUTPUT has no rule that accepts -o lo", family=family)


def _leaves_by_lo(given: object, jump: str | None) -> bool:
    return jump == "ACCEPT" and getattr(given, "name", "") == "lo"
